/**
 * From published tensor names to ours. A table holds one row a layer, `*` stands for a layer's number; a layer's weight
 * and bias follow from its name. What is missing, surplus or of another shape is collected and told at once.
 */
import { type Problem, UserError } from '../../problems';
import type { FrozenFiles } from '../weights/frozenFiles';
import { allFinite, type StoredTensor, type WeightTensor } from '../weights/weight';
import type { Checkpoint } from './checkpoint';

/**
 * Ours and theirs. A layer `q` with theirs `self_attn.q_proj` has the weight `self_attn.q_proj.weight`, and our
 * `q.bias` is `self_attn.q_proj.bias`. A row marked `bare` names a tensor that is no layer, without `.weight`.
 */
export type NameRow = readonly [ours: string, theirs: string, bare?: 'bare'];

export interface NameTable {
  rows: readonly NameRow[];
  /** older spellings: rewritten, in order, before anything is compared */
  renamed?: readonly (readonly [RegExp, string])[];
  /** buffers of the Python modules that are no weights, and weights of heads that are not part of this model */
  ignored?: readonly RegExp[];
  /** parts that some checkpoints have and this model has not, told by name and not tensor by tensor */
  refused?: readonly (readonly [RegExp, string])[];
}

/** What a model wants from a checkpoint. */
export interface WantedTensor {
  name: string;
  shape: number[];
}

const number = /(?<=\.)\d+(?=\.)/;

/**
 * The published name of one of our parameters. Throws Error for a name that the table does not hold (a fault of ours).
 */
export function theirName(table: NameTable, ours: string): string {
  const at = number.exec(ours)?.[0] ?? '';
  const pattern = ours.replace(number, '*');
  const bias = pattern.endsWith('.bias');
  const row =
    table.rows.find(([name]) => name === pattern) ??
    (bias ? table.rows.find(([name]) => name === pattern.slice(0, -'.bias'.length)) : undefined);
  if (row === undefined) throw new Error(`no published name for ${ours}`);
  const [name, theirs, bare] = row;
  return theirs.replace('*', at) + (bare === 'bare' ? '' : name === pattern ? '.weight' : '.bias');
}

/** A table whose rows are those of its parts, each with the part's own prefixes. */
export const prefixed = (ours: string, theirs: string, rows: readonly NameRow[]): NameRow[] =>
  rows.map(([mine, yours, bare]) => [`${ours}${mine}`, `${theirs}${yours}`, bare] as const);

/** Rows of what every layer has: `ours.*.q` is `theirs.*.self_attn.q_proj`. */
export const layerRows = (
  ours: string,
  theirs: string,
  rows: readonly (readonly [string, string, 'bare'?])[],
): NameRow[] => prefixed(`${ours}.*.`, `${theirs}.*.`, rows);

/** The checkpoint's names in the table's spelling, without what is ignored: canonical name -> name in the file. */
export function canonicalNames(checkpoint: Pick<Checkpoint, 'tensors'>, table: NameTable): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of checkpoint.tensors.keys()) {
    const canonical = (table.renamed ?? []).reduce(
      (text, [pattern, spelling]) => text.replace(pattern, spelling),
      name,
    );
    if (!(table.ignored ?? []).some((pattern) => pattern.test(canonical))) names.set(canonical, name);
  }
  return names;
}

/**
 * Reads every wanted tensor, under our names and in our shapes (leading axes of length one do not count as a
 * difference). `unread` must be there in their shapes, too, but are not read. Throws UserError that lists every
 * missing, surplus and mis-shaped tensor, and every tensor with values that are not finite.
 */
export const loadWeights = (
  checkpoint: Checkpoint,
  wanted: readonly WantedTensor[],
  table: NameTable,
  unread: readonly WantedTensor[] = [],
): Record<string, WeightTensor> =>
  loadStoredWeights(checkpoint, wanted, table, unread, { isNarrow: () => false }) as Record<string, WeightTensor>;

/** How the tensors of a checkpoint are kept. */
export interface Keeping<W extends WantedTensor> {
  /** in bfloat16, rounded where the checkpoint has more digits; else in float32 */
  isNarrow(tensor: W): boolean;
  /** the files in which a tensor lies, which are made where they are not there; left out or null: it is read */
  files?(tensor: W): FrozenFiles | null;
}

/** The same, kept as `keeping` says. What lies in a file was checked when that was made. Throws UserError as `loadWeights`. */
export function loadStoredWeights<W extends WantedTensor>(
  checkpoint: Checkpoint,
  wanted: readonly W[],
  table: NameTable,
  unread: readonly WantedTensor[],
  keeping: Keeping<W>,
): Record<string, StoredTensor> {
  const names = canonicalNames(checkpoint, table);
  const problems: Problem[] = [];
  const tell = (what: string, expected: string) => problems.push({ where: checkpoint.folder, what, expected });
  const sources = new Map<string, string>();
  for (const { name, shape } of [...wanted, ...unread]) {
    const theirs = theirName(table, name);
    const source = names.get(theirs);
    names.delete(theirs);
    if (source === undefined) {
      tell(`tensor "${theirs}" is missing`, `shape [${shape.join(', ')}]`);
      continue;
    }
    const found = checkpoint.tensors.get(source)!;
    if (!sameShape(found.shape, shape))
      tell(`tensor "${source}" has the shape [${found.shape.join(', ')}]`, `[${shape.join(', ')}]`);
    else sources.set(name, source);
  }
  const surplus = [...names.values()];
  for (const [pattern, part] of table.refused ?? []) {
    const own = surplus.filter((source) => pattern.test(source));
    if (own.length > 0) tell(`${own.length} tensors of ${part} ("${own[0]!}")`, 'a checkpoint without this part');
  }
  for (const source of surplus.filter((name) => !table.refused?.some(([pattern]) => pattern.test(name))))
    tell(`tensor "${source}" is surplus`, 'no tensor of this name for this configuration');
  if (problems.length > 0) throw new UserError(problems);

  const weights: Record<string, StoredTensor> = {};
  for (const tensor of wanted) {
    const { name, shape } = tensor;
    const isNarrow = keeping.isNarrow(tensor),
      files = keeping.files?.(tensor) ?? null;
    const kept = files?.find({ name, shape, isNarrow });
    if (kept !== undefined) {
      weights[name] = kept;
      continue;
    }
    const { data } = (isNarrow ? checkpoint.readBfloat16 : checkpoint.read)(sources.get(name)!);
    if (!allFinite(data))
      tell(`tensor "${sources.get(name)!}" holds values that are not finite numbers`, 'finite numbers');
    else weights[name] = files?.keep({ name, shape, isNarrow }, { shape, data }) ?? { shape, data };
  }
  if (problems.length > 0) throw new UserError(problems);
  return weights;
}

function sameShape(found: readonly number[], wanted: readonly number[]): boolean {
  const squeezed = (shape: readonly number[], rank: number) => {
    let from = 0;
    while (shape.length - from > rank && shape[from] === 1) from++;
    return shape.slice(from);
  };
  const [a, b] = [squeezed(found, wanted.length), squeezed(wanted, found.length)];
  return a.length === b.length && a.every((side, i) => side === b[i]);
}
