/** What is published from the field table: the schema for editors and the tables of docs/manifests.md. */
import { modalityDefaults, requiredFields, runDefaults } from './defaults';
import { annotated } from './annotations';
import { connectors } from '../models/zoo/connectors';
import { schedulerFacts, schedulerNames } from '../balance/schedulers';
import { fieldsByPath, type Choice, type Field } from './fields';
import { checkpoints } from '../sources/checkpointNames';
import { backbones, encoders, tasks } from './names';
import { manifestSchema } from './schema';
import { slurmDefaults, slurmFields } from './slurm';
import { isObject } from '../json';
import { valueAt } from './tree';

/** The text of manifest.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(annotated(manifestSchema('any')), null, 2)}\n`;
}

/** The tables of docs/manifests.md by the name of their marker. */
export function tables(): Record<string, string> {
  return { names: namesTable(), fields: fieldsTable(), slurm: slurmTable() };
}

/** The page with each table put between its markers. Throws RangeError when a marker is missing. */
export const withTables = (page: string): string => withBlocks(page, tables());

/**
 * The page with each text between its markers, `<!-- NAME -->` and `<!-- end of NAME -->`. Throws RangeError where a page
 * has none.
 */
export function withBlocks(page: string, texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts).reduce((text, [name, block]) => {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new RangeError(`the page has no place for ${name}`);
    return `${text.slice(0, from + start.length)}\n${block}\n${text.slice(to)}`;
  }, page);
}

/** A table of Markdown. */
export function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

const code = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function namesTable(): string {
  const rows = (kind: string, names: Readonly<Record<string, { about: string; modality?: string }>>) =>
    Object.entries(names).map(([name, { about, modality }]) => [kind, code(name), modality ?? '', about]);
  return table(
    ['field', 'name', 'modality', 'what it is'],
    [
      ...rows('task', tasks),
      ...rows('checkpoint', checkpoints),
      ...rows('encoder', encoders),
      ...rows('backbone', backbones),
      ...rows('connector', connectors),
    ],
  );
}

function fieldsTable(): string {
  return table(
    ['axis', 'values', 'default', 'meaning'],
    [...fieldsByPath()].map(([path, field]) => [code(path), valuesOf(field), defaultOf(path, field), field.about]),
  );
}

function slurmTable(): string {
  const defaults: Readonly<Record<string, unknown>> = slurmDefaults;
  return table(
    ['field', 'values', 'default', 'meaning'],
    Object.entries(slurmFields).map(([name, field]) => [
      code(name),
      valuesOf(field),
      defaults[name] === undefined ? '' : code(defaults[name]),
      field.about,
    ]),
  );
}

function valuesOf(field: Field): string {
  if (field.type === 'group') return `object${field.shared === true ? ' or number' : ''}`;
  if (field.type === 'choice')
    return `${field.shorthand ? 'name or ' : ''}object with ${code(field.tag)}: ${Object.keys(field.kinds).map(code).join(', ')}`;
  const { schema } = field;
  if (Array.isArray(schema['enum'])) return schema['enum'].map(code).join(', ');
  if (Array.isArray(schema['examples'])) return `text like ${schema['examples'].map(code).join(', ')}`;
  if (schema['type'] === 'array') return 'list of names';
  if (schema['type'] === 'object') return schema['maxProperties'] === 1 ? 'object with one key' : 'object by name';
  if (schema['type'] === 'string') return 'text';
  const low = schema['minimum'] ?? schema['exclusiveMinimum'];
  const high = schema['maximum'] ?? schema['exclusiveMaximum'];
  const bounds = `${schema['minimum'] === undefined ? 'above' : 'from'} ${String(low)} ${schema['maximum'] === undefined ? 'to below' : 'to'} ${String(high)}`;
  return `${schema['type'] === 'integer' ? 'whole number' : 'number'} ${bounds}`;
}

function defaultOf(path: string, field: Field): string {
  if (requiredFields.some((name) => name === path)) return 'must be given';
  if (field.type === 'group') return '';
  if (path.startsWith('align.')) {
    return Object.entries(modalityDefaults.align)
      .map(([modality, values]) => `${code(valueAt(values, path.slice('align.'.length)))} (${modality})`)
      .join(', ');
  }
  const union = path.split('.').slice(0, -1).join('.');
  const unionField = fieldsByPath().get(union);
  const inner = path.slice(union.length + 1);
  if (unionField?.type === 'choice' && inner !== unionField.tag) return perKind(unionField, inner);
  const plain = valueAt(runDefaults, path);
  if (path === 'regulariser' || path === 'regulariser.kind') return [code(plainKind(plain)), ...brought()].join('; ');
  if (field.type === 'choice') return code(plainKind(plain, field.tag));
  if (plain !== undefined) return code(plain);
  if (path === 'learningRate.tower' || path === 'learningRate.connector') return 'that of its module';
  return field.optional === true ? 'none' : '';
}

const plainKind = (spec: unknown, tag = 'kind'): unknown => (isObject(spec) ? spec[tag] : spec);

/** Regularisers that schedulers bring along. */
const brought = (): string[] =>
  schedulerNames(({ brings }) => brings !== undefined).map(
    (name) => `${code(schedulerFacts(name).brings!.regulariser)} with scheduler ${name}`,
  );

/** The defaults that the kinds of a choice have for an option, each with its kinds where they differ. */
function perKind({ kinds }: Choice, name: string): string {
  const groups = new Map<string, string[]>();
  for (const [kind, { options }] of Object.entries(kinds)) {
    const option = options[name];
    if (option === undefined) continue;
    const text = 'default' in option ? code(option.default) : option.rule;
    groups.set(text, [...(groups.get(text) ?? []), kind]);
  }
  return [...groups].map(([text, of]) => `${text} (${of.join(', ')})`).join(', ');
}
