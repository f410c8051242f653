/** What is published from the field table: the schema for editors and the tables of docs/manifests.md. */
import { kindDefaults, modalityDefaults, requiredFields, runDefaults } from './defaults';
import { fieldsByPath, type Field } from './fields';
import { backbones, checkpoints, connectors, encoders, tasks } from './names';
import { manifestSchema } from './schema';
import { slurmDefaults, slurmFields } from './slurm';
import { isTree, valueAt } from './tree';

/** The text of manifest.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(manifestSchema(), null, 2)}\n`;
}

/** The tables of docs/manifests.md by the name of their marker. */
export function tables(): Record<string, string> {
  return { names: namesTable(), fields: fieldsTable(), slurm: slurmTable() };
}

/** The page with each table put between its markers. Throws RangeError when a marker is missing. */
export function withTables(page: string): string {
  return Object.entries(tables()).reduce((text, [name, table]) => {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new RangeError(`the page has no markers for ${name}`);
    return `${text.slice(0, from + start.length)}\n${table}\n${text.slice(to)}`;
  }, page);
}

function table(head: string[], rows: string[][]): string {
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
    [...fieldsByPath].map(([path, field]) => [code(path), valuesOf(field), defaultOf(path, field), field.about]),
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
    return `${field.shorthand ? 'name or ' : ''}object with ${code(field.tag)}: ${Object.keys(field.options).map(code).join(', ')}`;
  const { schema } = field;
  if (Array.isArray(schema['enum'])) return schema['enum'].map(code).join(', ');
  if (Array.isArray(schema['examples'])) return `text like ${schema['examples'].map(code).join(', ')}`;
  if (schema['type'] === 'array') return 'list of names';
  if (schema['type'] === 'object') return 'object with one key';
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
  const plain = valueAt(runDefaults, path);
  const union = path.split('.').slice(0, -1).join('.');
  const options = kindDefaults[union];
  const unionField = fieldsByPath.get(union);
  const inner = path.slice(union.length + 1);
  if (options !== undefined && unionField?.type === 'choice' && inner !== unionField.tag)
    return perKind(
      options,
      inner,
      Object.entries(unionField.options).filter(([, { fields }]) => fields[inner] !== undefined).length,
    );
  if (path === 'regulariser' || path === 'regulariser.kind')
    return `${code('none')}; ${code('commit')} with scheduler commit`;
  if (isTree(plain) && field.type === 'choice') return code(plain[field.tag]);
  return plain === undefined
    ? field.type !== 'leaf' || field.optional !== true
      ? ''
      : path.startsWith('connector.')
        ? "the connector's own"
        : 'none'
    : code(plain);
}

/** `kinds`: how many kinds have the field; those without a default of their own leave it to the room that uses it. */
function perKind(options: Readonly<Record<string, object>>, name: string, kinds: number): string {
  const values = Object.entries(options).flatMap(([kind, given]) => {
    const value = valueAt(given, name);
    return value === undefined ? [] : [{ kind, text: code(value) }];
  });
  if (values.length === 0) return "the connector's own";
  const groups = new Map<string, string[]>();
  for (const { kind, text } of values) groups.set(text, [...(groups.get(text) ?? []), kind]);
  const stated = [...groups].map(([text, of]) => `${text} (${of.join(', ')})`).join(', ');
  return values.length < kinds ? `${stated}, else the connector's own` : stated;
}
