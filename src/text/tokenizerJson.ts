/**
 * Tokenizers as Hugging Face lays them out: tokenizer.json with tokenizer_config.json. The library
 * @huggingface/tokenizers does the work; here are limits of texts and what opens one. The files are checked in
 * tokenizerChecks.ts.
 */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, jsonLimits, readObject, type JsonObject } from '../json';
import { userError } from '../problems';
import { checkedTokens, tokenizerLimits } from './tokenizerChecks';

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
  const { vocabulary, added } = checkedTokens(tokenizer, config, where, whereConfig);
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
      requireText(text);
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

function requireText(text: string): void {
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
