/** Contact sheets: pictures of a set, to be looked at before anything is trained on it. */
import { Resvg } from '@resvg/resvg-js';
import { dirname, join } from 'node:path';
import { exitCode, userError } from '../../problems';
import { random } from '../../random';
import { openSharp } from '../../sources/sharp';
import type { DataSet, Item } from '../types';

/** How a sheet is laid out; pixels. */
interface Layout {
  columns: number;
  picture: number;
  cell: { width: number; height: number };
  /** of the texts, from the top left of their picture */
  text: { left: number; top: number; size: number };
}

/** A picture with its question beside it. */
const questions: Layout = {
  columns: 4,
  picture: 128,
  cell: { width: 300, height: 156 },
  text: { left: 136, top: 10, size: 10 },
};

/** Many pictures, each with its id below it. */
const pictures: Layout = {
  columns: 12,
  picture: 88,
  cell: { width: 104, height: 124 },
  text: { left: 0, top: 98, size: 8 },
};

const margin = 10;
const lineHeight = 13;
/** most pictures on the sheet of one answer */
const mostOfAnAnswer = 96;

interface Line {
  text: string;
  /** attributes of the SVG text */
  style: string;
}

/** A picture of a sheet with the lines of text that belong to it. */
interface Cell {
  item: Item;
  lines: Line[];
}

/** `count` items spread evenly over the set's (slice, kind) pairs; the same set gives the same sample. */
function sampleItems(set: DataSet, count: number): Item[] {
  const groups = new Map<string, Item[]>();
  for (const item of random(set.identity, 'contact-sheet').shuffle(set.items)) {
    const key = `${item.slice}/${item.kind}`;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  const sample: Item[] = [];
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, items]) => items);
  for (let round = 0; sample.length < Math.min(count, set.items.length); round++) {
    for (const items of sorted) if (round < items.length && sample.length < count) sample.push(items[round]!);
  }
  return sample.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) =>
  text.replace(/[&<>"]/g, (character) => escapes[character]!).replace(/[^\t\n\x20-\uFFFD]/g, '?');

/** Lines of at most `length` characters, broken at spaces. */
function wrap(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= length) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/**
 * A PNG with about 24 pictures, each with its slice, prompt, choices and answer (in bold).
 * Throws UserError for a set of sounds.
 */
export async function contactSheet(set: DataSet, count = 24): Promise<Buffer> {
  const broken = (text: string) => wrap(text, 24);
  const cells = sampleItems(set, count).map((item) => ({
    item,
    lines: [
      { text: item.id, style: 'fill="#777"' },
      ...broken(item.prompt).map((text) => ({ text, style: 'fill="#222"' })),
      { text: item.answer, style: 'fill="#000" font-weight="bold"' },
      ...broken(item.choices.join(' / ')).map((text) => ({ text, style: 'fill="#357"' })),
    ],
  }));
  return drawSheet(set, cells, questions);
}

/**
 * A PNG for every answer to questions of this kind, by answer: up to 96 pictures that have it, so that an eye finds
 * those that do not show what the answer says. Throws UserError for a set of sounds, and for a kind that it lacks.
 */
export async function answerSheets(set: DataSet, kind: string): Promise<Map<string, Buffer>> {
  const kinds = [...new Set(set.items.map((item) => item.kind))].sort();
  if (!kinds.includes(kind))
    throw userError(
      { where: set.task, what: `it has no questions of kind ${JSON.stringify(kind)}`, expected: kinds.join(', ') },
      exitCode.badInput,
    );
  const shuffled = random(set.identity, 'answer-sheets').shuffle(set.items.filter((item) => item.kind === kind));
  const sheets = new Map<string, Buffer>();
  for (const answer of [...new Set(shuffled.map((item) => item.answer))].sort()) {
    const items = shuffled.filter((item) => item.answer === answer).slice(0, mostOfAnAnswer);
    const cells = items.map((item) => ({ item, lines: [{ text: item.id, style: 'fill="#777"' }] }));
    sheets.set(answer, await drawSheet(set, cells, pictures));
  }
  return sheets;
}

async function drawSheet(set: DataSet, cells: readonly Cell[], layout: Layout): Promise<Buffer> {
  if (set.modality !== 'image')
    throw userError(
      { where: set.task, what: 'its media are sounds', expected: 'a set of pictures' },
      exitCode.badInput,
    );
  const sharp = await openSharp();
  const { columns, picture, cell, text: place } = layout;
  const width = columns * cell.width;
  const height = Math.ceil(cells.length / columns) * cell.height;
  const texts: string[] = [];
  const drawn = await Promise.all(
    cells.map(async ({ item, lines }, i) => {
      const left = (i % columns) * cell.width + margin;
      const top = Math.floor(i / columns) * cell.height + margin;
      lines.forEach(({ text, style }, line) => {
        texts.push(
          `<text x="${left + place.left}" y="${top + place.top + line * lineHeight}" font-family="DejaVu Sans" font-size="${place.size}" ${style}>${escapeXml(text)}</text>`,
        );
      });
      return {
        input: await sharp(set.media.get(item.media)!)
          .resize(picture, picture, { fit: 'contain', background: '#fff' })
          .toBuffer(),
        left,
        top,
      };
    }),
  );
  const fonts = dirname(require.resolve('dejavu-fonts-ttf/package.json'));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${texts.join('')}</svg>`;
  const page = new Resvg(svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => join(fonts, 'ttf', name)),
      defaultFontFamily: 'DejaVu Sans',
    },
  })
    .render()
    .asPng();
  return sharp(page).composite(drawn).png().toBuffer();
}
