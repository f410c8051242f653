import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { canonicalJson, projectRoot } from '../../src/files';
import { requiredFields, runDefaults } from '../../src/manifest/defaults';
import { expand, stepsOf } from '../../src/manifest/expand';
import { durationFields, fieldsByPath, runFields, type Field } from '../../src/manifest/fields';
import { loadManifest, type Manifest } from '../../src/manifest/load';
import { backbones, encoders, tasks } from '../../src/manifest/names';
import { lookUp } from '../../src/parts/define';
import { schemaText, withTables } from '../../src/manifest/reference';
import { manifestSchema, runSchema } from '../../src/manifest/schema';
import { notEmpty } from '../../testing/lists';
import { fileOf, head, runsOf } from '../../testing/manifestHelp';
import { connectors } from '../../src/models/zoo/connectors';

const schemaFile = join(projectRoot, 'src', 'manifest', 'manifest.schema.json');
const page = readFileSync(join(projectRoot, 'docs', 'manifests.md'), 'utf8');

describe('the published schema', () => {
  it('is what the code checks; else run: npx ts-node src/manifest/writeSchema.ts', () => {
    expect(readFileSync(schemaFile, 'utf8')).toBe(schemaText());
  });

  it.each([
    ['manifest', manifestSchema()],
    ['run', runSchema()],
  ])('of a %s is valid 2020-12 and passes strict mode', (_name, schema) => {
    const ajv = new Ajv2020({ strict: true, strictRequired: false, discriminator: true });
    expect(ajv.validateSchema(schema)).toBe(true);
    expect(() => ajv.compile(schema)).not.toThrow();
  });

  it('tells editors defaults and examples that it takes itself, and what names mean', () => {
    const published = JSON.parse(schemaText()) as {
      $id: string;
      examples: object[];
      $defs: Record<
        string,
        { default?: unknown; examples?: unknown[]; anyOf?: { const?: string; description?: string }[] }
      >;
    };
    const ajv = new Ajv2020({ strict: false, validateSchema: false, inlineRefs: false, code: { optimize: false } });
    ajv.addSchema(published);
    const takes = (name: string, value: unknown) => ajv.compile({ $ref: `${published.$id}#/$defs/${name}` })(value);
    let told = 0;
    for (const [name, definition] of Object.entries(published.$defs))
      for (const value of [...('default' in definition ? [definition.default] : []), ...(definition.examples ?? [])]) {
        expect(takes(name, value), `${name}: ${JSON.stringify(value)}`).toBe(true);
        told += 1;
      }
    expect(told).toBeGreaterThan(40);
    expect(published.$defs['batch']).toMatchObject({ default: runDefaults.batch });
    expect(published.$defs['scheduler']).toMatchObject({ default: runDefaults.scheduler.kind });
    expect(published.$defs['name-task']?.anyOf).toContainEqual({
      const: 'emoji-icon-qa',
      description: tasks['emoji-icon-qa']!.about,
    });
    for (const example of published.examples) expect(loadManifest(fileOf(example)).warnings).toEqual([]);
  });

  it('knows the names of names.ts and the axes of the field table', () => {
    const definitions = manifestSchema()['$defs'] as Record<
      string,
      { enum?: string[]; anyOf?: { enum?: string[] }[]; properties?: object }
    >;
    expect(definitions['task']?.enum).toEqual(Object.keys(tasks));
    expect(definitions['encoder']?.enum).toEqual(Object.keys(encoders));
    expect(definitions['backbone']?.enum).toEqual(Object.keys(backbones));
    expect(definitions['connector']?.anyOf?.[0]?.enum).toEqual(Object.keys(connectors));
    expect(Object.keys(definitions['axes']?.properties ?? {})).toEqual([...fieldsByPath().keys()]);
    expect(Object.keys(definitions['settings']?.properties ?? {})).toEqual([...fieldsByPath().keys()]);
  });
});

/** Names and kinds of RunSpec as the TypeScript compiler sees them in run.ts. */
function typePaths(): { paths: Set<string>; kinds: Map<string, Set<string>> } {
  const program = ts.createProgram([join(projectRoot, 'src', 'manifest', 'run.ts')], {
    strict: true,
    noEmit: true,
    types: [],
    lib: ['lib.es5.d.ts'],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(projectRoot, 'src', 'manifest', 'run.ts'))!;
  const spec = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source)!)
    .find((symbol) => symbol.name === 'RunSpec')!;
  const paths = new Set<string>();
  const kinds = new Map<string, Set<string>>();
  const walk = (type: ts.Type, path: string): void => {
    const parts = (type.isUnion() ? type.types : [type]).filter(
      (part) => (part.flags & ts.TypeFlags.Object) !== 0 && !checker.isArrayType(part),
    );
    for (const part of parts) {
      for (const property of part.getProperties()) {
        const inner = path === '' ? property.name : `${path}.${property.name}`;
        const value = checker.getTypeOfSymbol(property);
        paths.add(inner);
        if (['kind', 'on'].includes(property.name)) {
          const literals = (value.isUnion() ? value.types : [value]).flatMap((each) =>
            each.isStringLiteral() ? [each.value] : [],
          );
          kinds.set(path, new Set([...(kinds.get(path) ?? []), ...literals]));
        }
        walk(value, inner);
      }
    }
  };
  walk(checker.getDeclaredTypeOfSymbol(spec), '');
  return { paths, kinds };
}

describe('the field table', () => {
  const { paths, kinds } = typePaths();

  it('has every field of RunSpec and no other', () => {
    const known = [...fieldsByPath()]
      .filter(
        ([path, field]) =>
          !Object.hasOwn(durationFields, path) && !(field.type === 'leaf' && field.older !== undefined),
      )
      .map(([path]) => path);
    expect([...paths].filter((path) => !path.startsWith('duration.')).sort()).toEqual(known.sort());
    expect([...paths].filter((path) => path.startsWith('duration.')).sort()).toEqual(
      Object.keys(durationFields)
        .map((name) => `duration.${name}`)
        .sort(),
    );
  });

  it('has every kind of every tagged union', () => {
    const table = new Map(
      [...fieldsByPath()].flatMap(([path, field]: [string, Field]) =>
        field.type === 'choice' ? [[path, new Set(Object.keys(field.kinds))] as const] : [],
      ),
    );
    expect(new Map([...kinds].sort())).toEqual(new Map([...table].sort()));
  });

  it('has a default for every field but those that must be given, and a checkpoint, which may be', () => {
    expect([...requiredFields, ...Object.keys(runDefaults), 'checkpoint'].sort()).toEqual(
      Object.keys(runFields).sort(),
    );
  });
});

describe('names', () => {
  it('has an encoder for every task, and never an inherited name', () => {
    for (const { modality } of Object.values(tasks))
      expect(Object.values(encoders).map((encoder) => encoder.modality)).toContain(modality);
    expect(lookUp(tasks, 'constructor')).toBeUndefined();
    expect(lookUp(tasks, '__proto__')).toBeUndefined();
  });
});

describe('experiments', () => {
  const folder = join(projectRoot, 'experiments');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort();
  /** Each manifest is read once: most tests look at all of them. */
  const loaded = new Map<string, Manifest>();
  const load = (name: string, profile?: string): Manifest => {
    const key = JSON.stringify([name, profile]);
    if (!loaded.has(key)) loaded.set(key, loadManifest(join(folder, name), { profile }));
    return loaded.get(key)!;
  };
  const keys = (name: string) => expand(load(name)).map((run) => canonicalJson(run));
  const stepsIn = (name: string) => stepsOf(expand(load(name))[0]!, 0);

  it.each(files)('%s is sound, has a name of its own, and smokes in a few short runs', (name) => {
    // Two manifests of the paper go beyond the stability limits: that is what they show.
    const beyond = ['paper/stability.json', 'paper/loss-contours.json'].includes(name);
    expect(load(name).warnings.filter((warning) => !(beyond && JSON.stringify(warning).includes('stab')))).toEqual([]);
    expect(files.filter((other) => load(other).name === load(name).name)).toEqual([name]);
    const smoke = expand(load(name, 'smoke'));
    expect(smoke.length).toBeGreaterThan(0);
    // tasks.json smokes each of its six tasks, rivals.json each method; a yoked run brings the one that it follows.
    const most: Record<string, number> = {
      'tasks.json': 6,
      'paper/yoked.json': 5,
      'paper/level.json': 5,
      'paper/rivals.json': 15,
      'paper/larger-tower.json': 5,
    };
    expect(smoke.length).toBeLessThanOrEqual(most[name] ?? 4);
    for (const run of notEmpty(smoke)) {
      expect('steps' in run.duration && run.duration.steps <= 10).toBe(true);
      expect(run.evaluate.limit).toBeGreaterThan(0);
      expect(run.align.steps).toBeLessThanOrEqual(5);
    }
    const { $schema } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { $schema: string };
    expect(resolve(dirname(join(folder, name)), $schema)).toBe(schemaFile);
  });

  it('quickstart: 54 runs: five schedulers, and mis-set rates under two, on both tasks with three seeds', () => {
    const runs = expand(load('quickstart.json'));
    expect(runs).toHaveLength(54);
    expect(new Set(runs.map((run) => canonicalJson(run))).size).toBe(54);
    const table = new Map<string, number>();
    for (const { task, encoder, scheduler, learningRate, duration, measure, connector } of notEmpty(runs)) {
      expect([duration, measure.every, measure.on, connector.kind]).toEqual([{ steps: 200 }, 5, 'batch', 'mlp']);
      const key = `${task} ${encoder} ${scheduler.kind} ${learningRate.encoder} ${learningRate.backbone}`;
      table.set(key, (table.get(key) ?? 0) + 1);
    }
    const sync = ['constant', 'feature-cd', 'language-cd', 'commit-clr', 'commit'].map(
      (kind) => `${kind} 0.0003 0.0003`,
    );
    const apart = ['constant', 'commit-clr'].flatMap((kind) => [`${kind} 0.0003 0.003`, `${kind} 0.003 0.0003`]);
    const expected = ['emoji-icon-qa resnet50', 'sound-qa whisper-tiny'].flatMap((pair) =>
      [...sync, ...apart].map((rest) => [`${pair} ${rest}`, 3] as const),
    );
    expect(new Map([...table].sort())).toEqual(new Map(expected.sort()));
  });

  it('the ablations have the runs, and share those with the quickstart, that their about says', () => {
    const quick = new Set(keys('quickstart.json'));
    for (const name of notEmpty(files.filter((file) => file.startsWith('ablations')))) {
      const said = /^(\d+) runs of 200 steps, (\d+) of them shared/.exec(load(name).about.expectedTime);
      expect(said, `${name} says how many runs it has and shares`).not.toBeNull();
      const own = keys(name);
      expect([own.length, own.filter((key) => quick.has(key)).length]).toEqual([Number(said?.[1]), Number(said?.[2])]);
    }
  });

  it('the manifests of the paper have the runs that experiments/README.md and their about say, and fit into seven hours on two cores, the larger ones into fifteen', () => {
    const text = readFileSync(join(folder, 'README.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` \| (\d+) \| (\d+) \| (\d+) \|/gm)].map(
      ([, name, ...counts]) => ({
        name: name!,
        counts: counts.map(Number),
      }),
    );
    expect(rows.map(({ name }) => `paper/${name}.json`).sort()).toEqual(
      files.filter((file) => file.startsWith('paper/')),
    );
    const seen = new Set<string>();
    for (const { name, counts } of rows) {
      const own = keys(`paper/${name}.json`);
      const fresh = own.filter((key) => !seen.has(key));
      fresh.forEach((key) => seen.add(key));
      expect([name, own.length, fresh.length]).toEqual([name, counts[0], counts[1]]);
      expect(
        load(`paper/${name}.json`).about.expectedTime.startsWith(
          `${own.length} runs of ${stepsIn(`paper/${name}.json`)} steps, ${fresh.length} of them not in a paper manifest before it`,
        ),
      ).toBe(true);
    }
    expect(text).toContain(`Together they are ${seen.size} runs of 200 steps`);
    const hours = (larger: boolean) =>
      rows
        .filter(({ name }) => name.startsWith('larger-') === larger)
        .reduce((sum, { counts }) => sum + counts[2]!, 0) / 60;
    expect(hours(false)).toBeLessThan(7);
    expect(hours(true)).toBeLessThan(15);
  });

  it('the rate ratio goes from 0.1 to 10', () => {
    const ratios = new Set(
      expand(load('ablations/rate-ratio.json')).map((run) =>
        Number((run.learningRate.backbone / run.learningRate.encoder).toPrecision(3)),
      ),
    );
    expect([...ratios].sort((a, b) => a - b)).toEqual([0.1, 0.3, 1, 3.33, 10]);
  });
});

describe('docs/manifests.md', () => {
  it('carries the tables of names and fields; else run: npx ts-node src/manifest/writeSchema.ts', () => {
    expect(withTables(page)).toBe(page);
  });

  const examples = [...page.matchAll(/<!-- example: (.*?) -->\n```json\n([\s\S]*?)\n```/g)].map(
    ([, said, json]) => [said!, JSON.parse(json!) as object] as const,
  );

  it('has an example of each part', () => {
    for (const part of ['axes', 'zip', 'exclude', 'when', 'include', 'profiles'])
      expect(examples.filter(([, example]) => part in example)).not.toEqual([]);
    expect(page.match(/```json/g)).toHaveLength(examples.length);
  });

  it.each(examples)('has an example of %s', (said, example) => {
    for (const claim of notEmpty(said.split('; '))) {
      const [, profile, count] = /^(?:profile (\S+): )?(\d+) runs?$/.exec(claim)!;
      expect(runsOf(example, profile)).toHaveLength(Number(count));
    }
    expect(loadManifest(fileOf({ ...head, ...example })).warnings).toEqual([]);
  });
});
