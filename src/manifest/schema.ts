/**
 * JSON Schemas (2020-12) built from the field table: of a manifest file, published for editors, and of a resolved run.
 */
import { durationFields, fieldsByPath, innerFields, runFields, type Choice, type Field } from './fields';
import { slurmProfileProperties, slurmSectionSchema } from './slurm';

type Schema = Record<string, unknown>;

const draft = 'https://json-schema.org/draft/2020-12/schema';
const text = (description: string, maxLength: number): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  description,
});
const closed = (properties: Record<string, unknown>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
});
const mapValues = <T, U>(record: Readonly<Record<string, T>>, f: (value: T, key: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));

/** `$defs` key of a field's value in a manifest, and of a pattern for it. */
const reference = (path: string): Schema => ({ $ref: `#/$defs/${path}` });
const patternReference = (path: string): Schema => ({ $ref: `#/$defs/match-${path}` });

/** Any part of a value, in long or short form. */
function valueSchema(field: Field): Schema {
  switch (field.type) {
    case 'leaf':
      return { ...field.schema, description: field.about };
    case 'group': {
      const parts = closed(mapValues(field.fields, valueSchema), { minProperties: 1 });
      const shared = Object.values(field.fields)[0];
      if (field.shared !== true || shared === undefined) return { ...parts, description: field.about };
      return { description: field.about, anyOf: [{ ...valueSchema(shared), description: 'the same for both' }, parts] };
    }
    case 'choice':
      return field.shorthand
        ? {
            description: field.about,
            anyOf: [{ type: 'string', enum: Object.keys(field.kinds) }, optionSchema(field, false)],
          }
        : closed(mapValues(innerFields(field), valueSchema), { minProperties: 1, description: field.about });
  }
}

/** One object of a tagged union; `complete` demands every field that has a default. */
function optionSchema(field: Choice, complete: boolean): Schema {
  return {
    type: 'object',
    discriminator: { propertyName: field.tag },
    required: [field.tag],
    oneOf: Object.entries(field.kinds).map(([kind, { about, options }]) =>
      closed(
        { [field.tag]: { const: kind, description: about }, ...mapValues(options, valueSchema) },
        { description: about, ...(complete ? { required: [field.tag, ...needed(options)] } : {}) },
      ),
    ),
  };
}

function needed(fields: Readonly<Record<string, Field>>): string[] {
  return Object.entries(fields)
    .filter(([, field]) => !(field.type === 'leaf' && field.optional === true))
    .map(([name]) => name);
}

/** The fields that a resolved run may have. */
const inRuns = (fields: Readonly<Record<string, Field>>): Record<string, Field> =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => !(field.type === 'leaf' && field.older === true)));

/** What a pattern may say of a field: a value, any part of it, or a list of these. */
function patternSchema(field: Field): Schema {
  const one = onePattern(field);
  return {
    description: `matches runs: ${field.about}`,
    anyOf: [...one, { type: 'array', minItems: 1, maxItems: 1000, items: one.length === 1 ? one[0] : { anyOf: one } }],
  };
}

function onePattern(field: Field): Schema[] {
  if (field.type === 'leaf') return [field.schema];
  const parts = closed(
    mapValues(patternFields(field), (inner) => {
      const one = onePattern(inner);
      return one.length === 1 ? one[0] : { anyOf: one };
    }),
    { minProperties: 1 },
  );
  if (field.type === 'choice' && field.shorthand) return [{ type: 'string', enum: Object.keys(field.kinds) }, parts];
  const shared = Object.values(innerFields(field))[0];
  return field.type === 'group' && field.shared === true && shared?.type === 'leaf' ? [shared.schema, parts] : [parts];
}

/** Lists and whole objects cannot be told from a list of alternatives: patterns name the parts instead. */
function patternable(field: Field): boolean {
  return !(field.type === 'leaf' && ['array', 'object'].includes(String(field.schema['type'])));
}

function patternFields(field: Field): Record<string, Field> {
  return Object.fromEntries(Object.entries(innerFields(field)).filter(([, inner]) => patternable(inner)));
}

const slug = '^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$';

/** What may be set for all runs of a manifest, a grid or a profile. */
const settingsSchema = (): Record<string, Schema> => ({
  fixed: { $ref: '#/$defs/settings', description: 'fields that all runs share' },
  ...mapValues(durationFields, (_field, name) => reference(name)),
  measure: reference('measure'),
  evaluate: reference('evaluate'),
});

/** What a manifest and each grid of `include` may vary. */
const gridSchema = (): Record<string, Schema> => ({
  axes: { $ref: '#/$defs/axes', description: 'every combination of these values is a run' },
  zip: {
    type: 'array',
    minItems: 1,
    maxItems: 50,
    items: { $ref: '#/$defs/axes' },
    description: 'axes that vary together: in each group the i-th values belong to one another',
  },
  exclude: {
    type: 'array',
    minItems: 1,
    maxItems: 1000,
    items: { $ref: '#/$defs/pattern' },
    description: 'combinations to leave out',
  },
  when: {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    description: 'more axes for the combinations that match',
    items: closed({ if: { $ref: '#/$defs/pattern' }, then: { $ref: '#/$defs/axes' } }, { required: ['if', 'then'] }),
  },
  ...settingsSchema(),
});

const profileSchema = (): Schema =>
  closed(
    {
      about: text('what this variant is for', 2000),
      keep: {
        anyOf: [
          { $ref: '#/$defs/pattern' },
          { type: 'array', minItems: 1, maxItems: 100, items: { $ref: '#/$defs/pattern' } },
        ],
        description: 'only the runs that match, or that match one of several',
      },
      runs: {
        type: 'integer',
        minimum: 1,
        maximum: 100,
        description: 'at most this many runs, chosen to show as many different values as possible',
      },
      ...settingsSchema(),
    },
    { minProperties: 1 },
  );

/** Who reads the experiment finds here what it is for. */
const aboutSchema = (): Schema =>
  closed(
    {
      what: text('what is compared and why', 4000),
      command: text('the command that runs it', 1000),
      expectedTime: text('how long it takes, and on what', 1000),
      lookFor: text('what to see in the result', 4000),
    },
    { required: ['what', 'command', 'expectedTime', 'lookFor'], description: 'for the reader of the experiment' },
  );

/** Grids, profiles, lists of settings, and every field with the patterns that match it. */
function definitions(): Record<string, Schema> {
  const fields = [...fieldsByPath()];
  const patterns = fields.filter(([, field]) => patternable(field));
  const ofFields = (schema: (path: string) => Schema) =>
    closed(Object.fromEntries(fields.map(([path]) => [path, schema(path)])), { minProperties: 1 });
  return {
    grid: closed(gridSchema(), { minProperties: 1 }),
    profile: profileSchema(),
    settings: ofFields(reference),
    axes: ofFields((path) => ({ type: 'array', minItems: 1, maxItems: 10_000, items: reference(path) })),
    pattern: closed(Object.fromEntries(patterns.map(([path]) => [path, patternReference(path)])), {
      minProperties: 1,
    }),
    ...Object.fromEntries(fields.map(([path, field]) => [path, valueSchema(field)])),
    ...Object.fromEntries(patterns.map(([path, field]) => [`match-${path}`, patternSchema(field)])),
  };
}

/** The schema of a manifest file: what manifest.schema.json publishes and loadManifest checks. */
export function manifestSchema(): Schema {
  return {
    $schema: draft,
    $id: 'urn:equipoise:manifest',
    title: 'Equipoise manifest',
    description: 'Describes the runs of one experiment. Reference: docs/manifests.md.',
    ...closed(
      {
        $schema: text('path of this schema, for editors', 1000),
        name: {
          type: 'string',
          pattern: slug,
          description: 'name of the experiment and of its folder in results/: small letters, digits, dots, hyphens',
        },
        about: aboutSchema(),
        ...gridSchema(),
        include: {
          type: 'array',
          minItems: 1,
          maxItems: 1000,
          items: { $ref: '#/$defs/grid' },
          description: 'extra runs, or extra small grids with axes of their own',
        },
        profiles: {
          type: 'object',
          patternProperties: { [slug]: { $ref: '#/$defs/profile' } },
          additionalProperties: false,
          minProperties: 1,
          maxProperties: 50,
          description: 'variants chosen by --profile; smoke is built in',
        },
        slurm: slurmSectionSchema(),
      },
      { required: ['name', 'about'] },
    ),
    $defs: definitions(),
  };
}

/** The schema of a file for --slurm-profile. */
export function slurmProfileSchema(): Schema {
  return {
    $schema: draft,
    $id: 'urn:equipoise:slurm-profile',
    ...closed(slurmProfileProperties(), { minProperties: 1 }),
    $defs: definitions(),
  };
}

/** The schema of a resolved run: a RunSpec with every default filled in. */
export function runSchema(): Schema {
  const complete = (field: Field): Schema => {
    switch (field.type) {
      case 'leaf':
        return field.schema;
      case 'group':
        return closed(mapValues(inRuns(field.fields), complete), { required: needed(field.fields) });
      case 'choice':
        return optionSchema(field, true);
    }
  };
  return {
    $schema: draft,
    $id: 'urn:equipoise:run',
    ...closed(mapValues(runFields, complete), { required: needed(runFields) }),
  };
}
