/**
 * The published families by the `model_type` of their configurations. To add one: a file beside this one and a line
 * below.
 */
import { join } from 'node:path';
import { openCheckpoint, readConfig, type Checkpoint } from '../checkpoint/checkpoint';
import { readFields, type Fields } from '../checkpoint/config';
import { isObject, type JsonObject } from '../../json';
import { canonicalNames, loadWeights, theirName } from '../checkpoint/names';
import { parametersOf, partNames, type ModelParameter, type PartName } from '../composition';
import { blip2 } from './blip2';
import type { Family, LoadedFamily } from './family';
import { internvl2 } from './internvl2';
import { llava } from './llava';
import { salmonn } from './salmonn';

interface Entry {
  build(fields: Fields, tied: boolean): Family;
  /** where the language model is described */
  text: string;
  /**
   * whether output head and embedding are one, by what the whole configuration and the language model's say; the
   * published defaults
   */
  tied(whole: boolean | undefined, text: boolean | undefined): boolean;
}

const families: Readonly<Record<string, Entry>> = {
  'blip-2': { build: blip2, text: 'text_config', tied: (_whole, text) => text ?? true },
  llava: { build: llava, text: 'text_config', tied: (whole, text) => (whole ?? false) || (text ?? false) },
  internvl: { build: internvl2, text: 'text_config', tied: (whole) => whole ?? true },
  internvl_chat: { build: internvl2, text: 'llm_config', tied: (whole, text) => text ?? whole ?? false },
  salmonn_whisper: { build: salmonn, text: 'llama', tied: (_whole, text) => text ?? false },
};

/**
 * A family from its configuration alone. `tied` overrules what the configuration says of the output head. Throws
 * UserError with every problem of the configuration.
 */
export function familyOf(config: JsonObject, where = 'config.json', tied?: boolean): Family {
  return readFields(config, where, (fields) => {
    const entry = entryOf(fields);
    return entry.build(fields, tied ?? statedTie(config, entry));
  });
}

/**
 * Reads a checkpoint folder: the weights of all parts, or of those named. Throws UserError for a configuration or a
 * file that is wrong, and lists all tensors that do not fit, of the parts that are not read, too.
 */
export function loadFamily(folder: string, parts: readonly PartName[] = partNames): LoadedFamily {
  const config = readConfig(folder);
  const where = join(folder, 'config.json');
  const checkpoint = openCheckpoint(folder);
  try {
    const { tied, copy } = headOf(checkpoint, config, where);
    const family = familyOf(config, where, tied);
    const wanted = parametersOf(family);
    const table = copy === null ? family.table : { ...family.table, ignored: [...(family.table.ignored ?? []), copy] };
    const isRead = ({ use, part }: ModelParameter) => use !== 'unused' && parts.includes(part);
    const weights = loadWeights(
      checkpoint,
      wanted.filter(isRead),
      table,
      wanted.filter((parameter) => !isRead(parameter)),
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
  const kind = fields.text('model_type', '');
  if (Object.hasOwn(families, kind)) return families[kind]!;
  fields.bad('model_type', Object.keys(families).join(', '));
  return families['llava']!;
}

/** Whether the configuration ties the output head to the embedding. */
function statedTie(config: JsonObject, entry: Entry): boolean {
  const of = (value: unknown) =>
    isObject(value) && typeof value['tie_word_embeddings'] === 'boolean' ? value['tie_word_embeddings'] : undefined;
  return entry.tied(of(config), of(config[entry.text]));
}

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
