/**
 * Stamps of Tux Paint whose caption is a noun of WordNet that is of the kind its folder says: pictures with a category
 * that two sources agree on.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSharp } from '../../../sources/sharp';
import type { Source } from '../generator';
import type { Raster } from '../svg';
import type { Nouns, Synset } from '../../../text/wordnet';

export const categories = ['animal', 'food', 'plant', 'vehicle', 'clothes', 'tool'] as const;
export type Category = (typeof categories)[number];

/** Folder of a stamp -> its category, and the words of WordNet synsets of which its noun must be a kind. */
const folders: readonly { folder: string; category: Category; roots: readonly string[] }[] = [
  { folder: 'animals', category: 'animal', roots: ['animal'] },
  {
    folder: 'food',
    category: 'food',
    roots: ['food', 'foodstuff', 'edible fruit', 'vegetable', 'edible nut', 'produce'],
  },
  { folder: 'plants', category: 'plant', roots: ['plant', 'flower', 'fungus'] },
  { folder: 'vehicles', category: 'vehicle', roots: ['vehicle'] },
  { folder: 'military/vehicles', category: 'vehicle', roots: ['vehicle'] },
  { folder: 'clothes', category: 'clothes', roots: ['clothing', 'garment', 'footwear', 'headdress', 'covering'] },
  { folder: 'household', category: 'tool', roots: ['instrumentality'] },
  { folder: 'medical', category: 'tool', roots: ['instrumentality'] },
  { folder: 'hobbies', category: 'tool', roots: ['instrumentality'] },
];

export interface Stamp {
  /** path inside the source */
  file: string;
  noun: string;
  category: Category;
  synset: Synset;
}

/** What the categories of a version are called, and which stamps stay away. */
export interface Wording {
  /** the answer that stands for a category */
  word(category: Category): string;
  /** ends of paths of stamps that do not show what their folder and WordNet agree on */
  leftOut: readonly string[];
}

/** Version 1: `tool` for whatever WordNet calls an instrumentality, glasses, violins and bins among them. */
export const asFolders: Wording = { word: (category) => category, leftOut: [] };

/** Version 2: checked on a sheet of the pictures of every answer. A wheel is no vehicle, a teddy bear no animal. */
export const asShown: Wording = {
  word: (category) => (category === 'tool' ? 'object' : category),
  leftOut: [
    'vehicles/7spoke256.png',
    'vehicles/wheel_tractor.png',
    'cartoon/teddy_bear.png',
    'toys/edward_bear.png',
    'plants/eggplant.png',
  ],
};

/** Words of a caption that may be its noun: after the article, before a comma or a clause, up to four words. */
function candidates(caption: string): string[] {
  const words = caption
    .toLowerCase()
    .replace(/\(.*?\)/g, '')
    .replace(/[.!?].*$/, '')
    .replace(/^(an?|the|some|a pair of) /, '')
    .split(/,| with | on | of | in | for /)[0]!
    .trim()
    .split(/\s+/);
  return words
    .slice(0, 4)
    .map((_, i) => words.slice(i).join(' '))
    .filter((word) => /^[a-z' -]+$/.test(word));
}

/** PNG stamps in the order of their paths, and the number of those that were left out for each reason. */
export function findStamps(
  source: Source,
  nouns: Nouns,
  { leftOut }: Wording = asFolders,
): { stamps: Stamp[]; skipped: Record<string, number> } {
  const base = 'usr/share/tuxpaint/stamps';
  const stamps: Stamp[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  const names = readdirSync(join(source.folder, base), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.png') && !/_(mirror|flip)\.png$/.test(name))
    .sort();
  for (const name of names) {
    const place = folders.find(({ folder }) => name.startsWith(`${folder}/`));
    if (place === undefined) {
      skip('stamp: no category has its folder');
      continue;
    }
    if (leftOut.some((file) => name.endsWith(file))) {
      skip('stamp: does not show its category');
      continue;
    }
    const text = join(source.folder, base, name.replace(/\.png$/, '.txt'));
    if (!existsSync(text)) {
      skip('stamp: no caption');
      continue;
    }
    const caption = readFileSync(text, 'utf8').split('\n')[0]!.trim();
    const isOfKind = (synset: Synset) => nouns.ancestors(synset).some(({ words }) => place.roots.includes(words[0]!));
    const found = candidates(caption)
      .map((noun) => ({ noun, synset: nouns.senses(noun).find(isOfKind) }))
      .find(({ synset }) => synset !== undefined);
    if (found?.synset === undefined) {
      skip('stamp: WordNet does not confirm its category');
      continue;
    }
    stamps.push({ file: `${base}/${name}`, noun: found.noun, category: place.category, synset: found.synset });
  }
  return { stamps, skipped };
}

/** A stamp fitted into width x width pixels, transparent around it; undefined when it cannot be read. */
export async function drawStamp(source: Source, stamp: Stamp, width: number): Promise<Raster | undefined> {
  const sharp = await openSharp();
  try {
    const { data, info } = await sharp(join(source.folder, stamp.file), { limitInputPixels: 4096 * 4096 })
      .resize(width, width, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: data };
  } catch {
    return undefined;
  }
}
