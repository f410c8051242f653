/** A small prepared set in a cache folder, as the store of sets writes one, and predictions on it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../src/files';
import type { StoredPrediction } from '../src/train/predictions';

export const setIdentity = sha256('a small set');

/** A picture of one pixel. */
export const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Writes `count` questions of kinds `name` and `count`, each with a picture, below the cache folder. */
export function writeStoredSet(cache: string, task: string, count: number, prompt: string): void {
  const folder = join(cache, 'sets', task, setIdentity.slice(0, 16));
  mkdirSync(join(folder, 'media'), { recursive: true });
  const lines = (values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const ids = Array.from({ length: count }, (_, i) => `q-${i}`);
  const origins = [{ source: 'drawn', file: 'one.png', licence: 'CC0' }];
  const files: Record<string, string> = {
    'items.jsonl': lines(
      ids.map((id) => ({
        id,
        split: 'evaluation',
        kind: 'name',
        slice: 'all',
        media: id,
        prompt,
        answer: 'a',
        choices: ['a', 'b'],
        origins,
      })),
    ),
    'media.jsonl': lines(
      ids.map((id) => ({
        key: id,
        file: `media/${id}.png`,
        bytes: onePixel.length,
        origins,
        sha256: sha256(onePixel),
      })),
    ),
    'alignment.jsonl': '',
  };
  for (const id of ids) writeFileSync(join(folder, 'media', `${id}.png`), onePixel);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const hashes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
  const sources = [{ source: 'drawn', licence: 'CC0' }];
  const card = {
    format: 'equipoise-set/1',
    task,
    modality: 'image',
    identity: setIdentity,
    sources,
    classes: [],
    files: hashes,
    notes: {},
  };
  writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
}

/** What a run said to the questions of such a set: `a`, which is right, unless `wrong` holds the question's place. */
export function predictionsOf(
  task: string,
  count: number,
  wrong: (place: number) => boolean,
  said = 'b',
): StoredPrediction[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `q-${i}`,
    task,
    kind: i % 2 === 0 ? 'name' : 'count',
    slice: 'all',
    answer: 'a',
    choices: ['a', said],
    chosen: wrong(i) ? said : 'a',
    likelihoods: wrong(i) ? [Math.log(0.2), Math.log(0.6)] : [Math.log(0.6), Math.log(0.2)],
    generated: null,
    loss: 1,
    labels: 1,
  }));
}
