import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unpackBundle } from '../../src/sources/bundle';
import { loadTokenizer } from '../../src/models/zoo/backbones';
import { pruneVocabulary, readTokenizer } from '../../src/text/tokenizer';
import { UserError } from '../../src/problems';

/** A `tokenizer.bin` with the 259 fixed entries and the given pieces, best first. */
function tokenizerFile(
  pieces: string[],
  edit: (entries: { text: Buffer; score: number }[]) => void = () => undefined,
): Buffer {
  const entries = [
    '<unk>',
    '\n<s>\n',
    '\n</s>\n',
    ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)),
  ].map((text) => ({ text: Buffer.from(text), score: 0 }));
  pieces.forEach((text, i) => entries.push({ text: Buffer.from(text), score: -i }));
  edit(entries);
  const longest = Buffer.alloc(4);
  longest.writeInt32LE(27);
  return Buffer.concat([
    longest,
    ...entries.flatMap(({ text, score }) => {
      const head = Buffer.alloc(8);
      head.writeFloatLE(score);
      head.writeInt32LE(text.length, 4);
      return [head, text];
    }),
  ]);
}

// Merges: `ab` before `bc`, ` a` last; single characters as in a SentencePiece vocabulary, comma included twice (byte
// and piece).
const small = ['ab', 'bc', ' a', 'abc', ' ', 'a', 'b', 'c', ','];
const id = (piece: string) => 259 + small.indexOf(piece);

describe('tokenizer', () => {
  const tokenizer = readTokenizer(tokenizerFile(small));

  it('merges the best-scored neighbours first, leftmost among equals', () => {
    expect(tokenizer.encode('abc')).toEqual([id(' '), id('abc')]);
    expect(tokenizer.encode('ac')).toEqual([id(' a'), id('c')]);
    expect(tokenizer.encode('abab')).toEqual([id(' '), id('ab'), id('ab')]);
  });

  it('gives printable characters their piece, not their untrained byte id, and unknown characters their bytes', () => {
    expect(tokenizer.encode('b,')).toEqual([id(' '), id('b'), id(',')]);
    expect(tokenizer.encode('é')).toEqual([id(' '), 3 + 0xc3, 3 + 0xa9]);
  });

  it('encodes a continuation as in running text, and decodes to the same text', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', ',', 'x', 'é', '\n', '猫'),
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 4 }),
        fc.array(word, { minLength: 1, maxLength: 4 }),
        (before, after) => {
          const [prompt, answer] = [before.join(' '), after.join(' ')];
          const whole = tokenizer.encode(`${prompt} ${answer}`);
          expect([...tokenizer.encode(prompt), ...tokenizer.encode(` ${answer}`)]).toEqual(whole);
          expect(tokenizer.encode(answer)).toEqual(tokenizer.encode(` ${answer}`));
          expect(tokenizer.decode([tokenizer.begin, ...whole, tokenizer.answerEnd])).toBe(`${prompt} ${answer}`);
        },
      ),
    );
  });

  it('ends answers with <s> and refuses ids outside the vocabulary', () => {
    expect([tokenizer.unknown, tokenizer.begin, tokenizer.end, tokenizer.answerEnd]).toEqual([0, 1, 2, 1]);
    expect(tokenizer.encode('')).toEqual([]);
    expect(() => tokenizer.decode([tokenizer.vocabulary])).toThrow(RangeError);
  });

  it('prunes to the used ids, keeps begin and answer end, drops <unk>', () => {
    const { ids, toPruned } = pruneVocabulary(['abc', 'b,'], tokenizer, [0, id('c')]);
    expect(ids).toEqual([1, id('abc'), id(' '), id('b'), id('c'), id(',')].sort((a, b) => a - b));
    expect(ids.map((full) => toPruned.get(full))).toEqual(ids.map((_, i) => i));
    expect(toPruned.has(0)).toBe(false);
    expect(() => pruneVocabulary([], tokenizer, [tokenizer.vocabulary])).toThrow(RangeError);
  });

  it.each<[string, Buffer, RegExp]>([
    ['a torn file', tokenizerFile(small).subarray(0, -1), /inside the file/],
    ['a torn entry', Buffer.concat([tokenizerFile(small), Buffer.alloc(3)]), /breaks off/],
    ['no pieces', tokenizerFile([]), /more than 259/],
    ['other special ids', tokenizerFile(small, (entries) => entries.reverse()), /<unk>, <s>, <\/s>/],
    [
      'other bytes',
      tokenizerFile(small, (entries) => {
        entries[50]!.text = Buffer.from('zz');
      }),
      /byte 47/,
    ],
    [
      'a score that is no number',
      tokenizerFile(small, (entries) => {
        entries[260]!.score = NaN;
      }),
      /finite/,
    ],
    ['pieces over two words', tokenizerFile(['a b']), /two words/],
    ['an empty file', Buffer.alloc(0), /0 bytes/],
  ])('refuses %s', (_name, bytes, message) => {
    expect(() => readTokenizer(bytes)).toThrow(UserError);
    expect(() => readTokenizer(bytes)).toThrow(message);
  });

  it('refuses a backbone that it does not know, also names of Object.prototype', async () => {
    await expect(loadTokenizer('nosuch')).rejects.toThrow(/stories15m/);
    await expect(loadTokenizer('constructor')).rejects.toThrow(UserError);
  });
});

describe('emscripten bundle', () => {
  const data = Buffer.from('onetwo!');
  const script = (files: unknown, size = 7) =>
    `x;loadPackage({"files":${JSON.stringify(files)},"remote_package_size":${size}});y}`;
  const one = { filename: '/a "}.bin', start: 0, end: 3 };

  it('finds the files by the script', () => {
    const files = unpackBundle(script([one, { filename: '/b', start: 3, end: 7 }]), data, 'x');
    expect([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
      ['a "}.bin', 'one'],
      ['b', 'two!'],
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['no list', 'nothing here', /no list/],
    ['a torn list', 'loadPackage({"files":[', /not JSON/],
    ['a list of other things', script([1]), /malformed/],
    ['a range outside', script([{ filename: 'a', start: 0, end: 8 }]), /range of its own/],
    ['a negative range', script([{ filename: 'a', start: -1, end: 3 }]), /range of its own/],
    ['overlaps', script([one, { filename: 'b', start: 2, end: 7 }]), /range of its own/],
    ['a repeated name', script([one, { ...one, start: 3, end: 4 }]), /twice/],
    ['another size', script([one], 8), /7 bytes/],
  ])('refuses %s', (_name, text, message) => {
    expect(() => unpackBundle(text, data, 'x')).toThrow(UserError);
    expect(() => unpackBundle(text, data, 'x')).toThrow(message);
  });
});
