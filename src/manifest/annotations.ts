/**
 * What the published schema tells editors beside what is valid: defaults, examples, and what each name means. It changes
 * nothing of what is valid.
 */
import { modalityDefaults, requiredFields, runDefaults } from './defaults';
import type { Schema } from './fieldSchema';
import { fieldsByPath, type Field } from './fields';
import { isObject } from '../json';
import { backbones, encoders, tasks } from './names';
import { valueAt } from './tree';

type Told = Readonly<Record<string, { about: string }>>;

/** Tables whose names say what they mean, by the name of their definition. */
function namedTables(): [string, Told][] {
  const choices = [...fieldsByPath()].flatMap(([path, field]): [string, Told][] =>
    field.type === 'choice' ? [[path, field.kinds]] : [],
  );
  return [['task', tasks], ['encoder', encoders], ['backbone', backbones], ...choices];
}

/** A manifest to begin with, which `plan` takes. */
const example = {
  name: 'my-experiment',
  about: {
    what: 'What is compared, and why.',
    command: 'equipoise run my-experiment.json',
    expectedTime: 'four minutes on two cores',
    lookFor: 'What to see in the result.',
  },
  fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', connector: 'mlp', backbone: 'stories15m' },
  steps: 200,
  axes: { scheduler: ['constant', 'commit-clr'], seed: [1, 2, 3] },
};

/** The schema with defaults, examples and the meanings of names. */
export function annotated(schema: Schema): Schema {
  const names = new Map(namedTables().map(([name, table]) => [Object.keys(table).join('\n'), { name, table }]));
  const used = new Map<string, Told>();
  const withMeanings = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(withMeanings);
    if (!isObject(node)) return node;
    const known = Array.isArray(node['enum']) ? names.get(node['enum'].join('\n')) : undefined;
    if (known === undefined)
      return Object.fromEntries(
        Object.entries(node).map(([key, value]) => [
          key,
          key === 'not' || key === 'const' ? value : withMeanings(value),
        ]),
      );
    used.set(known.name, known.table);
    const { enum: _enum, type: _type, ...rest } = node;
    return { ...rest, $ref: `#/$defs/name-${known.name}` };
  };
  const definitions = withMeanings(schema['$defs']) as Record<string, Schema>;
  for (const [path, field] of fieldsByPath()) Object.assign(definitions[path]!, annotationOf(path, field));
  Object.assign(definitions['axes']!, { examples: [example.axes] });
  for (const [name, table] of used)
    definitions[`name-${name}`] = {
      anyOf: Object.entries(table).map(([value, { about }]) => ({ const: value, description: about })),
    };
  return { ...schema, examples: [example], $defs: definitions };
}

/** The default of a field, or examples where it has none that holds for all runs. */
function annotationOf(path: string, field: Field): Schema {
  const value = valueAt(runDefaults, path);
  if (field.type === 'leaf') {
    if (value !== undefined && !requiredFields.some((name) => name === path)) return { default: value };
    return examplesOf(path, field.schema);
  }
  if (field.type === 'choice' && isObject(value)) {
    const kind = value[field.tag];
    return { default: field.shorthand ? kind : { [field.tag]: kind } };
  }
  return {};
}

/** Values by which a field is understood: of its names the first, of an alignment those of each modality. */
function examplesOf(path: string, { enum: values, examples }: Schema): Schema {
  if (examples !== undefined) return {};
  if (path.startsWith('align.'))
    return {
      examples: Object.values(modalityDefaults.align).map((align) => valueAt(align, path.slice('align.'.length))),
    };
  return Array.isArray(values) ? { examples: [values[0] as unknown] } : {};
}
