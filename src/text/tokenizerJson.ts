/**
 * Tokenizers as Hugging Face lays them out: tokenizer.json with tokenizer_config.json. The library
 * @huggingface/tokenizers does the work; here are the checks of files that may be hostile, tokens that stand in
 * tokenizer_config.json only, and what opens a text.
 */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, jsonLimits, readObject, type JsonObject } from '../json';
import { type Problem, UserError, userError } from '../problems';

/** A tokenizer of a published model. */
export interface FileTokenizer {
  /** one more than the largest id */
  vocabulary: number;
  /** ids that stand before every text, e.g. that of `<s>`; none for Qwen2 */
  opening: number[];
  /** tokens that are never made from plain text, e.g. `</s>`, `<|im_end|>` */
  special: readonly string[];
  /** The id of one token, written as in the vocabulary. */
  id(token: string): number | undefined;
  /** The token of an id. */
  token(id: number): string | undefined;
  /**
   * Ids of a text without opening. Tokens such as `</s>` are recognised. Throws UserError for text that is no Unicode
   * or longer than `tokenizerLimits.text`.
   */
  encode(text: string): number[];
  /** Text of ids without special tokens. Throws RangeError for an unknown id. */
  decode(ids: readonly number[]): string;
}

/** Limits far above any published tokenizer. */
const tokenizerLimits = {
  /** bytes of tokenizer.json */
  bytes: 64 * 2 ** 20,
  ids: 2 ** 23,
  /** characters of a token */
  token: 4096,
  /** characters of a text */
  text: 2 ** 20,
} as const;

interface AddedToken {
  id: number;
  content: string;
  special: boolean;
}

const isId = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < tokenizerLimits.ids;
/** A special token is named by its text or by an object with its text. */
const contentOf = (value: unknown): unknown => (isObject(value) ? value['content'] : value);

/**
 * The tokenizer of a folder: tokenizer.json, and tokenizer_config.json where it is there. Throws UserError with every
 * problem found.
 */
export function readTokenizerFolder(folder: string): FileTokenizer {
  const path = join(folder, 'tokenizer.json'),
    configPath = join(folder, 'tokenizer_config.json');
  if (!existsSync(path)) {
    throw userError({
      where: folder,
      what: 'holds no tokenizer.json',
      expected: 'a tokenizer in the format of the tokenizers library',
      hint: 'a tokenizer.model alone is turned into one in Python: AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder)',
    });
  }
  return tokenizerOf(
    readObject(path, tokenizerLimits.bytes),
    existsSync(configPath) ? readObject(configPath, jsonLimits.config) : {},
    path,
    configPath,
  );
}

/**
 * The tokenizer of a parsed tokenizer.json and tokenizer_config.json. Tokens that only the latter states
 * (`added_tokens_decoder`) have the ids stated there, as with the published Python tokenizers. Throws UserError with
 * every problem found.
 */
export function tokenizerOf(
  tokenizer: JsonObject,
  config: JsonObject,
  where = 'tokenizer.json',
  whereConfig = 'tokenizer_config.json',
): FileTokenizer {
  const problems: Problem[] = [];
  const vocabulary = checkedVocabulary(tokenizer['model'], `${where} /model`, problems);
  const added = addedTokens(tokenizer['added_tokens'], config['added_tokens_decoder'], where, whereConfig, problems);
  for (const { id, content } of added) {
    const known = vocabulary.get(content);
    if (known !== undefined && known !== id)
      problems.push({
        where: `${where} /added_tokens`,
        what: `${JSON.stringify(content)} has id ${id}, but ${known} in the vocabulary`,
        expected: 'one id',
      });
  }
  if (problems.length === 0 && !writesEverything(tokenizer, vocabulary)) {
    problems.push({
      where: `${where} /model`,
      what: 'some text has no token, and would be left out without a word',
      expected: 'byte_fallback or a byte-level pre-tokenizer with all 256 bytes, or an unk_token of the vocabulary',
    });
  }
  if (problems.length > 0) throw new UserError(problems.slice(0, 20));
  const library = build({ ...tokenizer, added_tokens: added }, where);
  const ids = new Map([...vocabulary, ...added.map(({ content, id }): [string, number] => [content, id])]);
  const size = [...ids.values()].reduce((most, id) => Math.max(most, id + 1), 0);
  const special = added.filter((token) => token.special).map(({ content }) => content);
  const specialIds = new Set(added.filter((token) => token.special).map(({ id }) => id));
  const tokens = new Map([...ids].map(([token, id]) => [id, token])); // an added token hides the piece of the same id
  return {
    vocabulary: size,
    special,
    opening: openingOf(library, ids, config, whereConfig),
    id: (token) => ids.get(token),
    token: (id) => tokens.get(id),
    encode(text) {
      if (text.length > tokenizerLimits.text)
        throw userError({
          where: 'text',
          what: `${text.length} characters`,
          expected: `at most ${tokenizerLimits.text}`,
        });
      if (/\p{Surrogate}/u.test(text))
        throw userError({
          where: `text ${JSON.stringify(text.slice(0, 80))}`,
          what: 'half of a surrogate pair',
          expected: 'Unicode text',
        });
      return library.encode(text, { add_special_tokens: false }).ids;
    },
    decode(list) {
      const wrong = list.find((id) => !tokens.has(id));
      if (wrong !== undefined) throw new RangeError(`token id ${wrong} is not in the vocabulary`);
      const kept = list.filter((id) => !specialIds.has(id));
      return kept.length === 0
        ? ''
        : library.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
  };
}

/** Ids by token of a byte-pair model; merges must lead to tokens of the vocabulary. */
function checkedVocabulary(model: unknown, where: string, problems: Problem[]): Map<string, number> {
  const vocabulary = new Map<string, number>();
  const type = isObject(model) ? (model['type'] ?? 'BPE') : undefined;
  if (!isObject(model) || type !== 'BPE') {
    problems.push({
      where: `${where}/type`,
      what: JSON.stringify(type) ?? 'missing',
      expected: '"BPE": byte-pair encoding, which all four families have',
    });
    return vocabulary;
  }
  const { vocab, merges } = model;
  if (!isObject(vocab) || Object.keys(vocab).length === 0)
    problems.push({
      where: `${where}/vocab`,
      what: isObject(vocab) ? 'no token' : 'is not an object',
      expected: 'ids by token',
    });
  const seen = new Map<number, string>();
  for (const [token, id] of Object.entries(isObject(vocab) ? vocab : {})) {
    if (!isId(id))
      problems.push({
        where: `${where}/vocab`,
        what: `${JSON.stringify(token.slice(0, 40))} has id ${JSON.stringify(id)?.slice(0, 40)}`,
        expected: `a whole number from 0 to ${tokenizerLimits.ids - 1}`,
      });
    else if (seen.has(id))
      problems.push({
        where: `${where}/vocab`,
        what: `${JSON.stringify(token.slice(0, 40))} and ${JSON.stringify(seen.get(id)?.slice(0, 40))} share id ${id}`,
        expected: 'one token an id',
      });
    else {
      seen.set(id, token);
      vocabulary.set(token, id);
    }
    if (problems.length >= 20) return vocabulary;
  }
  if (!Array.isArray(merges)) {
    problems.push({ where: `${where}/merges`, what: 'is not a list', expected: 'a list of pairs' });
    return vocabulary;
  }
  for (const [i, merge] of (merges as unknown[]).entries()) {
    const pair = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? (merge as unknown[]) : [];
    const [left, right] = pair;
    const valid =
      pair.length === 2 &&
      typeof left === 'string' &&
      typeof right === 'string' &&
      vocabulary.has(left) &&
      vocabulary.has(right) &&
      vocabulary.has(left + right);
    if (!valid)
      problems.push({
        where: `${where}/merges/${i}`,
        what: JSON.stringify(merge)?.slice(0, 80) ?? 'missing',
        expected: 'two tokens of the vocabulary whose union is one',
      });
    if (problems.length >= 20) return vocabulary;
  }
  return vocabulary;
}

/** Whether every text has tokens: by bytes, or by one that stands for the unknown. */
function writesEverything(tokenizer: JsonObject, vocabulary: ReadonlyMap<string, number>): boolean {
  const { byte_fallback: fallback, unk_token: unknown } = tokenizer['model'] as JsonObject;
  if (typeof unknown === 'string' && vocabulary.has(unknown)) return true;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  if (fallback === true)
    return bytes.every((byte) => vocabulary.has(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
  const isByteLevel = (part: unknown): boolean =>
    isObject(part) &&
    (part['type'] === 'ByteLevel' ||
      [part['pretokenizers'], part['normalizers']].some((list) => Array.isArray(list) && list.some(isByteLevel)));
  if (!isByteLevel(tokenizer['pre_tokenizer']) && !isByteLevel(tokenizer['normalizer'])) return false;
  // GPT-2 writes printable bytes of Latin-1 as themselves and the others as the characters from U+0100 on.
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const others = bytes.filter((byte) => !printable(byte));
  return bytes.every((byte) =>
    vocabulary.has(String.fromCharCode(printable(byte) ? byte : 0x100 + others.indexOf(byte))),
  );
}

/** The added tokens of tokenizer.json, and those that only tokenizer_config.json states. */
function addedTokens(
  own: unknown,
  stated: unknown,
  where: string,
  whereConfig: string,
  problems: Problem[],
): AddedToken[] {
  const list: { value: unknown; where: string }[] = [];
  if (own !== undefined && own !== null && !Array.isArray(own))
    problems.push({ where: `${where} /added_tokens`, what: 'is not a list', expected: 'a list of tokens' });
  else
    ((own as unknown[] | null | undefined) ?? []).forEach((value, i) =>
      list.push({ value, where: `${where} /added_tokens/${i}` }),
    );
  if (stated !== undefined && stated !== null && !isObject(stated))
    problems.push({
      where: `${whereConfig} /added_tokens_decoder`,
      what: 'is not an object',
      expected: 'tokens by id',
    });
  else
    for (const [id, value] of Object.entries(stated ?? {}))
      list.push({
        value: isObject(value) ? { ...value, id: Number(id) } : value,
        where: `${whereConfig} /added_tokens_decoder/${id}`,
      });
  const byContent = new Map<string, AddedToken>();
  const byId = new Map<number, string>();
  for (const { value, where: place } of list) {
    const { id, content } = isObject(value) ? value : { id: undefined, content: undefined };
    if (!isId(id) || typeof content !== 'string' || content === '' || content.length > tokenizerLimits.token) {
      problems.push({
        where: place,
        what: JSON.stringify(value)?.slice(0, 80) ?? 'missing',
        expected: 'an object with an id and a content',
      });
    } else if ((byContent.get(content)?.id ?? id) !== id || (byId.get(id) ?? content) !== content) {
      problems.push({
        where: place,
        what: `${JSON.stringify(content.slice(0, 40))} with id ${id} contradicts an earlier token`,
        expected: 'one token an id and one id a token',
      });
    } else if (!byContent.has(content)) {
      byContent.set(content, {
        ...(value as JsonObject),
        id,
        content,
        special: (value as JsonObject)['special'] === true,
      });
      byId.set(id, content);
    }
    if (problems.length >= 20) break;
  }
  return [...byContent.values()];
}

function build(tokenizer: JsonObject, where: string): LibraryTokenizer {
  const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'];
  try {
    const library = new LibraryTokenizer(
      { ...Object.fromEntries(parts.map((part) => [part, null])), ...tokenizer },
      {},
    );
    library.encode('a'); // what cannot be used is found now, not in the middle of a set
    return library;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw userError({
      where,
      what: `this tokenizer cannot be built: ${said.slice(0, 200).replaceAll('undefined', 'nothing')}`,
      expected: 'a tokenizer.json that the library @huggingface/tokenizers knows',
    });
  }
}

/** `add_bos_token` decides where it is stated, else what the post-processor of tokenizer.json puts before a text. */
function openingOf(library: LibraryTokenizer, ids: Map<string, number>, config: JsonObject, where: string): number[] {
  if (config['add_eos_token'] === true)
    throw userError({
      where: `${where} /add_eos_token`,
      what: 'true',
      expected: 'false: the prompt says where an answer ends',
    });
  if (config['add_bos_token'] === false) return [];
  if (config['add_bos_token'] === true) {
    const token = contentOf(config['bos_token']);
    const id = typeof token === 'string' ? ids.get(token) : undefined;
    if (id === undefined)
      throw userError({
        where: `${where} /bos_token`,
        what: JSON.stringify(token) ?? 'missing',
        expected: 'a token of the vocabulary, because add_bos_token is true',
      });
    return [id];
  }
  const plain = library.encode('a', { add_special_tokens: false }).ids,
    whole = library.encode('a').ids;
  const count = whole.length - plain.length;
  if (whole.slice(count).join() !== plain.join())
    throw userError({
      where: 'tokenizer.json /post_processor',
      what: 'puts tokens after a text',
      expected: 'tokens before a text only: the prompt says where an answer ends',
    });
  return whole.slice(0, count);
}
