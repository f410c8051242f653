/**
 * Tokenizers from tokenizer.json: hostile files, and published vocabularies against transformers where they are in the
 * cache (`equipoise data fetch tokenizer-qwen2-5`, ...).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTokenizerFolder, tokenizerOf } from '../../src/text/tokenizerJson';
import { encodePieces } from '../../src/models/published/processors/encode';
import {
  chatTemplates,
  renderConversation,
  type MediaMarks,
  type TemplateName,
} from '../../src/models/published/processors/templates';
import { UserError } from '../../src/problems';
import { cachedSource } from '../../testing/cached';
import { notEmpty } from '../../testing/lists';

type Json = Record<string, unknown>;
const fixtures = join(__dirname, '..', 'fixtures', 'processors');
const read = (...path: string[]) => JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as Json;

/** Two letters, their union, a space, a token for the unknown, and an end token. */
const small = (
  change: (json: { model: Json; added_tokens: unknown } & Json) => void = () => undefined,
  config: Json = {},
) => {
  const json = {
    version: '1.0',
    normalizer: null,
    pre_tokenizer: null,
    decoder: null,
    post_processor: null,
    added_tokens: [{ id: 4, content: '</s>', special: true }] as unknown,
    model: {
      type: 'BPE',
      vocab: { a: 0, b: 1, ab: 2, ' ': 3, '<unk>': 5 },
      unk_token: '<unk>',
      merges: ['a b'],
    } as Json,
  };
  change(json);
  return () => tokenizerOf(json, config);
};

describe('a tokenizer.json', () => {
  it('encodes, decodes and knows its tokens', () => {
    const tokenizer = small()();
    expect(tokenizer.encode('abba ab</s>')).toEqual([2, 1, 0, 3, 2, 4]);
    expect(tokenizer.decode([0, 1, 4])).toMatch(/a ?b/);
    expect([
      tokenizer.vocabulary,
      tokenizer.id('</s>'),
      tokenizer.id('c'),
      tokenizer.token(2),
      tokenizer.special,
      tokenizer.opening,
    ]).toEqual([6, 4, undefined, 'ab', ['</s>'], []]);
  });

  it('takes merges written as pairs, tokens that only the other file states, and add_bos_token before the post-processor', () => {
    const stated = {
      added_tokens_decoder: { 7: { content: '<s>', special: true }, 4: { content: '</s>', special: true } },
    };
    const tokenizer = small(
      (json) => {
        json.model['merges'] = [['a', 'b']];
      },
      { ...stated, add_bos_token: true, bos_token: { content: '<s>' } },
    )();
    expect(tokenizer.encode('<s>ab')).toEqual([7, 2]);
    expect(tokenizer.opening).toEqual([7]);
    const llama = read('llava-1.5', 'tokenizer.json');
    expect(tokenizerOf(llama, {}).opening).toEqual([1]);
    expect(tokenizerOf(llama, { add_bos_token: false }).opening).toEqual([]);
  });

  it.each<[string, RegExp, Parameters<typeof small>[0], Json?]>([
    [
      'another model',
      /model\/type: "Unigram"; expected "BPE"/,
      (json) => {
        json.model['type'] = 'Unigram';
      },
    ],
    [
      'no model',
      /missing; expected "BPE"/,
      (json) => {
        json.model = null as never;
      },
    ],
    [
      'an empty vocabulary',
      /no token/,
      (json) => {
        json.model['vocab'] = {};
      },
    ],
    [
      'ids that are no ids',
      /"a" has id -1/,
      (json) => {
        json.model['vocab'] = { a: -1 };
      },
    ],
    [
      'an id that would make a giant table',
      /"a" has id 1000000000/,
      (json) => {
        json.model['vocab'] = { a: 1e9 };
      },
    ],
    [
      'two tokens of one id',
      /share id 0/,
      (json) => {
        json.model['vocab'] = { a: 0, b: 0 };
      },
    ],
    [
      'merges of unknown tokens',
      /merges\/0: "a c"/,
      (json) => {
        json.model['merges'] = ['a c'];
      },
    ],
    [
      'merges that make no token',
      /merges\/0: \["b","a"\]/,
      (json) => {
        json.model['merges'] = [['b', 'a']];
      },
    ],
    [
      'merges that are text',
      /merges: is not a list/,
      (json) => {
        json.model['merges'] = 'a b';
      },
    ],
    [
      'added tokens without content',
      /added_tokens\/0/,
      (json) => {
        json.added_tokens = [{ id: 9 }];
      },
    ],
    [
      'an added token with two ids',
      /contradicts/,
      (json) => {
        json.added_tokens = [
          { id: 8, content: '</s>' },
          { id: 9, content: '</s>' },
        ];
      },
    ],
    [
      'an added token with another id than in the vocabulary',
      /"a" has id 9, but 0/,
      (json) => {
        json.added_tokens = [{ id: 9, content: 'a' }];
      },
    ],
    [
      'a vocabulary that would lose letters',
      /left out without a word/,
      (json) => {
        delete json.model['unk_token'];
      },
    ],
    [
      'bytes that are not all there',
      /left out without a word/,
      (json) => {
        delete json.model['unk_token'];
        json.model['byte_fallback'] = true;
      },
    ],
    [
      'an unknown part',
      /cannot be built/,
      (json) => {
        json['normalizer'] = { type: 'Nonsense' };
      },
    ],
    ['a bos token that is not there', /bos_token: "<s>"/, undefined, { add_bos_token: true, bos_token: '<s>' }],
    ['end tokens put after every text', /add_eos_token/, undefined, { add_eos_token: true }],
    [
      'added_tokens_decoder that is a list',
      /added_tokens_decoder: is not an object/,
      undefined,
      { added_tokens_decoder: [] },
    ],
  ])('refuses %s', (_name, message, change, config) => {
    expect(small(change, config)).toThrow(UserError);
    expect(small(change, config)).toThrow(message);
  });

  it('shows several problems at once', () => {
    expect(
      small((json) => {
        json.model['vocab'] = { a: 'x', b: 1.5 };
        json.added_tokens = 3;
      }),
    ).toThrow(/"a" has id "x"[^]*"b" has id 1\.5[^]*added_tokens: is not a list/);
  });

  it('writes unknown letters as unknown, and refuses half characters and unknown ids', () => {
    const tokenizer = small()();
    expect(tokenizer.encode('abc')).toEqual([2, 5]);
    expect(() => tokenizer.encode('a\ud83d')).toThrow(/surrogate/);
    expect(() => tokenizer.decode([6])).toThrow(RangeError);
  });

  it.each(['llava-1.5', 'blip2', 'internvl', 'internvl2-chat'])('%s: any text comes back whole', (name) => {
    const tokenizer = readTokenizerFolder(join(fixtures, name));
    const normal = name === 'internvl' ? (text: string) => text.normalize('NFC') : (text: string) => text;
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        if (tokenizer.special.some((token) => text.includes(token)) || text.includes('▁')) return;
        // The decoders of SentencePiece drop the first space: Llama's own, InternLM2's that of the text.
        const expected = name === 'internvl2-chat' ? normal(text).replace(/^ /, '') : normal(text);
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(expected);
      }),
      { seed: 5, numRuns: 150 },
    );
  });
});

interface Vocabulary {
  texts: { text: string; ids: number[] }[];
  opening: number[];
  conversation?: { turns: [string, string][]; ids: number[] };
}
const vocabularies = read('vocabularies.json') as unknown as Record<string, Vocabulary>;
/** The template that equals the one published with the vocabulary. */
const templates: Record<string, TemplateName> = { 'tokenizer-qwen2-5': 'qwen2', 'tokenizer-internlm2': 'internvl' };
const noMarks: MediaMarks = { place: 'first', before: '', token: null, after: '', most: 1, numbered: false };

describe.each(Object.entries(vocabularies))('%s', (name, { texts, opening, conversation }) => {
  it('gives the ids of transformers, also for a conversation in the published template', async (context) => {
    const { folder } = await cachedSource(context, name);
    const tokenizer = readTokenizerFolder(join(folder, 'models'));
    for (const { text, ids } of notEmpty(texts)) expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
    expect(tokenizer.opening).toEqual(opening);
    if (conversation === undefined) return;
    const turns = conversation.turns.map(([question, answer]) => ({ question, answer }));
    const pieces = renderConversation(
      { turns, system: 'You are a helpful assistant.' },
      chatTemplates[templates[name]!],
      noMarks,
      1,
      tokenizer.special,
    );
    expect(Array.from(encodePieces(pieces, tokenizer, null, [0], 10 ** 6).inputIds)).toEqual(conversation.ids);
  });
});
