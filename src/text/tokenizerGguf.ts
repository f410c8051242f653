/**
 * The byte-level tokenizer inside a GGUF file, as the tokenizer.json that it was made from. The file names how texts are
 * cut into words (`tokenizer.ggml.pre`) and not by which patterns; the kinds that are known here are held to llama.cpp's
 * ids by the tests.
 */
import type { JsonObject } from '../json';
import { show } from '../printable';
import { userError } from '../problems';
import { tokenizerOf, type FileTokenizer } from './tokenizerJson';

const byteLevel = (withPattern: boolean): JsonObject => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: withPattern,
});

/** How a text is cut into words before bytes are joined, by the file's name for it. */
const preTokenizers: Readonly<Record<string, JsonObject>> = {
  /** Each digit for itself, then GPT-2's pattern. */
  smollm: {
    type: 'Sequence',
    // All of Unicode's digits: the library's own `Digits` knows those of ASCII alone.
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '\\p{N}' }, behavior: 'Isolated', invert: false },
      byteLevel(true),
    ],
  },
};

/** `tokenizer.ggml.token_type`: piece of the vocabulary, control token, token that a user has added. */
const [normal, control, userDefined] = [1, 3, 4];

/** The tokenizer in a file's metadata. Throws UserError for one of another kind, and as `tokenizerOf`. */
export function ggufTokenizer(metadata: ReadonlyMap<string, unknown>, where: string): FileTokenizer {
  const field = (name: string): unknown => metadata.get(`tokenizer.ggml.${name}`);
  const bad = (name: string, expected: string) =>
    userError({ where: `${where} tokenizer.ggml.${name}`, what: show(field(name)), expected });
  const list = <T>(name: string, is: (value: unknown) => value is T, expected: string): readonly T[] => {
    const value = field(name);
    if (!Array.isArray(value) || !value.every(is)) throw bad(name, expected);
    return value as readonly T[];
  };
  const isText = (value: unknown): value is string => typeof value === 'string';
  if (field('model') !== 'gpt2') throw bad('model', '"gpt2": byte-level byte-pair encoding');
  const pre = field('pre');
  const cut = isText(pre) && Object.hasOwn(preTokenizers, pre) ? preTokenizers[pre] : undefined;
  if (cut === undefined) throw bad('pre', Object.keys(preTokenizers).join(', '));
  const tokens = list('tokens', isText, 'a list of texts');
  const isKind = (value: unknown): value is number => value === normal || value === control || value === userDefined;
  const kinds = list('token_type', isKind, `a list of ${normal}, ${control} and ${userDefined}`);
  if (kinds.length !== tokens.length) throw bad('token_type', `${tokens.length} numbers, one a token`);
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  if (vocab.size !== tokens.length) throw bad('tokens', 'each token once');
  const added = tokens.flatMap((content, id) =>
    kinds[id] === normal ? [] : [{ id, content, special: kinds[id] === control, ...asWritten }],
  );
  const unknown = field('unknown_token_id') ?? null;
  if (unknown !== null && typeof tokens[unknown as number] !== 'string')
    throw bad('unknown_token_id', 'the id of a token');
  const tokenizer = {
    added_tokens: added,
    pre_tokenizer: cut,
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      // Bytes that no text of the training had may have no token.
      ...(unknown === null ? {} : { unk_token: tokens[unknown as number]! }),
      vocab: Object.fromEntries(vocab),
      merges: [...list('merges', isText, 'a list of texts')],
    },
  };
  return tokenizerOf(tokenizer, { add_bos_token: field('add_bos_token') === true ? undefined : false }, where, where);
}

/** Added tokens are found as they stand, not as parts of words. */
const asWritten = { single_word: false, lstrip: false, rstrip: false, normalized: false };
