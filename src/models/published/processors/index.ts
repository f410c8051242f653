/**
 * The processor of a published checkpoint: conversations, pictures and sounds to what its family takes. It reads
 * config.json, tokenizer.json, tokenizer_config.json and preprocessor_config.json (or processor_config.json), and no
 * weights.
 */
import { join } from 'node:path';
import { readTokenizerFolder, type FileTokenizer } from '../../../text/tokenizerJson';
import { type Problem, UserError, userError } from '../../../problems';
import { readConfig } from '../../checkpoint/checkpoint';
import type { JsonObject } from '../../../json';
import { familyOf } from '..';
import type { Family } from '../family';
import { encodePieces, type EncodedText } from './encode';
import { pictureReader, soundReader, type Medium, type PictureOptions, type Reader } from './readers';
import {
  chatTemplates,
  mediaMarks,
  openGvTemplates,
  renderConversation,
  type Conversation,
  type MediaMarks,
  type TemplateName,
} from './templates';

export interface ProcessorOptions extends PictureOptions {
  /** instead of the family's own chat template */
  template?: TemplateName;
}

/** One conversation as a model takes it. */
export interface ProcessedConversation extends EncodedText {
  /** `pixel_values` [items, 3, height, width] (a tile is an item) or `input_features` [items, bands, frames] */
  input: { name: Family['input']['name']; shape: number[]; data: Float32Array };
  /** what was cut or dropped, for the records of a run */
  notices: string[];
}

export interface Processor extends Reader {
  /**
   * the family of config.json; its placeholder is the id that `encode` writes where features stand: give this to
   * `familyModel`
   */
  family: Family;
  template: TemplateName;
  tokenizer: FileTokenizer;
  /**
   * Encodes the text of a conversation about images or sounds of so many items (tiles) each. Throws UserError as
   * `encode`.
   */
  text(conversation: Conversation, items: readonly number[]): EncodedText;
  /**
   * Encodes a conversation about images or sounds (paths). Throws UserError for a file that cannot be read, for text
   * that holds tokens of the prompt, and for a conversation that is longer than the model's context.
   */
  encode(conversation: Conversation, media: readonly string[]): Promise<ProcessedConversation>;
}

/**
 * Opens the processor of a checkpoint folder. Throws UserError: a missing or unknown file or setting, special tokens
 * that are missing (all named), parts that do not fit each other.
 */
export function openProcessor(folder: string, options: ProcessorOptions = {}): Processor {
  const config = readConfig(folder);
  const stated = familyOf(config, join(folder, 'config.json'));
  const marks = mediaMarks[stated.kind]!;
  const tokenizer = readTokenizerFolder(folder);
  const template = templateOf(folder, config, stated, options.template);
  const placeholder = placeholderOf(folder, stated, tokenizer, marks, chatTemplates[template].needs);
  const family: Family = { ...stated, placeholder };
  const { read, tiles, mostItems } =
    stated.input.name === 'pixel_values' ? pictureReader(folder, config, family, options) : soundReader(folder, family);
  const forbidden = [...new Set([...tokenizer.special, ...(marks.token === null ? [] : [marks.token])])];
  const text = (conversation: Conversation, counts: readonly number[]): EncodedText => {
    const pieces = renderConversation(conversation, chatTemplates[template], marks, counts.length, forbidden);
    const encoded = encodePieces(
      pieces,
      tokenizer,
      marks.token,
      counts.map((count) => count * family.featureTokens),
      placeholder,
    );
    if (encoded.inputIds.length > family.decoder.context)
      throw userError({
        where: 'conversation',
        what: `${encoded.inputIds.length} tokens`,
        expected: `at most the context of ${family.decoder.context}`,
      });
    return encoded;
  };
  return {
    family,
    template,
    tokenizer,
    tiles,
    mostItems,
    text,
    read,
    async encode(conversation, paths) {
      const media: Medium[] = [];
      for (const path of paths) media.push(await read(path));
      const encoded = text(
        conversation,
        media.map(({ items }) => items.length),
      );
      const items = media.flatMap((medium) => medium.items);
      const length = family.input.shape.reduce((a, b) => a * b, 1);
      const data = new Float32Array(items.length * length);
      items.forEach((item, i) => data.set(item, i * length));
      return {
        ...encoded,
        input: { name: family.input.name, shape: [items.length, ...family.input.shape], data },
        notices: media.flatMap(({ notices }) => notices),
      };
    },
  };
}

/** The family's own template unless another is asked for. */
function templateOf(folder: string, config: JsonObject, family: Family, asked: TemplateName | undefined): TemplateName {
  if (asked !== undefined) {
    if (Object.hasOwn(chatTemplates, asked)) return asked;
    throw userError({
      where: 'template',
      what: JSON.stringify(asked),
      expected: Object.keys(chatTemplates).join(', '),
    });
  }
  const { kind, decoder } = family;
  if (kind === 'salmonn') return 'salmonn';
  if (kind === 'blip2') return 'question-answer';
  if (kind === 'internvl2') {
    if (config['model_type'] !== 'internvl_chat') return 'internvl';
    const name = config['template'];
    if (typeof name === 'string' && Object.hasOwn(openGvTemplates, name)) return openGvTemplates[name]!;
    throw userError({
      where: `${join(folder, 'config.json')} /template`,
      what: JSON.stringify(name) ?? 'missing',
      expected: Object.keys(openGvTemplates).join(', '),
    });
  }
  if (decoder.kind === 'llama') return 'vicuna';
  if (decoder.kind === 'qwen2') return 'qwen2';
  throw userError({
    where: join(folder, 'config.json'),
    what: `no chat template is known for ${kind} on ${decoder.kind}`,
    expected: `one that is named: ${Object.keys(chatTemplates).join(', ')}`,
  });
}

/** The id that stands for a feature. Checks that tokenizer, template and model fit; all problems at once. */
function placeholderOf(
  folder: string,
  family: Family,
  tokenizer: FileTokenizer,
  marks: MediaMarks,
  needs: readonly string[],
): number {
  const where = join(folder, 'tokenizer.json');
  const problems: Problem[] = [];
  const around =
    marks.token === null ? [] : [marks.before, marks.token, marks.after.trim()].filter((token) => token !== '');
  const missing = [...needs, ...around].filter((token) => tokenizer.id(token) === undefined);
  if (missing.length > 0)
    problems.push({
      where,
      what: `no token ${missing.map((token) => JSON.stringify(token)).join(', ')}`,
      expected: 'the special tokens of the family and its chat template',
    });
  const { vocabulary } = family.decoder;
  const own = marks.token === null ? undefined : tokenizer.id(marks.token);
  const placeholder = own ?? family.placeholder ?? Math.max(vocabulary, tokenizer.vocabulary);
  if (own !== undefined && family.placeholder !== null && own !== family.placeholder) {
    problems.push({
      where,
      what: `${JSON.stringify(marks.token)} has id ${own}`,
      expected: `${family.placeholder}, the placeholder of config.json`,
    });
  }
  // Text must never make a placeholder.
  const token = tokenizer.token(placeholder);
  if (token !== undefined && token !== marks.token && !tokenizer.special.includes(token))
    problems.push({
      where: join(folder, 'config.json'),
      what: `the placeholder ${placeholder} is the token ${JSON.stringify(token)}`,
      expected: 'a special token, or an id beyond the vocabulary',
    });
  for (let id = vocabulary; id < tokenizer.vocabulary; id++) {
    if (id === placeholder || tokenizer.token(id) === undefined) continue;
    problems.push({
      where,
      what: `token ${JSON.stringify(tokenizer.token(id))} has id ${id}`,
      expected: `ids below ${vocabulary}, the model's vocabulary`,
    });
    break;
  }
  if (problems.length > 0) throw new UserError(problems);
  return placeholder;
}
