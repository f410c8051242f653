/** A contact sheet: some pictures of a set with their questions, to be looked at before anything is trained on it. */
import { Resvg } from '@resvg/resvg-js';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { exitCode, userError } from '../../problems';
import { random } from '../../random';
import type { DataSet, Item } from '../types';

const columns = 4;
const picture = 128;
const cell = { width: 300, height: 156 };
const margin = 10;
const lineHeight = 13;

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
  if (set.modality !== 'image')
    throw userError(
      { where: set.task, what: 'its media are sounds', expected: 'a set of pictures' },
      exitCode.badInput,
    );
  const items = sampleItems(set, count);
  const width = columns * cell.width;
  const height = Math.ceil(items.length / columns) * cell.height;
  const texts: string[] = [];
  const pictures = await Promise.all(
    items.map(async (item, i) => {
      const left = (i % columns) * cell.width + margin;
      const top = Math.floor(i / columns) * cell.height + margin;
      const lines = [
        { text: item.id, style: 'fill="#777"' },
        ...wrap(item.prompt, 24).map((text) => ({ text, style: 'fill="#222"' })),
        { text: item.answer, style: 'fill="#000" font-weight="bold"' },
        ...wrap(item.choices.join(' / '), 24).map((text) => ({ text, style: 'fill="#357"' })),
      ];
      lines.forEach(({ text, style }, line) => {
        texts.push(
          `<text x="${left + picture + 8}" y="${top + 10 + line * lineHeight}" font-family="DejaVu Sans" font-size="10" ${style}>${escapeXml(text)}</text>`,
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
  return sharp(page).composite(pictures).png().toBuffer();
}
