/** SoundQA over sounds that the test makes: every class is a sine of its own, so that what is heard can be measured. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import curated from '../../../data-manifests/recordings/sound-qa.json';
import { sha256 } from '../../../src/files';
import { random } from '../../../src/random';
import { readSound, sampleRate } from '../../../src/data/audio';
import { fileSets } from '../../../src/sources/dataManifest';
import { readDataManifests } from '../../../src/sources/manifestFiles';
import { findProblems, priorBaseline } from '../../../src/data/sets/checks';
import type { Generated } from '../../../src/data/sets/generator';
import { defaultOptions, soundQaGenerator, type SoundQaOptions } from '../../../src/data/sets/soundQa';
import { cutClip, trimSilence } from '../../../src/data/sets/soundQa/clip';
import { drawOnsets, type Placed } from '../../../src/data/sets/soundQa/mixture';
import { planQuestions } from '../../../src/data/sets/soundQa/questions';
import type { RecordingList } from '../../../src/data/sets/soundQa/recordings';
import { samplerPage } from '../../../src/data/sets/soundQa/samplerPage';
import { expectEvery, notEmpty } from '../../../testing/lists';
import { sineWav } from '../../../testing/sounds';

const classes = ['bird', 'animal', 'voice', 'water', 'engine', 'drum', 'music', 'steps'];
const frequency = (name: string) => 500 + 700 * classes.indexOf(name);
const options: SoundQaOptions = {
  ...defaultOptions,
  amounts: {
    train: { present: 32, which: 16, count: 12, first: 16 },
    validation: { present: 16, which: 8, count: 3, first: 8 },
    'held-out-recordings': { present: 16, which: 8, count: 3, first: 8 },
    'held-out-package': { present: 16, which: 8, count: 3, first: 8 },
  },
  alignmentMixtures: 5,
};

let folder = '';
let list: RecordingList;
const source = (name: string) => ({ name, folder: join(folder, name), licence: 'CC0' });
const generate = async (of: RecordingList, name: string): Promise<{ made: Generated; target: string }> => {
  const target = join(folder, name);
  mkdirSync(target);
  return { made: await soundQaGenerator(of, options).generate(source, target, () => undefined), target };
};
const clipsOf = (target: string) =>
  new Map(
    readFileSync(join(target, 'mixtures.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { media: string; clips: Placed[] })
      .map(({ media, clips }) => [media, clips]),
  );

/** Share of the energy of samples[from, to) that lies at a frequency (Goertzel). */
function amplitude(samples: Float32Array, from: number, to: number, at: number): number {
  let [re, im] = [0, 0];
  for (let i = from; i < to; i++) {
    re += samples[i]! * Math.cos((2 * Math.PI * at * i) / sampleRate);
    im += samples[i]! * Math.sin((2 * Math.PI * at * i) / sampleRate);
  }
  return (2 * Math.hypot(re, im)) / (to - from);
}

let first: Awaited<ReturnType<typeof generate>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-sound-qa-'));
  const recordings: RecordingList['recordings'] = [];
  for (const name of classes) {
    for (const [of, takes] of [
      ['small', 7],
      ['unheard', 1],
    ] as const) {
      mkdirSync(join(folder, of), { recursive: true });
      for (let take = 0; take < takes; take++) {
        for (const [part, seconds] of [
          [0, 2],
          [1, 0.3],
        ] as const) {
          const path = `${name}-${take}-${part}.wav`;
          writeFileSync(
            join(folder, of, path),
            sineWav(frequency(name) + take, { rate: take % 2 === 0 ? 16000 : 22050, seconds }),
          );
          recordings.push({ source: of, path, class: name, take: `${of}/${name}-${take}`, licence: 'CC0' });
        }
      }
    }
  }
  list = { about: 'sines', classes, heldOutSources: ['unheard'], recordings };
  first = await generate(list, 'first');
}, 60000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('SoundQA', () => {
  it('writes the same bytes twice', async () => {
    const again = await generate(list, 'again');
    const hashes = (target: string) =>
      readdirSync(target, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.name} ${sha256(readFileSync(join(entry.parentPath, entry.name)))}`)
        .sort();
    expect(hashes(again.target)).toEqual(hashes(first.target));
    expect(again.made).toEqual(first.made);
    expect(first.made.media).toHaveLength(76 + 3 * 35 + 5);
  });

  it('passes every check of a set', () => {
    const media = first.made.media.map(({ key, file }) => ({
      key,
      sha256: sha256(readFileSync(join(first.target, file))),
    }));
    expect(findProblems(first.made.items, first.made.alignment, first.made.classes, media)).toEqual([]);
  });

  it('has each class where its onset says and nothing before the first', async () => {
    for (const [key, clips] of notEmpty([...clipsOf(first.target)].slice(0, 60))) {
      const samples = await readSound(join(first.target, `sounds/${key}.wav`));
      expect(samples.length).toBe(5 * sampleRate);
      expectEvery(samples.slice(0, clips[0]!.onset), (value) => value === 0);
      for (const [i, clip] of notEmpty(clips.entries())) {
        const before = clips[i - 1];
        if (before !== undefined)
          expect(clip.onset - before.onset).toBeGreaterThanOrEqual(options.mixture.spacing * sampleRate - 1);
        expect(clip.onset + clip.length).toBeLessThanOrEqual(samples.length);
        const at = frequency(clip.class) + Number(/-(\d)-\d\.wav$/.exec(clip.file)![1]);
        expect(amplitude(samples, clip.onset, clip.onset + 3200, at)).toBeGreaterThan(0.03);
        if (clip.onset > 800) expect(amplitude(samples, 0, clip.onset, at)).toBeLessThan(0.003);
      }
    }
  });

  it('asks what the clips answer', () => {
    const clips = clipsOf(first.target);
    for (const item of notEmpty(first.made.items)) {
      const heard = clips.get(item.media)!.map((clip) => clip.class);
      expect(new Set(heard).size).toBe(heard.length);
      if (item.kind === 'present')
        expect(item.answer).toBe(heard.some((name) => item.prompt.includes(` ${name}?`)) ? 'yes' : 'no');
      if (item.kind === 'which') expect(item.choices.filter((choice) => heard.includes(choice))).toEqual([item.answer]);
      if (item.kind === 'count') expect(item.answer).toBe(['one', 'two', 'three'][heard.length - 1]);
      if (item.kind === 'first') {
        expect(item.answer).toBe(heard[0]);
        expectEvery(item.choices, (choice) => heard.includes(choice));
      }
    }
    for (const item of notEmpty(first.made.alignment))
      expect(item.kind === 'classes' && new Set(item.classes)).toEqual(
        new Set(clips.get(item.media)!.map((clip) => clip.class)),
      );
  });

  it('keeps every take on one side, and the held-out package for its slice', () => {
    const poolOfTake = new Map<string, string>();
    for (const [key, clips] of notEmpty(clipsOf(first.target))) {
      const pool = key.startsWith('alignment') ? 'train' : key.replace(/-\d+$/, '');
      for (const clip of notEmpty(clips)) {
        expect(poolOfTake.get(clip.take) ?? pool).toBe(pool);
        poolOfTake.set(clip.take, pool);
        expect(clip.source === 'unheard').toBe(pool === 'held-out-package');
      }
    }
    expect(new Set(poolOfTake.values()).size).toBe(4);
  });

  it('refuses a take that stands on both sides', async () => {
    const shared = {
      ...list,
      recordings: list.recordings.map((recording) => ({
        ...recording,
        take: recording.take.replace('unheard', 'small'),
      })),
    };
    await expect(generate(shared, 'shared')).rejects.toThrow(/take small\/.* stands in/);
  });

  it('counts what the decoder refuses and stops when a file is missing or much is refused', async () => {
    writeFileSync(join(folder, 'small', 'cut.wav'), sineWav(440, { rate: 16000, seconds: 1 }).subarray(0, 500));
    writeFileSync(
      join(folder, 'small', 'silent.wav'),
      Buffer.concat([sineWav(440, { rate: 16000, seconds: 1 }).subarray(0, 44), Buffer.alloc(32000)]),
    );
    const bad = (path: string) => ({ source: 'small', path, class: 'bird', take: `small/${path}`, licence: 'CC0' });
    const { made } = await generate(
      { ...list, recordings: [...list.recordings, bad('cut.wav'), bad('silent.wav')] },
      'refused',
    );
    expect(made.skipped).toEqual({ 'recording refused by the decoder': 2 });
    expect(made.notes['refused']).toEqual([
      expect.stringContaining('small/cut.wav: the sound is cut off'),
      'small/silent.wav: the sound is silent',
    ]);
    await expect(generate({ ...list, recordings: [...list.recordings, bad('absent.wav')] }, 'missing')).rejects.toThrow(
      'small/absent.wav: the source has no such file',
    );
    await expect(
      generate(
        { ...list, recordings: [...list.recordings, ...Array.from({ length: 8 }, () => bad('cut.wav'))] },
        'many',
      ),
    ).rejects.toThrow(/8 of \d+ recordings cannot be read/);
  });
});

describe('questions', () => {
  it('are balanced: the question alone is worth chance, in every pool and kind', () => {
    const of = (split: 'train' | 'evaluation', pool: 'train' | 'held-out-recordings' | 'held-out-package') =>
      planQuestions(defaultOptions.amounts[pool], classes, 1, pool).map((question, i) => ({
        ...question,
        id: `${pool}${i}`,
        media: `${i}`,
        split,
        slice: pool,
      }));
    const items = [
      ...of('train', 'train'),
      ...of('evaluation', 'held-out-recordings'),
      ...of('evaluation', 'held-out-package'),
    ];
    for (const slice of ['held-out-recordings', 'held-out-package']) {
      for (const [kind, chance] of [
        ['present', 0.5],
        ['which', 0.25],
        ['count', 1 / 3],
        ['first', 0.5],
      ] as const) {
        const baseline = priorBaseline(items, (item) => item.slice === slice && item.kind === kind);
        expect(baseline.accuracy).toBeCloseTo(chance, 3);
        expect(baseline.total).toBeGreaterThanOrEqual(39);
      }
    }
  });

  it('do not betray a yes by the number of sounds', () => {
    const counts = (answer: string) =>
      planQuestions(defaultOptions.amounts.train, classes, 1, 'train')
        .filter((question) => question.kind === 'present' && question.answer === answer)
        .map((question) => question.heard.length);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean(counts('yes')) - mean(counts('no')))).toBeLessThan(0.1);
  });

  it('refuse amounts that cannot be balanced', () => {
    expect(() => planQuestions({ present: 17, which: 8, count: 3, first: 8 }, classes, 1, 'train')).toThrow(
      'a multiple of 16',
    );
  });
});

describe('clips', () => {
  const options = defaultOptions.mixture.clip;
  it('have the common loudness and bounded length, and repeat short recordings', () => {
    const long = Float32Array.from({ length: 64000 }, (_, i) => 0.01 * Math.sin(i / 3));
    for (let step = 0; step < 20; step++) {
      const clip = cutClip(long, random(1, 'clip', step), options);
      const level = 10 * Math.log10(clip.reduce((sum, value) => sum + value * value, 0) / clip.length);
      expect(Math.abs(level + options.loudness)).toBeLessThan(options.variation + 0.5);
      expect(clip.length).toBeLessThanOrEqual(options.longest * sampleRate);
    }
    expect(cutClip(long.slice(0, 1600), random(1, 'clip'), options).length).toBeGreaterThan(2 * 1600);
  });
  it('begin where the sound begins', () => {
    const late = new Float32Array(16000);
    late.fill(0.3, 4000, 8000);
    expect(trimSilence(late).length).toBe(4000);
    expect(trimSilence(new Float32Array(1000))).toHaveLength(0);
  });
  it('do not fit into too short a mixture', () => {
    expect(() => drawOnsets(3, random(1, 'onsets'), { ...defaultOptions.mixture, seconds: 3 })).toThrow('do not fit');
  });
});

describe('the curated list', () => {
  const manifests = new Map(readDataManifests().map((manifest) => [manifest.name, manifest]));
  it('names files that its data manifests include, each once, with known classes and takes of one class', () => {
    const known = new Set<string>();
    const classOf = new Map<string, string>();
    for (const recording of notEmpty(curated.recordings as RecordingList['recordings'])) {
      const where = `${recording.source}/${recording.path}#${recording.inside ?? ''}`;
      expect(known.has(where), where).toBe(false);
      known.add(where);
      expect(curated.classes, where).toContain(recording.class);
      expect(classOf.get(recording.take) ?? recording.class, recording.take).toBe(recording.class);
      classOf.set(recording.take, recording.class);
    }
    for (const name of notEmpty(new Set(curated.recordings.map((recording) => recording.source)))) {
      const manifest = manifests.get(name);
      expect(manifest, name).toBeDefined();
      const included = picomatch(
        fileSets(manifest!).flatMap((set) => set.includes),
        { dot: true, nonegate: true },
      );
      expect(
        curated.recordings
          .filter((recording) => recording.source === name && !included(recording.path))
          .map((recording) => recording.path),
      ).toEqual([]);
    }
  });
  it('has takes of the held-out package nowhere else, and enough takes of every class', () => {
    const held = (source: string) => curated.heldOutSources.includes(source);
    for (const name of notEmpty(curated.classes)) {
      const takes = (inside: boolean) =>
        new Set(
          curated.recordings
            .filter((recording) => recording.class === name && held(recording.source) === inside)
            .map((recording) => recording.take),
        );
      expect([...takes(true)].filter((take) => takes(false).has(take))).toEqual([]);
      expect(takes(false).size).toBeGreaterThanOrEqual(10);
      expect(takes(true).size).toBeGreaterThanOrEqual(2);
    }
  });
});

it('the page for listening holds the sound and escapes what it shows', () => {
  const item = { ...first.made.items[0]!, prompt: '<b>loud</b> & clear?' };
  const html = samplerPage('Some', [{ item, clips: [], wav: sineWav(440, { rate: 16000, seconds: 0.1 }) }]);
  expect(html).toContain('&lt;b&gt;loud&lt;/b&gt; &amp; clear?');
  expect(html).toContain('data:audio/wav;base64,UklGR');
  expect(readFileSync(join(first.target, 'sampler.html'), 'utf8').match(/<audio/g)).toHaveLength(options.sampled);
});
