/**
 * JSON Schemas (2020-12) built from the field table: of a manifest file, published for editors, and of a resolved run.
 */
import { optionName } from '../parts/define';
import {
  closed,
  inRuns,
  mapValues,
  type Names,
  needed,
  optionSchema,
  ownOption,
  patternable,
  patternSchema,
  type Schema,
  valueSchema,
} from './fieldSchema';
import { durationFields, fieldsByPath, runFields, type Field } from './fields';
import { slurmProfileProperties, slurmSectionSchema } from './slurm';

const draft = 'https://json-schema.org/draft/2020-12/schema';
const text = (description: string, maxLength: number): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  description,
});

/** `$defs` key of a field's value in a manifest, and of a pattern for it. */
const reference = (path: string): Schema => ({ $ref: `#/$defs/${path}` });
const patternReference = (path: string): Schema => ({ $ref: `#/$defs/match-${path}` });

const slug = '^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$';

/** Where runs are set and varied. */
const settingsProperties = (): Record<string, Schema> => ({
  fixed: { $ref: '#/$defs/settings', description: 'fields that all runs share' },
  ...mapValues(durationFields, (_field, name) => reference(name)),
  measure: reference('measure'),
  evaluate: reference('evaluate'),
});

const gridProperties = (): Record<string, Schema> => ({
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
  ...settingsProperties(),
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
      ...settingsProperties(),
    },
    { minProperties: 1 },
  );

/** Everything that a manifest says besides `$defs`. */
const manifestProperties = (): Record<string, Schema> => ({
  $schema: text('path of this schema, for editors', 1000),
  name: {
    type: 'string',
    pattern: slug,
    description: 'name of the experiment and of its folder in results/: small letters, digits, dots, hyphens',
  },
  about: closed(
    {
      what: text('what is compared and why', 4000),
      command: text('the command that runs it', 1000),
      expectedTime: text('how long it takes, and on what', 1000),
      lookFor: text('what to see in the result', 4000),
    },
    { required: ['what', 'command', 'expectedTime', 'lookFor'], description: 'for the reader of the experiment' },
  ),
  ...gridProperties(),
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
});

/** The definitions by which grids, settings and patterns name the fields of a run. */
function definitions(names: Names): Record<string, Schema> {
  const fields = [...fieldsByPath()];
  const patterns = fields.filter(([, field]) => patternable(field));
  const listOf = (items: Schema): Schema => ({ type: 'array', minItems: 1, maxItems: 10_000, items });
  const extensible = fields.flatMap(([path, field]) => (field.type === 'choice' && field.own === true ? [path] : []));
  /** named fields, and where any name is taken those of options of the user's own parts */
  const byPath = (properties: Record<string, Schema>, other: Schema): Schema =>
    closed(properties, {
      minProperties: 1,
      ...(names === 'known'
        ? {}
        : { patternProperties: { [`^(?:${extensible.join('|')})\\.${optionName.slice(1)}`]: other } }),
    });
  return {
    grid: closed(gridProperties(), { minProperties: 1 }),
    profile: profileSchema(),
    settings: byPath(Object.fromEntries(fields.map(([path]) => [path, reference(path)])), ownOption),
    axes: byPath(Object.fromEntries(fields.map(([path]) => [path, listOf(reference(path))])), listOf(ownOption)),
    pattern: byPath(Object.fromEntries(patterns.map(([path]) => [path, patternReference(path)])), ownOption),
    ...Object.fromEntries(fields.map(([path, field]) => [path, valueSchema(field, names)])),
    ...Object.fromEntries(patterns.map(([path, field]) => [`match-${path}`, patternSchema(field, names)])),
  };
}

/**
 * The schema of a manifest file: with `known` names what loadManifest checks; with `any` what manifest.schema.json
 * publishes, for files that name tasks and parts which this machine does not have.
 */
export function manifestSchema(names: Names = 'known'): Schema {
  return {
    $schema: draft,
    $id: 'urn:equipoise:manifest',
    title: 'Equipoise manifest',
    description: 'Describes the runs of one experiment. Reference: docs/manifests.md.',
    ...closed(manifestProperties(), { required: ['name', 'about'] }),
    $defs: definitions(names),
  };
}

/** The schema of a file for --slurm-profile. */
export function slurmProfileSchema(): Schema {
  return {
    $schema: draft,
    $id: 'urn:equipoise:slurm-profile',
    ...closed(slurmProfileProperties(), { minProperties: 1 }),
    $defs: manifestSchema()['$defs'],
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
        return optionSchema(field, true, 'known');
    }
  };
  return {
    $schema: draft,
    $id: 'urn:equipoise:run',
    ...closed(mapValues(runFields, complete), { required: needed(runFields) }),
  };
}
