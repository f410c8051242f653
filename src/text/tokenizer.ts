/**
 * Text to token ids and back: SentencePiece byte-pair encoding over llama2.c's `tokenizer.bin`, the vocabulary that the
 * weights were trained with. Its ids agree with the independent llama-tokenizer-js on every text of
 * test/fixtures/tokenizer.json. Source of the format: karpathy/llama2.c, `tokenizer.py` (export); of the algorithm:
 * Kudo and Richardson 2018 (SentencePiece).
 */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { userError } from '../problems';
import type { FileTokenizer } from './tokenizerJson';

export interface Tokenizer {
  /** number of ids */
  vocabulary: number;
  /** opens every sequence, e.g. `<s>` */
  begin: number;
  /** `</s>`: never trained in stories15M, its embedding row equals that of `<unk>`: do not end answers with it */
  end: number;
  /** `<unk>`: never produced (bytes stand in for unknown characters); leave it out of a pruned vocabulary */
  unknown: number;
  /**
   * the id that ends an answer, as it ended texts in training: stories15M's `<s>`, which followed every story,
   * MiniMind2's `<|im_end|>`
   */
  answerEnd: number;
  /**
   * Ids of a text without begin or end. As in running text, a first word is written with a space before it: `encode('a
   * b')` equals `encode(' a b')`, and `[...encode(prompt), ...encode(' ' + answer)]` equals `encode(prompt + ' ' +
   * answer)`.
   */
  encode(text: string): number[];
  /**
   * Text of ids; special ids and one leading space are dropped; bytes that are no UTF-8 become U+FFFD. Throws
   * RangeError for an unknown id.
   */
  decode(ids: Iterable<number>): string;
  /** of a model that was trained on conversations: how it reads a question and its answer */
  chat?: ChatForm;
}

/** A question about an image or sound and its answer as turns of a conversation. */
export interface ChatForm {
  /** ids before the features */
  head: readonly number[];
  /** Ids of a question, from behind the features to where its answer begins. Throws UserError for a text that cannot stand there. */
  prompt(question: string): number[];
  /** Ids of an answer as it follows, without the end. Throws as `prompt`. */
  answer(text: string): number[];
}

/** Ids before the features, whatever the question. */
export const headOf = ({ begin, chat }: Pick<Tokenizer, 'begin' | 'chat'>): readonly number[] => chat?.head ?? [begin];

/** The wording that tasks have by default, which a conversation does without: it has marks of its own. */
const defaultWording = /^Question: (.+) Answer:$/s;

/** A question without that wording. */
export const unwrapped = (prompt: string): string => defaultWording.exec(prompt)?.[1] ?? prompt;

/** Ids of a question, and of an answer to it, as the model reads them; an answer that is no turn stands behind a space. */
export const promptIds = (tokenizer: Tokenizer, text: string): number[] =>
  tokenizer.chat?.prompt(unwrapped(text)) ?? tokenizer.encode(text);
export const answerIds = (tokenizer: Tokenizer, text: string): number[] =>
  tokenizer.chat?.answer(text) ?? tokenizer.encode(` ${text}`);

const firstByte = 3;
const firstPiece = firstByte + 256;
const longestFile = 64 * 2 ** 20;

interface Piece {
  bytes: Uint8Array;
  score: number;
}

/** The entries of a `tokenizer.bin`: int32 longest piece, then for each id float32 score, int32 length, bytes. */
function readPieces(bytes: Uint8Array, where: string): Piece[] {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  if (bytes.length < 4 || bytes.length > longestFile) throw bad(`${bytes.length} bytes`, `4 to ${longestFile} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const longest = view.getInt32(0, true);
  const pieces: Piece[] = [];
  for (let at = 4; at < bytes.length;) {
    if (at + 8 > bytes.length) throw bad(`it breaks off in entry ${pieces.length}`, 'a score and a length');
    const score = view.getFloat32(at, true);
    const length = view.getInt32(at + 4, true);
    if (!Number.isFinite(score)) throw bad(`the score of entry ${pieces.length} is ${score}`, 'a finite number');
    if (length < 1 || length > longest || at + 8 + length > bytes.length)
      throw bad(`entry ${pieces.length} is ${length} bytes long`, `1 to ${longest}, inside the file`);
    pieces.push({ score, bytes: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return pieces;
}

/**
 * The tokenizer in a llama2.c `tokenizer.bin` of a SentencePiece vocabulary with byte fallback (ids 0 `<unk>`, 1 `<s>`,
 * 2 `</s>`, 3 to 258 the bytes, then the pieces). Throws UserError for anything else.
 */
export function readTokenizer(bytes: Uint8Array, where = 'tokenizer.bin'): Tokenizer {
  const pieces = readPieces(bytes, where);
  const texts = pieces.map((piece) => Buffer.from(piece.bytes).toString('utf8'));
  const bad = (what: string, expected: string) =>
    userError({ where, what, expected, hint: 'this reader knows Llama-2 vocabularies only' });
  if (pieces.length <= firstPiece) throw bad(`${pieces.length} entries`, `more than ${firstPiece}`);
  if (texts[0] !== '<unk>' || texts[1]?.trim() !== '<s>' || texts[2]?.trim() !== '</s>')
    throw bad(`it begins with ${JSON.stringify(texts.slice(0, 3))}`, '<unk>, <s>, </s>');
  for (let byte = 0; byte < 256; byte++) {
    // The exporter wrote byte b as the character U+00b, so bytes from 128 on take two bytes in the file.
    if (texts[firstByte + byte] !== String.fromCharCode(byte))
      throw bad(`entry ${firstByte + byte} is ${JSON.stringify(texts[firstByte + byte])}`, `byte ${byte}`);
  }
  // Prompt and answer are encoded apart, which is the same as together only while no piece joins two words.
  const joined = texts.findIndex((text, id) => id >= firstPiece && /[^ ] /.test(text));
  if (joined >= 0)
    throw bad(`entry ${joined} ${JSON.stringify(texts[joined])} spans two words`, 'pieces inside one word');
  // Only true pieces get their text as a name: `,` is both byte id 47 and piece 29892, and the byte ids of printable
  // characters were never trained. The last of equal texts wins.
  const names = texts.map((text, id) =>
    id < firstByte ? special[id]! : id < firstPiece ? byteName(id - firstByte) : text.replaceAll(' ', space),
  );
  const vocabulary = new Map(names.map((name, id) => [name, id]));
  const library = new LibraryTokenizer(
    tokenizerJson(
      vocabulary,
      pieces.slice(firstPiece).map(({ score }, i) => ({ name: names[firstPiece + i]!, score })),
    ),
    {},
  );
  return {
    vocabulary: pieces.length,
    unknown: 0,
    begin: 1,
    end: 2,
    answerEnd: 1,
    // The library's normaliser writes the first word's space itself.
    encode: (text) =>
      text === '' ? [] : library.encode(text.startsWith(' ') ? text.slice(1) : text, { add_special_tokens: false }).ids,
    decode(ids) {
      const list = [...ids];
      const wrong = list.find((id) => pieces[id] === undefined);
      if (wrong !== undefined) throw new RangeError(`token id ${wrong} is not in 0 to ${pieces.length - 1}`);
      const kept = list.filter((id) => id >= firstByte);
      return kept.length === 0
        ? ''
        : library.decode(kept, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    },
  };
}

const space = '\u2581'; // SentencePiece's stand-in for a space
const special = ['<unk>', '<s>', '</s>'];
const byteName = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/**
 * The vocabulary as a tokenizer.json of byte-pair encoding. SentencePiece merges the neighbouring pair whose union
 * scores best, so every way to halve a piece is a merge, in order of the piece's score; equal scores keep the order of
 * ids.
 */
function tokenizerJson(vocabulary: Map<string, number>, pieces: { name: string; score: number }[]): object {
  const merges = pieces
    .flatMap(({ name, score }) => {
      const characters = Array.from(name);
      const halves = characters
        .slice(1)
        .map((_, i) => [characters.slice(0, i + 1).join(''), characters.slice(i + 1).join('')] as const);
      return halves
        .filter(([left, right]) => vocabulary.has(left) && vocabulary.has(right))
        .map((pair) => ({ pair, score }));
    })
    .sort((a, b) => b.score - a.score);
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: space },
        { type: 'Replace', pattern: { String: ' ' }, content: space },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: space }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocabulary),
      merges: merges.map(({ pair }) => pair),
    },
  };
}

/**
 * A byte-level tokenizer (as GPT-2's) in which `begin` opens a text and `end` closes it, as the weights saw them in
 * training. Words carry the space before them. Throws UserError when one of the three tokens is not there.
 */
export function byteLevelTokenizer(
  file: FileTokenizer,
  names: { begin: string; end: string; unknown: string },
  where = 'tokenizer.json',
): Tokenizer {
  const id = (name: string): number => {
    const found = file.id(name);
    if (found === undefined)
      throw userError({ where, what: `no token ${name}`, expected: 'a tokenizer with this token' });
    return found;
  };
  const [begin, end, unknown] = [id(names.begin), id(names.end), id(names.unknown)];
  return {
    vocabulary: file.vocabulary,
    begin,
    end,
    unknown,
    answerEnd: end,
    encode: (text) => (text === '' ? [] : file.encode(text.startsWith(' ') ? text : ` ${text}`)),
    decode: (ids) => file.decode([...ids]).replace(/^ /, ''),
  };
}

/** A vocabulary cut down to the ids in use, so that embeddings and logits are small. */
export interface PrunedVocabulary {
  /** kept ids of the full vocabulary, ascending; the place of an id in this list is its pruned id */
  ids: number[];
  /** full id -> pruned id */
  toPruned: Map<number, number>;
}

/** All ids of a tokenizer, each in its own place. */
export function wholeVocabulary({ vocabulary }: Pick<Tokenizer, 'vocabulary'>): PrunedVocabulary {
  const ids = Array.from({ length: vocabulary }, (_, id) => id);
  return { ids, toPruned: new Map(ids.map((id) => [id, id])) };
}

/**
 * The ids that occur in `texts`, plus begin, what stands before features, answerEnd and `extra`; `<unk>` is dropped
 * whatever `extra` says. Give answers as they are encoded in use (with their leading space or as whole `prompt answer`
 * texts). Throws RangeError when an extra id is not in the vocabulary.
 */
export function pruneVocabulary(
  texts: readonly string[],
  tokenizer: Tokenizer,
  extra: readonly number[] = [],
): PrunedVocabulary {
  const used = new Set<number>([...headOf(tokenizer), tokenizer.begin, tokenizer.answerEnd]);
  for (const id of extra) {
    if (!Number.isInteger(id) || id < 0 || id >= tokenizer.vocabulary)
      throw new RangeError(`token id ${id} is not in 0 to ${tokenizer.vocabulary - 1}`);
    used.add(id);
  }
  for (const text of texts) for (const id of tokenizer.encode(text)) used.add(id);
  used.delete(tokenizer.unknown);
  const ids = [...used].sort((a, b) => a - b);
  return { ids, toPruned: new Map(ids.map((id, pruned) => [id, pruned])) };
}
