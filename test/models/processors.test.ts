/** Prompts and tokenizers of the families against transformers (fixtures/processors/make_fixtures.py). */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import { readTokenizerFolder } from '../../src/text/tokenizerJson';
import { openProcessor } from '../../src/models/published/processors';
import type { Conversation } from '../../src/models/published/processors/templates';
import { notEmpty } from '../../testing/lists';
import { testPicture } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';

const fixtures = join(__dirname, '..', 'fixtures', 'processors');
const folders = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== '__pycache__')
  .map(({ name }) => name);

interface Expected {
  texts: { text: string; ids: number[] }[];
  opening: number[];
  conversations: {
    system?: string | null;
    turns: [string, string | null][];
    ids: [number, number][];
    trained: [number, number][];
    media: (number | [number, number])[];
    tiles?: number;
  }[];
}
const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as T;
const unrolled = (runs: [number, number][]) => runs.flatMap(([value, count]) => Array<number>(count).fill(value));

const scratch = mkdtempSync(join(tmpdir(), 'processors-'));
/** A file of the size (picture) or length in seconds (sound). */
async function medium(size: number | [number, number]): Promise<string> {
  const path = join(scratch, `${String(size)}.${typeof size === 'number' ? 'wav' : 'png'}`);
  if (typeof size === 'number')
    writeFileSync(path, encodeWav(Float32Array.from({ length: size * 16_000 }, (_, i) => Math.sin(i / 20) / 2)));
  else
    await sharp(testPicture(...size).data, { raw: { width: size[0], height: size[1], channels: 3 } })
      .png()
      .toFile(path);
  return path;
}
const conversationOf = ({ turns, ...rest }: Expected['conversations'][number]): Conversation => ({
  turns: turns.map(([question, answer]) => ({ question, answer })),
  ...('system' in rest ? { system: rest.system } : {}),
});

/** A copy of a fixture folder with one JSON file changed; null removes the file. */
function changed(name: string, file: string, change: ((json: Record<string, never>) => unknown) | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'processors-changed-'));
  cpSync(join(fixtures, name), folder, { recursive: true });
  if (change === null) rmSync(join(folder, file));
  else writeFileSync(join(folder, file), JSON.stringify(change(read(name, file))));
  return folder;
}

it('has a folder for each family and layout', () =>
  expect(folders.sort()).toEqual(['blip2', 'internvl', 'internvl2-chat', 'llava-1.5', 'salmonn']));

describe.each(folders)('%s', (name) => {
  const expected = read<Expected>(name, 'expected.json');

  it('writes texts in the ids of transformers, and reads them back', () => {
    const tokenizer = readTokenizerFolder(join(fixtures, name));
    for (const { text, ids } of notEmpty(expected.texts))
      expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
    expect(tokenizer.opening).toEqual(expected.opening);
    expect(tokenizer.decode(tokenizer.encode("A brown dog's 狗 😀"))).toBe("A brown dog's 狗 😀");
  });

  it('encodes conversations and marks what is trained as transformers does', async () => {
    const processor = openProcessor(join(fixtures, name));
    const { family } = processor;
    expect(expected.conversations.length).toBeGreaterThan(0);
    for (const conversation of notEmpty(expected.conversations)) {
      const media = await Promise.all(conversation.media.map(medium));
      const got = await processor.encode(conversationOf(conversation), media);
      const ids = unrolled(conversation.ids),
        trained = unrolled(conversation.trained);
      expect(Array.from(got.inputIds)).toEqual(ids);
      expect(Array.from(got.labels)).toEqual(ids.map((id, i) => (trained[i] === 1 ? id : -100)));
      expect(got.input.shape).toEqual([conversation.tiles ?? 1, ...family.input.shape]);
      expect(got.input.data.length).toBe(got.input.shape.reduce((a, b) => a * b));
      // Every placeholder belongs to exactly one image or sound, and there are as many as features.
      const places = got.featureRanges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
      expect(places).toEqual(ids.flatMap((id, i) => (id === family.placeholder ? [i] : [])));
      expect(got.featureRanges.length).toBe(media.length);
      expect(places.length).toBe(got.input.shape[0]! * family.featureTokens);
      expect(got.notices).toEqual([]);
    }
  });
});

describe('conversations', () => {
  let image: string;
  beforeAll(async () => {
    image = await medium([64, 48]);
  });
  const one = (question: string, answer: string | null = 'yes'): Conversation => ({ turns: [{ question, answer }] });

  it.each([
    ['llava-1.5', '<image>'],
    ['llava-1.5', '</s>'],
    ['internvl', '<|im_end|>'],
    ['internvl', '<IMG_CONTEXT>'],
    ['internvl2-chat', '<|im_start|>system'],
    ['blip2', '<image>'],
  ])('%s refuses %s in a question, an answer and a system message', async (name, text) => {
    const { encode } = openProcessor(join(fixtures, name));
    await expect(encode(one(`see ${text} here`), [image])).rejects.toThrow(/turns\/0\/question.*without the tokens/);
    await expect(encode(one('what?', `it is ${text}`), [image])).rejects.toThrow(/turns\/0\/answer/);
    await expect(encode({ ...one('what?'), system: text }, [image])).rejects.toThrow(/system/);
  });

  it('refuses what no model could answer', async () => {
    const { encode } = openProcessor(join(fixtures, 'blip2'));
    await expect(encode({ turns: [] }, [image])).rejects.toThrow(/no turn/);
    await expect(encode(one(' \n'), [image])).rejects.toThrow(/no text/);
    await expect(encode(one('a', ''), [image])).rejects.toThrow(/answer: no text/);
    await expect(
      encode(
        {
          turns: [
            { question: 'a', answer: null },
            { question: 'b', answer: 'c' },
          ],
        },
        [image],
      ),
    ).rejects.toThrow(/every turn but the last/);
    await expect(encode(one('a'), [])).rejects.toThrow(/0 images or sounds; expected one/);
    await expect(encode(one('a'), [image, image])).rejects.toThrow(/2 images or sounds/);
    await expect(encode(one('half \ud83d'), [image])).rejects.toThrow(/surrogate/);
    await expect(encode(one('dog '.repeat(3000)), [image])).rejects.toThrow(/at most the context of 2048/);
  });

  it('takes the template and the number of tiles that are asked for', async () => {
    const small = await openProcessor(join(fixtures, 'internvl'), { tiles: 1 }).encode(one('a'), [
      await medium([900, 300]),
    ]);
    expect(small.input.shape).toEqual([1, 3, 448, 448]);
    const qwen = openProcessor(join(fixtures, 'internvl'), { template: 'qwen2' });
    const { inputIds } = await qwen.encode(one('a'), [image]);
    expect(qwen.tokenizer.decode(Array.from(inputIds))).toContain('You are a helpful assistant.');
    expect(() => openProcessor(join(fixtures, 'llava-1.5'), { tiles: 4 })).toThrow(/does not tile/);
    expect(() => openProcessor(join(fixtures, 'llava-1.5'), { template: 'toString' as 'qwen2' })).toThrow(
      /vicuna, qwen2/,
    );
  });

  it('trains nothing of a question that is still open', async () => {
    const { labels } = await openProcessor(join(fixtures, 'llava-1.5')).encode(one('what?', null), [image]);
    expect(new Set(labels)).toEqual(new Set([-100]));
  });

  it('says when a sound was cut', async () => {
    const { notices } = await openProcessor(join(fixtures, 'salmonn')).encode(one('what?'), [await medium(31)]);
    expect(notices).toEqual([expect.stringMatching(/31\.wav: cut to its first 30\.00 of 31\.00 s/)]);
  });
});

describe('folders that do not fit', () => {
  it('names every special token that is missing', () => {
    const without = changed('internvl', 'tokenizer.json', (json: Record<string, unknown>) => ({
      ...json,
      added_tokens: (json['added_tokens'] as { content: string }[]).filter(
        ({ content }) => !['<img>', '<|im_end|>', '<IMG_CONTEXT>'].includes(content),
      ),
    }));
    expect(() => openProcessor(without)).toThrow(/no token "<\|im_end\|>", "<img>", "<IMG_CONTEXT>"/);
  });

  it('refuses ids beyond the model, and a placeholder that is not the image token', () => {
    const config = (change: (json: Record<string, Record<string, unknown>>) => void, name = 'llava-1.5') =>
      changed(name, 'config.json', (json) => {
        change(json);
        return json;
      });
    expect(() =>
      openProcessor(
        config((json) => {
          json['text_config']!['vocab_size'] = 300;
        }),
      ),
    ).toThrow(/has id 300; expected ids below 300/);
    expect(() =>
      openProcessor(
        config((json) => {
          json['image_token_index'] = 5 as never;
        }),
      ),
    ).toThrow(/"<image>" has id \d+; expected 5/);
    expect(() =>
      openProcessor(
        config((json) => {
          json['image_token_index'] = 50 as never;
        }, 'blip2'),
      ),
    ).toThrow(/placeholder 50 is the token/);
    expect(() =>
      openProcessor(
        config((json) => {
          json['template'] = 'phi3-chat' as never;
        }, 'internvl2-chat'),
      ),
    ).toThrow(/template: "phi3-chat"; expected Hermes-2, internlm2-chat/);
    expect(() =>
      openProcessor(
        config((json) => {
          json['text_config']!['model_type'] = 'mistral';
        }),
      ),
    ).toThrow(/no chat template is known for llava on mistral/);
  });

  it('refuses pictures and sounds of another size than the model takes', () => {
    expect(() =>
      openProcessor(changed('llava-1.5', 'preprocessor_config.json', (json) => ({ ...json, crop_size: 224 }))),
    ).toThrow(/224 x 224; expected 336 x 336/);
    expect(() =>
      openProcessor(changed('llava-1.5', 'preprocessor_config.json', (json) => ({ ...json, do_center_crop: false }))),
    ).toThrow(/keep their shape/);
    expect(() =>
      openProcessor(changed('salmonn', 'preprocessor_config.json', (json) => ({ ...json, feature_size: 128 }))),
    ).toThrow(/128 bands, 3000 frames; expected 80 and 3000/);
    expect(() =>
      openProcessor(
        changed('salmonn', 'preprocessor_config.json', (json) => ({ ...json, hop_length: 320, dither: 0.1 })),
      ),
    ).toThrow(/hop_length.*\n.*dither/);
    expect(() => openProcessor(changed('blip2', 'preprocessor_config.json', null))).toThrow(
      /no preprocessor_config.json/,
    );
    expect(() => openProcessor(changed('blip2', 'tokenizer.json', null))).toThrow(/no tokenizer.json.*save_pretrained/);
  });

  it('reads settings that stand in processor_config.json', () => {
    const folder = changed('blip2', 'preprocessor_config.json', null);
    writeFileSync(
      join(folder, 'processor_config.json'),
      JSON.stringify({ image_processor: read('blip2', 'preprocessor_config.json') }),
    );
    expect(openProcessor(folder).family.input.shape).toEqual([3, 224, 224]);
  });
});
