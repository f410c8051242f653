/** Manifests of experiments as fast-check makes them, from the table of fields: mostly sound ones. */
import fc from 'fast-check';
import { durationFields, fieldsByPath, type Choice, type Field, type Leaf } from '../../src/manifest/fields';
import { slurmFields } from '../../src/manifest/slurm';
import { head } from '../manifestHelp';

/** Names of the user's own that the tests have put where they are looked up. */
export const ownNames = {
  task: 'my-pictures',
  checkpoint: 'my-llava',
  scheduler: 'brake',
  regulariser: 'even',
  connector: 'mean-tokens',
  encoder: 'colour-grid',
} as const;

/** Values of fields that name something; any mix of them is of one modality. */
const names: Readonly<Record<string, readonly unknown[]>> = {
  task: ['emoji-icon-qa', 'pic-know-qa', ownNames.task],
  encoder: ['resnet50', ownNames.encoder],
  backbone: ['stories15m', 'minimind2-small'],
  checkpoint: [ownNames.checkpoint],
  'evaluate.transfer': [['read-qa'], [ownNames.task, 'read-qa']],
  'scheduler.kind': ['constant', 'commit', ownNames.scheduler],
  'scheduler.encoder': ['1', 'g * (1 + h)'],
  'scheduler.constants': [{}, { g: 0.5, h: 1 }],
  'scheduler.state': [{}, { s: { start: 0, next: 's + 1' } }],
  'regulariser.kind': ['none', 'commit', ownNames.regulariser],
  'connector.kind': ['mlp', 'qformer', ownNames.connector],
};

const number = (schema: Leaf['schema'], key: string): number | undefined =>
  typeof schema[key] === 'number' ? schema[key] : undefined;

/** Any value of a field that is not divided further. */
function leafValue(path: string, { schema }: Leaf): fc.Arbitrary<unknown> {
  const named = names[path];
  if (named !== undefined) return fc.constantFrom(...named);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const [min = number(schema, 'exclusiveMinimum') ?? 0, max = number(schema, 'exclusiveMaximum') ?? 1] = [
    number(schema, 'minimum'),
    number(schema, 'maximum'),
  ];
  switch (schema['type']) {
    case 'integer':
      return fc.oneof(
        fc.integer({ min, max }),
        fc.constantFrom(min, max),
        fc.integer({ min, max: Math.min(max, min + 9) }),
      );
    case 'number':
      return fc.double({
        min,
        max,
        noNaN: true,
        minExcluded: schema['exclusiveMinimum'] !== undefined,
        maxExcluded: schema['exclusiveMaximum'] !== undefined,
      });
    case 'object':
      return fc.constantFrom({ steps: 7 }, { epochs: 1.5 }, { examples: 64 });
    case 'array':
      return fc.constantFrom(['query'], ['query', 'value']);
    default:
      return fc.constantFrom(...((schema['examples'] as unknown[] | undefined) ?? ['x']));
  }
}

/** Any value of a field, whole or in part, in its long or its short form. */
function fieldValue(path: string, field: Field): fc.Arbitrary<unknown> {
  if (field.type === 'leaf') return leafValue(path, field);
  if (field.type === 'group') {
    const parts = fc.record(
      Object.fromEntries(
        Object.entries(field.fields).map(([name, inner]) => [name, fieldValue(`${path}.${name}`, inner)]),
      ),
      { requiredKeys: [] },
    );
    const some = parts.filter((value) => Object.keys(value).length > 0);
    return field.shared === true ? fc.oneof(some, fieldValue(`${path}.encoder`, field.fields['encoder']!)) : some;
  }
  return choiceValue(path, field);
}

function choiceValue(path: string, field: Choice): fc.Arbitrary<unknown> {
  const kinds = Object.entries(field.kinds).map(([kind, { options }]) =>
    fc.record(
      {
        [field.tag]: fc.constant(kind),
        ...Object.fromEntries(
          Object.entries(options).map(([name, option]) => [name, leafValue(`${path}.${name}`, option)]),
        ),
      },
      { requiredKeys: [field.tag] },
    ),
  );
  return field.shorthand ? fc.oneof(fc.constantFrom(...Object.keys(field.kinds)), ...kinds) : fc.oneof(...kinds);
}

/**
 * A whole manifest. Its form is right; that its parts fit together is likely but not certain. To be called when all
 * parts are registered.
 */
// longer than a screen: one arbitrary, put together from its parts
export function manifests(): fc.Arbitrary<Record<string, unknown>> {
  const paths = [...fieldsByPath()].filter(([path]) => !['duration', 'device'].includes(path));
  const anyField = fc.constantFrom(...paths);
  /** A few fields with `many` values each. */
  const fields = (most: number, values: (value: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>) =>
    fc
      .array(
        anyField.chain(([path, field]) => values(fieldValue(path, field)).map((value) => [path, value] as const)),
        {
          minLength: 1,
          maxLength: most,
        },
      )
      .map((pairs) => Object.fromEntries(pairs));
  const lists = (most: number) => (value: fc.Arbitrary<unknown>) => fc.array(value, { minLength: 1, maxLength: most });
  const settings = fields(3, (value) => value);
  const axes = fields(2, lists(2));
  /** Lists and objects cannot stand in a pattern. */
  const pattern = fields(2, (value) => fc.oneof(value, lists(2)(value)))
    .map((given) =>
      Object.fromEntries(Object.entries(given).filter(([path]) => !/transfer|duration|adapt|targets/.test(path))),
    )
    .filter((given) => Object.keys(given).length > 0);
  const part = (path: string) => fieldValue(path, fieldsByPath().get(path)!);
  const section = {
    measure: part('measure'),
    evaluate: part('evaluate'),
  };
  const grid = {
    axes,
    zip: fc.array(
      fields(2, (value) => fc.array(value, { minLength: 2, maxLength: 2 })),
      { minLength: 1, maxLength: 1 },
    ),
    exclude: fc.array(pattern, { minLength: 1, maxLength: 2 }),
    when: fc.array(fc.record({ if: pattern, then: axes }), { minLength: 1, maxLength: 1 }),
    ...section,
  };
  const slurmRequest = fc
    .record(Object.fromEntries(Object.entries(slurmFields).map(([name, leaf]) => [name, leafValue(name, leaf)])), {
      requiredKeys: [],
    })
    .map(({ modules: _modules, ...rest }) => rest as Record<string, unknown>)
    .filter((request) => Object.keys(request).length > 0);

  /** What every run needs, in several ways to say it. */
  const basis = fc.oneof(
    fc.record({ task: part('task'), encoder: part('encoder'), backbone: part('backbone'), seed: part('seed') }),
    fc.record({ task: part('task'), checkpoint: part('checkpoint'), seed: part('seed') }),
  );
  const length = fc
    .constantFrom(...Object.keys(durationFields))
    .chain((name) =>
      leafValue(name, durationFields[name as keyof typeof durationFields]).map((value) => ({ [name]: value })),
    );

  // Most rich manifests break a rule between fields: small ones show what both take.
  const small = fc.record({
    given: fc.record({
      task: fc.constantFrom('emoji-icon-qa', ownNames.task),
      encoder: fc.constantFrom('resnet50', ownNames.encoder),
      backbone: part('backbone'),
    }),
    one: anyField.chain(([path, field]) => fieldValue(path, field).map((value) => ({ [path]: value }))),
    length,
    axes: fc.record({
      seed: fc.constantFrom([1], [1, 2]),
      scheduler: fc.constantFrom(['constant'], [ownNames.scheduler, { kind: 'commit', window: 3 }]),
    }),
    rest: fc.record(
      { slurm: slurmRequest, measure: fc.constantFrom({ every: 2 }, { on: 'probe', probe: 4 }) },
      { requiredKeys: [] },
    ),
  });
  const sparse = small.map(({ given, one, length: long, axes: varied, rest }) => ({
    ...head,
    fixed: { ...one, ...given },
    ...long,
    axes: varied,
    ...rest,
  }));
  const rich = fc
    .record({
      basis,
      more: fc.option(settings, { nil: {} }),
      length: fc.option(length, { nil: {} }),
      grid: fc.record(grid, { requiredKeys: [] }),
      rest: fc.record(
        {
          include: fc.array(fc.record({ fixed: settings, axes, ...section }, { requiredKeys: ['fixed'] }), {
            minLength: 1,
            maxLength: 1,
          }),
          profiles: fc.record({
            brief: fc.record(
              {
                about: fc.constant('x'),
                keep: pattern,
                runs: fc.integer({ min: 1, max: 9 }),
                fixed: settings,
                ...section,
              },
              {
                requiredKeys: ['about'],
              },
            ),
          }),
          slurm: slurmRequest,
        },
        { requiredKeys: [] },
      ),
    })
    .map(({ basis: needed, more, length: long, grid: own, rest }) => ({
      ...head,
      fixed: { ...more, ...needed },
      ...long,
      ...own,
      ...rest,
    }));
  return fc.oneof(sparse, rich);
}
