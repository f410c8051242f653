/** The part of fontkit that the analysis uses: the package ships no types. */
declare module 'fontkit' {
  export interface Font {
    unitsPerEm: number;
    /** Shapes a line of text; the advance is in font units. */
    layout(text: string): { advanceWidth: number };
  }
  /** Opens a TrueType file; throws when it is none. */
  export function openSync(path: string): Font;
}
