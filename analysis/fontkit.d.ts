/** The part of fontkit that the analysis uses: the package ships no types. */
declare module 'fontkit' {
  export interface Glyph {
    /** outline in font units, y upwards */
    path: { commands: { command: string; args: number[] }[] };
  }
  export interface Font {
    unitsPerEm: number;
    hasGlyphForCodePoint(codePoint: number): boolean;
    /** Shapes a line of text; advances and offsets are in font units. */
    layout(text: string): {
      advanceWidth: number;
      glyphs: Glyph[];
      positions: { xAdvance: number; xOffset: number; yOffset: number }[];
    };
  }
  /** Opens a font; a collection has `fonts` instead of glyphs. Throws when the file is none. */
  export function openSync(path: string): Font | { fonts: Font[] };
}
