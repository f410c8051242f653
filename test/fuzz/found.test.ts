/** What the fuzz net has found, and what else was of its kind: each with its smallest input. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCard } from '../../src/data/sets/store';
import type { DataSet } from '../../src/data/types';
import { featuresBy, type FeatureTower } from '../../src/models/inputs/features';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { readTfjsLayers } from '../../src/models/weights/tfjsLayers';
import { formatProblem, UserError } from '../../src/problems';
import { unpackBundle } from '../../src/sources/bundle';
import { readPins } from '../../src/sources/dataManifest';
import { isIntact, listingName } from '../../src/sources/sourceFolder';
import { tokenizerOf } from '../../src/text/tokenizerJson';
import { withCache } from '../../testing/environment';
import { fixed, head, problemsOf } from '../../testing/manifestHelp';

const place = withCache('test');
const put = (path: string, text: string): string => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};
const said = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error('nothing was refused');
};

describe('a file of JSON that holds no object', () => {
  it.each(['null', '7', '[]', '{'])('%s', async (text) => {
    put(join(place.folder, 'pins', 'x.json'), text);
    expect(await said(() => readPins('x', place.folder))).toMatch(/x\.json: is not a lock file of pins/);
    put(join(place.folder, 'card.json'), text);
    expect(await said(() => readCard(place.folder))).toMatch(/the cached set is damaged: card\.json/);
    put(join(place.folder, listingName), text);
    expect(isIntact(place.folder)).toBe(false);
    put(join(place.folder, listingName), `{"files": [${text === '{' ? '{}' : text}]}`);
    expect(isIntact(place.folder)).toBe(false);
  });

  it('as the index of stored features', async () => {
    const tower: FeatureTower = {
      name: 'constant',
      modality: 'image',
      version: 1,
      weights: 'none',
      backend: 'any',
      rows: 1,
      width: 2,
      open: () =>
        Promise.resolve({
          extract: (paths) => Promise.resolve(paths.map(() => Float32Array.of(1, 2))),
          close: () => undefined,
        }),
    };
    const set: DataSet = {
      task: 't',
      modality: 'image',
      identity: 'x',
      items: [],
      alignment: [],
      classes: [],
      media: new Map([['m', 'm.png']]),
      sources: [],
    };
    expect([...(await featuresBy(set, tower)).of('m')]).toEqual([1, 2]);
    const [name] = readdirSync(join(place.cache, 'features'));
    put(join(place.cache, 'features', name!, 'index.json'), 'null');
    expect(await said(() => featuresBy(set, tower))).toMatch(/its index is missing or not JSON/);
  });
});

it('a field without a name, which other grids inherit, is told like any unknown key', () => {
  const include = [{ axes: { scheduler: ['constant'] } }];
  expect(problemsOf({ ...head, fixed: { ...fixed, '': 1 }, include }).map(({ what }) => what)).toEqual([
    'unknown key "" with value 1',
  ]);
});

describe('a message', () => {
  const header = (text: string): Uint8Array => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, Buffer.from(text)]);
  };

  it('never calls what is not there undefined', async () => {
    expect(await said(() => readSafetensors(header('{"a":{}}'), 'x'))).toMatch(/^x: tensor "a" of type nothing; /);
    expect(await said(() => unpackBundle('loadPackage({"files":[]})', Buffer.alloc(3), 'x'))).toMatch(
      /^x: the bundle has 3 bytes; expected nothing, as the script says/,
    );
    const weights = { paths: ['a.bin'], weights: [{ name: 'x', shape: [1] }] };
    put(join(place.folder, 'model.json'), JSON.stringify({ format: 'layers-model', weightsManifest: [weights] }));
    expect(await said(() => readTfjsLayers(place.folder))).toMatch(/weight "x" is of type nothing; expected float32/);
  });

  it('of a library does not either', async () => {
    const path = join(__dirname, '..', 'fixtures', 'processors', 'llava-1.5', 'tokenizer.json');
    const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    expect(await said(() => tokenizerOf({ ...tokenizer, decoder: {} }, {}))).toMatch(
      /^tokenizer\.json: this tokenizer cannot be built: Unknown Decoder type: nothing; /,
    );
  });

  it('has an end, whatever names a file has', async () => {
    const name = 'x'.repeat(100_000);
    expect((await said(() => readSafetensors(header(`{"${name}":{}}`), 'x'))).length).toBeLessThan(2000);
    expect(formatProblem({ where: name, what: name, expected: name, hint: name }).length).toBeLessThan(6100);
    expect(formatProblem({ where: 'a', what: 'b', expected: 'c', hint: 'd' })).toBe('a: b; expected c; d');
  });
});
