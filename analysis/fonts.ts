/** The fonts of figures: where they lie, how wide a text is in them, and what to draw of it. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Font } from 'fontkit';
import { packageFolder } from '../src/files';
import { userError } from '../src/problems';
import { runTool } from '../src/tool';
import { fontFamily } from './style';

/** A font of figures: the name under which a drawing asks for it, and its files. */
export interface FigureFont {
  family: string;
  regular: string;
  bold: string;
}

const bundled = join(packageFolder('dejavu-fonts-ttf') ?? 'dejavu-fonts-ttf', 'ttf');
/** The font of all figures that ask for no other. */
export const houseFont: FigureFont = {
  family: fontFamily,
  regular: join(bundled, 'DejaVuSansCondensed.ttf'),
  bold: join(bundled, 'DejaVuSansCondensed-Bold.ttf'),
};

/** A font with its files read. */
interface OpenFont {
  regular: Font;
  bold: Font;
}
const opened = new Map<string, OpenFont>();

/** Reads a font's files once; drawings then ask for it by its family. Throws Error for a file that is no font. */
async function openFont({ family, regular, bold }: FigureFont): Promise<OpenFont> {
  const known = opened.get(family);
  if (known !== undefined) return known;
  const { openSync } = await import('fontkit');
  const read = (path: string): Font => {
    const font = openSync(path);
    if ('fonts' in font) throw new Error('is a collection of fonts');
    return font;
  };
  const font = { regular: read(regular), bold: bold === regular ? read(regular) : read(bold) };
  opened.set(family, font);
  return font;
}

/** Makes a font, and the house's beside it, ready for `textWidth` and `textPath`. */
export async function useFont(font: FigureFont): Promise<void> {
  await Promise.all([openFont(houseFont), openFont(font)]);
}

const isBold = (weight: string | number | undefined) => weight === 'bold' || Number(weight) >= 600;

/** What an item of a drawing says of its text. */
export interface TextLook {
  font?: string;
  fontSize?: number;
  fontWeight?: string | number;
}

/** The font of an item, and the house's, which has what the other lacks. */
function facesOf({ font = fontFamily, fontWeight }: TextLook): { own: Font; house: Font } {
  const side = isBold(fontWeight) ? 'bold' : 'regular';
  const house = opened.get(fontFamily)![side];
  return { own: opened.get(font)?.[side] ?? house, house };
}

/** A text in stretches, each with the font that has all its characters. */
function stretches(text: string, look: TextLook): { font: Font; text: string }[] {
  const { own, house } = facesOf(look);
  const all: { font: Font; text: string }[] = [];
  for (const character of text) {
    const font = own === house || own.hasGlyphForCodePoint(character.codePointAt(0)!) ? own : house;
    const last = all.at(-1);
    if (last?.font === font) last.text += character;
    else all.push({ font, text: character });
  }
  return all;
}

/** Whether the font of an item has every character of a text. */
export const covers = (text: string, look: TextLook): boolean => {
  const { own } = facesOf(look);
  return [...text].every((character) => own.hasGlyphForCodePoint(character.codePointAt(0)!));
};

const widths = new Map<string, number>();

/** Width of a line in the units of its size. */
export function textWidth(text: string, look: TextLook): number {
  const key = `${look.font ?? fontFamily} ${isBold(look.fontWeight)} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    width = stretches(text, look).reduce(
      (sum, { font, text: part }) => sum + font.layout(part).advanceWidth / font.unitsPerEm,
      0,
    );
    widths.set(key, width);
  }
  return width * (look.fontSize ?? 11);
}

const letters: Record<string, string> = {
  moveTo: 'M',
  lineTo: 'L',
  quadraticCurveTo: 'Q',
  bezierCurveTo: 'C',
  closePath: 'Z',
};

/** The outlines of a line whose baseline begins at (x, y), as the data of an SVG path. */
export function textPath(text: string, look: TextLook, x: number, y: number): string {
  const size = look.fontSize ?? 11;
  const parts: string[] = [];
  let from = x;
  for (const { font, text: part } of stretches(text, look)) {
    const unit = size / font.unitsPerEm;
    const { glyphs, positions } = font.layout(part);
    glyphs.forEach(({ path }, i) => {
      const { xAdvance, xOffset, yOffset } = positions[i]!;
      for (const { command, args } of path.commands)
        parts.push(
          letters[command]! +
            args
              .map((value, at) => (at % 2 === 0 ? from + (value + xOffset) * unit : y - (value + yOffset) * unit))
              .map((value) => Number(value.toFixed(2)))
              .join(' '),
        );
      from += xAdvance * unit;
    });
  }
  return parts.join('');
}

/** Mean width of a small letter over the size of the text. */
export function letterWidth({ family }: FigureFont): number {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz';
  return textWidth(alphabet, { font: family, fontSize: 1 }) / alphabet.length;
}

/** A family whose files come with the bundled package: `DejaVu Serif` and its kind. */
function bundledFont(asked: string): FigureFont | undefined {
  const bare = asked.replaceAll(' ', '').toLowerCase();
  const names = existsSync(bundled) ? readdirSync(bundled) : [];
  const file = (ending: string) => names.find((name) => name.toLowerCase() === `${bare}${ending}`);
  const regular = file('.ttf');
  if (regular === undefined) return undefined;
  return { family: asked, regular: join(bundled, regular), bold: join(bundled, file('-bold.ttf') ?? regular) };
}

/** The file of a family that the machine has installed, by fontconfig. */
async function installedFile(asked: string, weight: 'regular' | 'bold'): Promise<string | undefined> {
  const pattern = `${asked.replace(/[\\:,-]/g, '\\$&')}:${weight}`;
  const found = await runTool('fc-match', ['-f', '%{family}\n%{file}', pattern], { seconds: 10 });
  const [families = '', file = ''] = found.out.split('\n');
  const same = families.split(',').some((family) => family.toLowerCase() === asked.toLowerCase());
  return found.code === 0 && same && /\.[ot]tf$/i.test(file) ? file : undefined;
}

const fontFile = /\.(ttf|otf)$/i;

/** A name that stands in SVG and CSS as it is. */
const plainName = (name: string) => name.replace(/[^\p{L}\p{N} -]/gu, '');

/** The font that a user names: a file, a family of DejaVu, or one that the machine has. Throws UserError. */
export async function findFont(asked: string): Promise<FigureFont> {
  const path = resolve(asked);
  const isFile = fontFile.test(asked);
  if (isFile && !existsSync(path)) throw userError({ where: `--font ${asked}`, what: 'there is no such file' });
  const regular = isFile ? path : await installedFile(asked, 'regular');
  const found =
    bundledFont(asked) ??
    (regular === undefined
      ? undefined
      : {
          family: plainName(isFile ? basename(asked).replace(fontFile, '') : asked),
          regular,
          bold: isFile ? regular : ((await installedFile(asked, 'bold')) ?? regular),
        });
  if (found === undefined)
    throw userError({
      where: `--font ${asked}`,
      what: 'is neither a font file nor a family that is installed',
      expected: 'a file (.ttf, .otf), DejaVu Sans, DejaVu Serif, or a family of fc-list',
    });
  try {
    await useFont(found);
  } catch (error) {
    throw userError({ where: `--font ${asked}`, what: `cannot be read as a font: ${(error as Error).message}` });
  }
  return found;
}
