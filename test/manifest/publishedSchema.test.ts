/**
 * manifest.schema.json takes what `plan` takes, as a validator sees it that is not the one `plan` is built on: for
 * manifests that fast-check makes and spoils, with tasks, checkpoints and parts of a user's own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/files';
import { loadManifest } from '../../src/manifest/load';
import { loadParts } from '../../src/ownParts';
import { type Problem, UserError } from '../../src/problems';
import { writeCheckpoint } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';
import { manifests } from '../../testing/fuzz/manifests';
import { changeJson, jsonChanges } from '../../testing/fuzz/mutate';
import { fuzzRuns, fuzzSeed } from '../../testing/fuzz/runs';
import { fileOf, fixed, head } from '../../testing/manifestHelp';
import { exampleParts } from '../../testing/ownParts';
import { put } from '../../testing/releases';

const { folder } = withCache('file', (base) => ({
  EQUIPOISE_TASKS: join(base, 'tasks'),
  EQUIPOISE_CHECKPOINTS: join(base, 'checkpoints'),
}));
const schema = JSON.parse(readFileSync(join(projectRoot, 'src', 'manifest', 'manifest.schema.json'), 'utf8')) as Schema;
const validator = new Validator(schema, '2020-12');

beforeAll(() => {
  for (const [name, modality] of [
    ['my-pictures', 'image'],
    ['my-sounds', 'audio'],
  ] as const)
    put(
      join(folder, 'tasks'),
      `${name}.json`,
      JSON.stringify({
        name,
        about: 'x',
        modality,
        format: 'jsonl',
        questions: [{ file: 'x.jsonl' }],
        media: ['x'],
        license: 'CC0-1.0',
        citeAs: 'x',
      }),
    );
  writeCheckpoint(join(folder, 'checkpoints', 'my-llava'), 'llava-1.5');
  put(join(folder, 'parts'), 'brake.ts', exampleParts.brake);
  put(join(folder, 'parts'), 'even.ts', exampleParts.even);
  put(join(folder, 'parts'), 'meanTokens.ts', exampleParts.meanTokens);
  put(join(folder, 'parts'), 'colourGrid.ts', exampleParts.colourGrid);
  loadParts(join(folder, 'parts'));
});

/**
 * What `plan` refuses and no JSON Schema can, by its line `place: what`: names of files that must be there, and rules
 * between fields that stand in several places.
 */
const beyondSchema: readonly (readonly [why: string, line: RegExp])[] = [
  ['a task, a part or a checkpoint of that name must be there', /: unknown value |: there is no (checkpoint|task) /],
  [
    'an option of a part of one’s own must be there',
    /: unknown key "(scheduler|regulariser|connector)\.|\/(scheduler|regulariser|connector)(\/\d+)?\/\w+: unknown key /,
  ],
  [
    'an option of a part of one’s own has a type that only plan knows',
    /\/scheduler\.factor(\/\d+)?: .* has the wrong type/,
  ],
  ['a name belongs to data that come with Equipoise', /: the name .* belongs to/],
  ['each run needs a task, an encoder, a backbone and a seed, wherever they are given', /: runs without /],
  ['a field has one place', /is already set|: two durations/],
  ['lists of a zip are equally long', /: the lists have different lengths/],
  ['a grid has an end', /combinations|too many runs/],
  ['each run is described once', /described twice/],
  [
    'something is left of the grid, and of each profile',
    /: every combination is excluded|: keeps no run|: excludes nothing/,
  ],
  ['a run is held to the kind that is chosen elsewhere: its options and their limits', /: with [\w.]+ [\w-]+: /],
  ['tasks, encoders and checkpoints read the same', / is about (image|audio)| about (image|audio)\b/],
  ['a task is not its own transfer', /is the task of the run itself/],
  ['a formula is read', /the formula .* cannot be used/],
  ['a batch is taken in equal parts', /parts of a batch of/],
  ['only some see an image in tiles', /sees an image whole/],
  ['a checkpoint stands alone', /brings its own|without a checkpoint|has its whole vocabulary/],
  ['a scheduler keeps its regulariser', /without its regulariser/],
  ['options of a connector fit each other, and the features', /needs a grid|heads|layers that start from/],
  [
    'what is frozen has no rate, what is tuned can be',
    /is frozen|starts at random|is trained|no scale and shift|no linear layers|without trained parameters/,
  ],
];

const planSays = (manifest: unknown): Problem[] => {
  try {
    loadManifest(fileOf(manifest));
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.problems;
  }
};
const schemaTakes = (manifest: unknown): boolean => validator.validate(JSON.parse(JSON.stringify(manifest))).valid;

/** What plan says of a manifest beyond what a schema can say; null where the schema refuses it, too. */
function unexplained(manifest: unknown): string[] | null {
  const lines = planSays(manifest).map(({ where, what }) => `${where}: ${what}`);
  if (schemaTakes(manifest)) return lines.filter((line) => !beyondSchema.some(([, known]) => known.test(line)));
  return lines.length > 0 ? null : ['plan takes it, the schema does not'];
}

const agree = (manifest: unknown): void => {
  expect(unexplained(manifest) ?? [], JSON.stringify(manifest)).toEqual([]);
};

describe('the published schema', () => {
  it.each<[string, object]>([
    ['a task of one’s own', { task: 'my-pictures' }],
    ['a tower of one’s own', { encoder: 'colour-grid' }],
    ['a scheduler of one’s own in short', { scheduler: 'brake' }],
    ['a scheduler of one’s own with an option', { scheduler: { kind: 'brake', factor: 0.25 } }],
    ['a regulariser of one’s own', { regulariser: 'even' }],
    ['an option of it alone', { scheduler: 'brake', 'scheduler.factor': 0.25 }],
    ['its kind alone', { 'scheduler.kind': 'brake' }],
    ['a connector of one’s own', { connector: { kind: 'mean-tokens', tokens: 3 } }],
    ['transfer to a task of one’s own', { 'evaluate.transfer': ['my-pictures'] }],
  ])('takes %s, and so does plan', (_what, over) => {
    const manifest = { ...head, fixed: { ...fixed, ...over } };
    expect(planSays(manifest)).toEqual([]);
    expect(validator.validate(manifest)).toMatchObject({ valid: true });
    const { scheduler, connector } = over as { scheduler?: unknown; connector?: unknown };
    const patterns = {
      ...(scheduler === undefined ? {} : { scheduler }),
      ...(connector === undefined ? {} : { connector }),
    };
    if (Object.keys(patterns).length === 0) return;
    const varied = {
      ...head,
      fixed,
      axes: Object.fromEntries(Object.entries(patterns).map(([k, v]) => [k, [v]])),
      when: [{ if: patterns, then: { warmup: [1] } }],
    };
    expect(planSays(varied)).toEqual([]);
    expect(schemaTakes(varied)).toBe(true);
  });

  it('takes a checkpoint of one’s own', () => {
    const manifest = { ...head, fixed: { task: 'my-pictures', checkpoint: 'my-llava', seed: 1 } };
    expect(planSays(manifest)).toEqual([]);
    expect(schemaTakes(manifest)).toBe(true);
  });

  it.each<[string, object]>([
    ['an option that a known scheduler does not have', { scheduler: { kind: 'constant', window: 3 } }],
    ['a value beyond its limits', { warmup: -1 }],
    ['an option of a known choice that is mistyped', { scheduler: { kind: 'commit', windw: 3 } }],
    ['no name', { task: 'Not A Name' }],
    ['a field that nobody has', { tast: 'emoji-icon-qa' }],
    ['one field under two names', { tuning: { encoder: 'scale-shift', tower: 'frozen' } }],
    ['an unknown backbone', { backbone: 'my-backbone' }],
  ])('refuses %s, and so does plan', (_what, over) => {
    const manifest = { ...head, fixed: { ...fixed, ...over } };
    expect(planSays(manifest)).not.toEqual([]);
    expect(schemaTakes(manifest)).toBe(false);
  });

  it('agrees with plan on whatever is made, of which both take a part', { timeout: 3_600_000 }, () => {
    let taken = 0;
    const seen = (manifest: unknown): void => {
      agree(manifest);
      if (planSays(manifest).length === 0) taken += 1;
    };
    fc.assert(fc.property(manifests(), seen), { seed: fuzzSeed, numRuns: fuzzRuns });
    expect(taken).toBeGreaterThan(fuzzRuns / 10);
  });

  it('agrees with plan on whatever is spoilt', { timeout: 3_600_000 }, () => {
    fc.assert(
      fc.property(manifests(), jsonChanges, (manifest, changes) => agree(changeJson(manifest, changes))),
      { seed: fuzzSeed, numRuns: fuzzRuns },
    );
  });
});
