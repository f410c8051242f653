/**
 * A task of a user's own: the example of docs/data.md, read from the page, is imported and trained on for some steps;
 * what is wrong in such files is named.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadSet, setIdentity } from '../../src/data';
import { pruneVocabulary, type Tokenizer } from '../../src/text/tokenizer';
import type { DataSet } from '../../src/data/types';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { zooModel } from '../../src/models/zoo/compose';
import { UserError } from '../../src/problems';
import { useBackend } from '../../src/tensor/backend';
import { encodeExample } from '../../src/train/batches';
import { prunedCodec } from '../../src/train/codec';
import { oneSize } from '../../src/train/sizes';
import type { Prepared } from '../../src/train/prepare';
import { trainPrepared } from '../../src/train/run';
import { withCache } from '../../testing/environment';
import { picture, put, type Colour } from '../../testing/releases';
import { sineWav } from '../../testing/sounds';
import { tinyBackbone, tinyConfig } from '../../testing/tinyModel';
import { tinySpec } from '../../testing/tinyTask';
import { sharp } from '../../testing/sharp';

const place = withCache('test', (folder) => ({ EQUIPOISE_TASKS: join(folder, 'tasks') }));
beforeEach(() => mkdirSync(join(place.folder, 'tasks')));

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'data.md'), 'utf8');
const example = (name: string) => {
  const text = new RegExp(`<!-- example: ${name} -->\\n\`\`\`[a-z]*\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (text === undefined) throw new Error(`docs/data.md has no example ${name}`);
  return text;
};

const colours: Record<string, Colour> = { red: [220, 40, 40], green: [40, 200, 40], blue: [40, 40, 220] };

/** The example's own lines, and more of their kind, so that there is something to learn. */
async function writeExample(): Promise<void> {
  const lines = example('colours.jsonl').trim().split('\n');
  const names = Object.keys(colours);
  const more = Array.from({ length: 36 }, (_, i) =>
    JSON.stringify({
      image: `swatch-${i}.png`,
      question: 'Which colour?',
      answers: [names[i % 3]],
      choices: names,
      kind: 'colour',
      split: i < 24 ? 'train' : i < 30 ? 'validation' : 'evaluation',
    }),
  );
  put(join(place.folder, 'tasks'), 'colours.json', example('colours.json'));
  put(join(place.folder, 'tasks'), 'colours.jsonl', [...lines, ...more, ''].join('\n'));
  for (const line of [...lines, ...more]) {
    const { image, answers } = JSON.parse(line) as { image: string; answers: string[] };
    put(
      join(place.folder, 'tasks', 'swatches'),
      image,
      await picture(colours[answers[0]!] ?? [90, 90, 90], { format: 'png' }),
    );
  }
}

/** Words are tokens; features are the mean colour of the picture that the set holds. */
async function preparedOf(set: DataSet, spec: ReturnType<typeof tinySpec>): Promise<Prepared> {
  const words = [
    '<unk>',
    '<s>',
    '</s>',
    ...new Set(
      set.items
        .flatMap(({ prompt, answer, choices }) => [prompt, answer, ...choices])
        .flatMap((text) => text.split(' ')),
    ),
  ];
  const tokenizer: Tokenizer = {
    vocabulary: words.length,
    begin: 1,
    end: 2,
    unknown: 0,
    answerEnd: 1,
    encode: (text) =>
      text
        .trim()
        .split(' ')
        .map((word) => words.indexOf(word)),
    decode: (ids) => [...ids].map((id) => words[id]!).join(' '),
  };
  const vocabulary = pruneVocabulary(
    set.items.flatMap(({ prompt, answer, choices }) => [prompt, answer, ...choices]),
    tokenizer,
  );
  const codec = prunedCodec(tokenizer, vocabulary);
  const backbone = {
    ...tinyBackbone({ ...tinyConfig, vocabulary: vocabulary.ids.length }),
    head: [vocabulary.toPruned.get(1)!],
  };
  const model = zooModel(spec, { rows: 4, width: 3 }, backbone);
  const features = new Map<string, Float32Array>();
  for (const [key, path] of set.media) {
    const { channels } = await sharp(path).stats();
    features.set(
      key,
      Float32Array.from({ length: 12 }, (_, i) => (channels[i % 3]!.mean - 128) / 64),
    );
  }
  const examples = (split: string) =>
    set.items
      .filter((item) => item.split === split)
      .map((item) => encodeExample(codec, item.media, item.prompt, item.answer));
  const of = (split: string) => set.items.filter((item) => item.split === split);
  const tokens = Math.max(
    ...set.items.map((item) => encodeExample(codec, item.media, item.prompt, item.answer).tokens.length),
  );
  const featuresOf = (media: string) => features.get(media)!;
  const shape = (batch: number) => ({ batch, tokens, labels: 3, rows: 4, width: 3, prefixTokens: model.prefixTokens });
  return {
    set,
    codec,
    tokenEmbedding: backbone.weights['tokenEmbedding']!,
    model,
    alignment: { model, features: featuresOf, shape },
    features: featuresOf,
    featureShape: { rows: 4, width: 3 },
    examples: { train: examples('train'), probe: examples('train').slice(0, 4) },
    items: { validation: of('validation'), evaluation: of('evaluation') },
    captions: set.alignment.flatMap((item) =>
      item.kind === 'caption' ? [encodeExample(codec, item.media, item.prompt, item.answer)] : [],
    ),
    transfer: [],
    weights: { toy: 'toy' },
    sizes: oneSize(model, shape),
    shape,
  };
}

describe('the example of docs/data.md', () => {
  it('is a task that an experiment names, and a run learns', async () => {
    await writeExample();
    put(place.folder, 'experiment.json', example('experiment.json'));
    const manifest = loadManifest(join(place.folder, 'experiment.json'));
    expect(expand(manifest).map(({ task, encoder, align }) => [task, encoder, align.steps])).toEqual([
      ['colours', 'resnet50', 120],
    ]);
    const set = await loadSet('colours');
    expect(set.identity).toBe(setIdentity('colours'));
    expect(set.items.find(({ id }) => id === 'colours/colours.jsonl/1')).toMatchObject({
      media: 'swatches/sky.png',
      prompt: 'Question: Which colour? Answer:',
      answer: 'blue',
      choices: ['red', 'green', 'blue'],
      kind: 'colour',
      split: 'train',
    });
    await useBackend({ name: 'cpu' });
    const spec = tinySpec({
      task: 'colours',
      duration: { steps: 60 },
      evaluate: { every: 0, limit: 0, validation: 9 },
      align: { steps: 20, learningRate: 1e-2, batch: 8 },
    });
    const run = trainPrepared(spec, await preparedOf(set, spec));
    let next = await run.next();
    while (next.done !== true) next = await run.next();
    expect(next.value.final.choice.total).toBeGreaterThanOrEqual(6);
    expect(next.value.final.choice.accuracy).toBeGreaterThan(0.8); // chance .33
    expect(Object.keys(next.value.final.choiceByKind)).toEqual(['colour']);
  });

  it('gets another identity with another picture, line or setting, and none by another wording', async () => {
    await writeExample();
    const identity = setIdentity('colours');
    const edit = (name: string, change: (text: string) => string) =>
      writeFileSync(join(place.folder, 'tasks', name), change(readFileSync(join(place.folder, 'tasks', name), 'utf8')));
    edit('colours.json', (text) => text.replace(/"about": ".*?"/, '"about": "other words"'));
    expect(setIdentity('colours')).toBe(identity);
    edit('colours.json', (text) => text.replace('"format"', '"pictureSide": 64, "format"'));
    const smaller = setIdentity('colours');
    edit('colours.jsonl', (text) => text.replace('Which colour?', 'What colour?'));
    const asked = setIdentity('colours');
    writeFileSync(join(place.folder, 'tasks', 'swatches', 'sky.png'), await picture([0, 0, 255], { format: 'png' }));
    expect(new Set([identity, smaller, asked, setIdentity('colours')]).size).toBe(4);
    expect((await sharp((await loadSet('colours')).media.get('swatches/sky.png')!).metadata()).width).toBe(64);
  });
});

const manifest = {
  name: 'mine',
  about: 'x',
  modality: 'audio',
  format: 'jsonl',
  questions: [{ file: 'mine.jsonl' }],
  media: ['sounds'],
  license: 'CC0-1.0',
  citeAs: 'x',
};

async function problemsOf(lines: (object | string)[], over: object = {}): Promise<string> {
  put(join(place.folder, 'tasks'), 'mine.json', JSON.stringify({ ...manifest, ...over }));
  put(
    join(place.folder, 'tasks'),
    'mine.jsonl',
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  put(join(place.folder, 'tasks', 'sounds'), 'a.wav', sineWav(440, { rate: 16_000, seconds: 0.1 }));
  try {
    const set = await loadSet('mine');
    return `no error: ${set.notices?.join() ?? ''}`;
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
}

const good = { audio: 'a.wav', question: 'What?', answers: ['bird'] };

describe("faults of a task of one's own", () => {
  it.each<[string, object | string, RegExp]>([
    ['no JSON', '{"audio": ', /mine\.jsonl:3: the line is not JSON/],
    [
      'a mistyped key',
      { ...good, answrs: ['x'] },
      /mine\.jsonl:3: unknown key answrs \(expected image, audio, question/,
    ],
    ['the other modality', { image: 'a.png', question: 'x', answers: ['y'] }, /mine\.jsonl:3: no audio/],
    [
      'a name that leaves the folder',
      { ...good, audio: '../../secret.wav' },
      /mine\.jsonl:3: the audio is no safe name/,
    ],
    ['an absolute name', { ...good, audio: '/etc/passwd' }, /mine\.jsonl:3: the audio is no safe name/],
    ['a missing sound', { ...good, audio: 'b.wav' }, /mine\.jsonl:3: its sound is missing \(b\.wav\)/],
    ['an empty answer', { ...good, answers: [' '] }, /mine\.jsonl:3: the answer is empty/],
    [
      'an answer outside its choices',
      { ...good, choices: ['dog', 'cat'] },
      /mine\.jsonl:3: the answer is none of the choices \(bird of dog, cat\)/,
    ],
    [
      'an unknown split',
      { ...good, split: 'test' },
      /mine\.jsonl:3: unknown split \("test"; expected train, validation, evaluation\)/,
    ],
    [
      'a text that would rewrite the terminal',
      { ...good, choices: ['dog'], answers: ['\u001b[2K\u202e'] },
      /the answer is none of the choices \(\[2K\\u202e of dog\)/,
    ],
    ['the same id', { ...good, id: 'one' }, /mine\.jsonl:3: the id is there twice \(one; first in mine\.jsonl:1\)/],
  ])('%s is named with its line', async (_what, line, expected) => {
    expect(await problemsOf([{ ...good, split: 'train', id: 'one' }, { ...good, split: 'evaluation' }, line])).toMatch(
      expected,
    );
  });

  it('are left out, and said so in every run, as far as the manifest tolerates', async () => {
    const lines = [
      ...Array.from({ length: 9 }, (_, i) => ({ ...good, split: i < 6 ? 'train' : 'evaluation' })),
      { ...good, audio: 'b.wav' },
    ];
    expect(await problemsOf(lines, { tolerance: 0.05 })).toMatch(
      /1 of 10 records are faulty.*at most 0 \(tolerance 0\.05\)/,
    );
    expect(await problemsOf(lines, { tolerance: 0.1 })).toBe(
      'no error: mine: 1 of 10 records are left out: 1 x its sound is missing; problems.txt beside the set lists them',
    );
  });

  it('in the manifest are all named at once, and a set without questions to train on is none', async () => {
    expect(await problemsOf([good], { modality: 'video', media: ['../elsewhere'], tolerance: 2, extra: 1 })).toMatch(
      /modality.*unknown value "video"[\s\S]*extra|extra[\s\S]*unknown value "video"/,
    );
    expect(await problemsOf([{ ...good, split: 'evaluation' }])).toMatch(
      /no question is left in the train split \(1 questions in all\)/,
    );
    expect(
      await problemsOf(
        [
          { ...good, split: 'train' },
          { ...good, split: 'evaluation' },
        ],
        { name: 'yours' },
      ),
    ).toMatch(/name `yours` differs from the file's name; expected `mine`/);
    put(join(place.folder, 'tasks'), 'textvqa.json', '{}');
    put(
      place.folder,
      'experiment.json',
      JSON.stringify({
        name: 'x',
        about: { what: 'x', command: 'x', expectedTime: 'x', lookFor: 'x' },
        fixed: { task: 'mine', encoder: 'resnet50', backbone: 'stories15m', seed: 1 },
      }),
    );
    expect(() => loadManifest(join(place.folder, 'experiment.json'))).toThrow(
      /the name textvqa belongs to a task that comes with Equipoise/,
    );
    rmSync(join(place.folder, 'tasks', 'textvqa.json'));
    put(join(place.folder, 'tasks'), 'mine.json', JSON.stringify(manifest));
    expect(() => loadManifest(join(place.folder, 'experiment.json'))).toThrow(
      /task mine is about audio, encoder resnet50 reads image/,
    );
  });
});
