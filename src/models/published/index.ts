/**
 * The published families by the `model_type` of their configurations. To add one: a file beside this one and a line
 * below.
 */
import { join } from 'node:path';
import { openCheckpoint, readConfig, type Checkpoint } from '../checkpoint/checkpoint';
import { readFields, type Fields, type OnDefault } from '../checkpoint/config';
import { kindOf } from '../checkpoint/kind';
import { isObject, type JsonObject } from '../../json';
import { canonicalNames, loadStoredWeights, theirName, type Keeping } from '../checkpoint/names';
import { userError } from '../../problems';
import { parametersOf, partNames, type ModelParameter, type PartName } from '../composition';
import { blip2 } from './blip2';
import type { Family, LoadedFamily, StoredFamily } from './family';
import { internvl2 } from './internvl2';
import { refuseOtherLayouts, refuseQuantised, refuseQuantisedTensors } from './layout';
import { llava } from './llava';
import { salmonn } from './salmonn';

interface Entry {
  /** pattern of the names of its published classes */
  classes: string;
  build(fields: Fields, tied: boolean): Family;
  /** its inner objects; each is there */
  inner: readonly string[];
  /** where the language model is described */
  text: string;
  /**
   * whether output head and embedding are one, by what the whole configuration and the language model's say; the
   * published defaults
   */
  tied(whole: boolean | undefined, text: boolean | undefined): boolean;
}

const families: Readonly<Record<string, Entry>> = {
  'blip-2': {
    classes: 'Blip2(?:Model|ForConditionalGeneration)',
    build: blip2,
    inner: ['vision_config', 'qformer_config', 'text_config'],
    text: 'text_config',
    tied: (_whole, text) => text ?? true,
  },
  llava: {
    classes: 'Llava(?:Model|ForConditionalGeneration)',
    build: llava,
    inner: ['vision_config', 'text_config'],
    text: 'text_config',
    tied: (whole, text) => (whole ?? false) || (text ?? false),
  },
  internvl: {
    classes: 'InternVL(?:Model|ForConditionalGeneration)',
    build: internvl2,
    inner: ['vision_config', 'text_config'],
    text: 'text_config',
    tied: (whole) => whole ?? true,
  },
  internvl_chat: {
    classes: 'InternVLChatModel',
    build: internvl2,
    inner: ['vision_config', 'llm_config'],
    text: 'llm_config',
    tied: (whole, text) => text ?? whole ?? false,
  },
  salmonn_whisper: {
    classes: '(?:Salmonn|SALMONN)\\w*',
    build: salmonn,
    inner: ['whisper', 'qformer', 'llama'],
    text: 'llama',
    tied: (_whole, text) => text ?? false,
  },
};

/**
 * A family from its configuration alone. `tied` overrules what the configuration says of the output head. Throws
 * UserError with every problem of the configuration.
 */
export function familyOf(config: JsonObject, where = 'config.json', tied?: boolean, onDefault?: OnDefault): Family {
  refuseOtherLayouts(config, where);
  return readFields(
    config,
    where,
    (fields) => {
      const entry = entryOf(fields);
      for (const each of [fields, ...entry.inner.map((name) => fields.optional(name))]) refuseQuantised(each);
      const isTied = statedTie(config, entry);
      if (tied === undefined && !saysTie(config) && !saysTie(config[entry.text])) onDefault?.(tieField, isTied);
      return entry.build(fields, tied ?? isTied);
    },
    onDefault,
  );
}

/**
 * What a configuration leaves to the defaults of its published classes, by place: `text_config/hidden_size` -> 4096.
 * Throws UserError as `familyOf`.
 */
export function defaultsTaken(config: JsonObject, where = 'config.json'): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  familyOf(config, where, undefined, (place, value) => {
    taken[place] = value;
  });
  return taken;
}

/**
 * Reads a checkpoint folder: the weights of all parts, or of those named. Throws UserError for a configuration or a
 * file that is wrong, and lists all tensors that do not fit, of the parts that are not read, too.
 */
export const loadFamily = (folder: string, parts: readonly PartName[] = partNames): LoadedFamily =>
  loadStoredFamily(folder, parts, () => ({ isNarrow: () => false })) as LoadedFamily;

/** The same with weights kept as `keeping` says. Throws UserError as `loadFamily`. */
export function loadStoredFamily(
  folder: string,
  parts: readonly PartName[],
  keeping: (family: Family) => Keeping<ModelParameter>,
): StoredFamily {
  const config = readConfig(folder);
  const where = join(folder, 'config.json');
  const checkpoint = openCheckpoint(folder);
  try {
    refuseQuantisedTensors(checkpoint);
    const { tied, copy } = headOf(checkpoint, config, where);
    const family = familyOf(config, where, tied);
    const wanted = parametersOf(family);
    const table = copy === null ? family.table : { ...family.table, ignored: [...(family.table.ignored ?? []), copy] };
    const isRead = ({ use, part }: ModelParameter) => use !== 'unused' && parts.includes(part);
    const weights = loadStoredWeights(
      checkpoint,
      wanted.filter(isRead),
      table,
      wanted.filter((parameter) => !isRead(parameter)),
      keeping(family),
    );
    const names = canonicalNames(checkpoint, table);
    const shapes = Object.fromEntries(
      Object.keys(weights).map((name) => [name, checkpoint.tensors.get(names.get(theirName(table, name))!)!.shape]),
    );
    return { family, weights, shapes };
  } finally {
    checkpoint.close();
  }
}

function entryOf(fields: Fields): Entry {
  const known = Object.fromEntries(Object.entries(families).map(([name, { classes }]) => [name, classes]));
  const stated = fields.raw('model_type');
  if (typeof stated === 'string' && Object.hasOwn(families, stated)) return families[kindOf(fields, known, stated)]!;
  // Nothing of a model that is not known can be looked at.
  throw userError({
    where: `${fields.where}/model_type`,
    what: (JSON.stringify(stated) ?? 'missing').slice(0, 80),
    expected: Object.keys(families).join(', '),
  });
}

const tieField = 'tie_word_embeddings';
const tieOf = (value: unknown): boolean | undefined =>
  isObject(value) && typeof value[tieField] === 'boolean' ? value[tieField] : undefined;
const saysTie = (value: unknown): boolean => tieOf(value) !== undefined;

/** Whether the configuration ties the output head to the embedding. */
const statedTie = (config: JsonObject, entry: Entry): boolean => entry.tied(tieOf(config), tieOf(config[entry.text]));

/**
 * Whether a checkpoint's output head is its token embedding. A head in the file counts, unless it is a mere copy of an
 * embedding that is said to be tied; a head that is not there is excused when the configuration ties it.
 */
function headOf(checkpoint: Checkpoint, config: JsonObject, where: string): { tied: boolean; copy: RegExp | null } {
  const { table } = familyOf(config, where, false);
  const names = canonicalNames(checkpoint, table);
  const [headName, embeddingName] = [theirName(table, 'backbone.lmHead'), theirName(table, 'backbone.tokenEmbedding')];
  const head = names.get(headName),
    embedding = names.get(embeddingName);
  const excused = statedTie(config, families[String(config['model_type'])]!);
  if (head === undefined) return { tied: excused, copy: null };
  if (!excused || embedding === undefined || !sameValues(checkpoint, head, embedding))
    return { tied: false, copy: null };
  return { tied: true, copy: new RegExp(`^${headName.replaceAll('.', '\\.')}$`) };
}

function sameValues(checkpoint: Checkpoint, a: string, b: string): boolean {
  const [first, second] = [checkpoint.read(a).data, checkpoint.read(b).data];
  return first.length === second.length && first.every((value, i) => value === second[i]);
}
