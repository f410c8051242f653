/**
 * SceneCap and GrooveCap: captions that say what is heard, choices of which none stands out, splits apart; MIDI cut as
 * it was written.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeMidi } from 'midi-file';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/files';
import { readSound, sampleRate } from '../../../src/data/audio';
import { countBy, findProblems, priorBaseline } from '../../../src/data/sets/checks';
import type { Generated } from '../../../src/data/sets/generator';
import { cutAtMarks, heardInstruments, runMma, songText, type Command } from '../../../src/data/sets/grooveCap/midi';
import {
  answerOf,
  captions as grooveCaptions,
  divideStyles,
  planPieces,
  tempos,
} from '../../../src/data/sets/grooveCap/questions';
import { families, styleFamily, groovesOf, type Style } from '../../../src/data/sets/grooveCap/styles';
import { openSynthesiser, synthesiserPackage } from '../../../src/data/sets/grooveCap/synthesiser';
import { versionOf } from '../../../src/optional';
import {
  defaultOptions as sceneOptions,
  sceneCapGenerator,
  type SceneCapOptions,
} from '../../../src/data/sets/sceneCap';
import { backgroundOf } from '../../../src/data/sets/sceneCap/background';
import { captions, eventClasses, planScenes } from '../../../src/data/sets/sceneCap/captions';
import type { RecordingList } from '../../../src/data/sets/soundQa/recordings';
import { random } from '../../../src/random';
import { cachedSource } from '../../../testing/cached';
import { expectEvery, notEmpty } from '../../../testing/lists';
import { sineWav } from '../../../testing/sounds';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'captions-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const source = (name: string) => ({ name, folder: join(folder, name), licence: 'CC0' });
const hashes = (made: Generated, target: string) =>
  made.media.map(({ key, file }) => `${key} ${sha256(readFileSync(join(target, file)))}`);

/** Every choice-only rule must stay at chance: how many other choices share each word with a choice. */
function standsOut(answer: string, choices: readonly string[]): boolean {
  const shared = (choice: string) =>
    choices
      .filter((other) => other !== choice)
      .reduce((sum, other) => sum + other.split(' ').filter((word) => choice.split(' ').includes(word)).length, 0);
  const own = shared(answer);
  return (
    choices.every((choice) => choice === answer || shared(choice) < own) ||
    choices.every((choice) => choice === answer || shared(choice) > own)
  );
}

describe('SceneCap', () => {
  const classes = [...eventClasses, 'water', 'engine'];
  const frequency = (name: string) => 500 + 700 * classes.indexOf(name);
  const options: SceneCapOptions = {
    ...sceneOptions,
    amounts: { train: 12, validation: 6, 'held-out-recordings': 6, 'held-out-package': 6 },
    sampled: 3,
  };
  let list: RecordingList;
  let made: Generated;
  const generate = async (name: string): Promise<Generated> => {
    mkdirSync(join(folder, name));
    return sceneCapGenerator(list, options).generate(source, join(folder, name), () => undefined);
  };
  beforeAll(async () => {
    const recordings: RecordingList['recordings'] = [];
    for (const name of classes) {
      for (const [of, takes] of [
        ['small', 7],
        ['unheard', 1],
      ] as const) {
        mkdirSync(join(folder, of), { recursive: true });
        for (let take = 0; take < takes; take++) {
          const path = `${name}-${take}.wav`;
          writeFileSync(join(folder, of, path), sineWav(frequency(name) + take, { rate: 16000, seconds: 2 }));
          recordings.push({ source: of, path, class: name, take: `${of}/${name}-${take}`, licence: 'CC0' });
        }
      }
    }
    list = { about: 'sines', classes, heldOutSources: ['unheard'], recordings };
    made = await generate('first');
  });

  it('writes the same bytes twice and passes every check', async () => {
    expect(hashes(await generate('again'), join(folder, 'again'))).toEqual(hashes(made, join(folder, 'first')));
    expect(
      findProblems(
        made.items,
        made.alignment,
        made.classes,
        made.media.map(({ key }) => ({ key, sha256: key })),
      ),
    ).toEqual([]);
    expect(countBy(made.items, (item) => `${item.slice}/${item.kind}`)['train/two']).toBe(12);
  });

  it('plays the events of its caption, in that order, over a background that no caption names', async () => {
    const told = new Map(
      readFileSync(join(folder, 'first', 'mixtures.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map(
          (line) =>
            JSON.parse(line) as {
              media: string;
              background: { class: string; take: string };
              clips: { class: string; onset: number; take: string }[];
            },
        )
        .map((one) => [one.media, one]),
    );
    for (const item of notEmpty(made.items)) {
      const { clips, background } = told.get(item.media)!;
      expect(captions(clips.map((clip) => clip.class))).toEqual(item.references);
      expect(item.answer).toBe(item.references![0]);
      expect(['water', 'engine']).toContain(background.class);
      expect(clips.map(({ onset }) => onset)).toEqual(clips.map(({ onset }) => onset).sort((a, b) => a - b));
    }
    // Before the first event only the background is heard: at its own level.
    const [item] = made.items;
    const sound = await readSound(join(folder, 'first', made.media.find(({ key }) => key === item!.media)!.file));
    const quiet = sound.subarray(0, told.get(item!.media)!.clips[0]!.onset);
    const level = 10 * Math.log10(quiet.reduce((sum, value) => sum + value * value, 0) / quiet.length);
    expect(level).toBeGreaterThan(-47);
    expect(level).toBeLessThan(-37);
  });

  it('keeps the takes of backgrounds and events in one pool', () => {
    const sliceOf = new Map<string, string>();
    const sliceOfMedia = new Map(made.items.map((item) => [item.media, item.slice]));
    for (const { key, origins } of notEmpty(made.media))
      for (const { source: of, file } of notEmpty(origins)) {
        const name = `${of}/${file}`;
        expect(sliceOf.get(name) ?? sliceOfMedia.get(key), name).toBe(sliceOfMedia.get(key));
        sliceOf.set(name, sliceOfMedia.get(key)!);
      }
  });

  it('offers four captions of which the true one does not stand out', () => {
    for (const scene of notEmpty(planScenes(36, 3, 'train'))) {
      expect(new Set(scene.choices).size).toBe(4);
      expect(scene.choices).toContain(scene.references[0]);
      expect(new Set(scene.references).size).toBe(3);
      // One event: four classes, of which each is the answer equally often.
      if (scene.kind !== 'one') expect(standsOut(scene.references[0]!, scene.choices)).toBe(false);
    }
    expect(() => planScenes(7, 1, 'train')).toThrow(RangeError);
    expect(priorBaseline(made.items, (item) => item.split === 'evaluation').chance).toBe(0.25);
  });

  it('repeats a short background without a gap, at the level asked for', () => {
    const recording = Float32Array.from({ length: sampleRate }, (_, i) => Math.sin(i / 7));
    const ground = backgroundOf(recording, 5 * sampleRate, 40, random(1, 'test'));
    expect(Math.sqrt(ground.reduce((sum, value) => sum + value * value, 0) / ground.length)).toBeCloseTo(0.01, 4);
    for (let at = 0; at < ground.length; at += 400)
      expect(Math.max(...ground.subarray(at, at + 400).map(Math.abs))).toBeGreaterThan(0.004);
  });
});

describe('GrooveCap', () => {
  const styles: Style[] = families.flatMap((family) =>
    Array.from({ length: 10 }, (_, i): Style => ({
      file: `lib/${family}${'abcdefghij'[i]}.mma`,
      family,
      grooves: [{ name: `G${i}`, description: i % 2 === 0 ? 'Its own line' : '' }],
    })),
  );
  const divided = divideStyles(styles, { validation: 0.1, evaluation: 0.2 }, 1);
  const pieces = planPieces(divided, { train: 24, validation: 12, evaluation: 24 }, 1);

  it('sorts style files by name and reads their grooves', () => {
    expect(['60srock', 'jazzwaltz', 'bossanova', 'house', 'jazzrhumba', 'polka'].map(styleFamily)).toEqual([
      'rock',
      'swing',
      'latin',
      'dance',
      'several',
      'none',
    ]);
    expect(
      groovesOf(
        'DefGroove Swing   Basic swing beat.\nDefGroove SwingWalk  Walking, \\\n   with style. // note\nDefGroove SwingFill Two bars\nDefGroove Last\n',
      ),
    ).toEqual([
      { name: 'Swing', description: 'Basic swing beat' },
      { name: 'SwingWalk', description: 'Walking, with style' },
      { name: 'Last', description: '' },
    ]);
  });

  it('keeps a style in one pool, versions of it too, and balances style by tempo', () => {
    const poolOf = new Map<string, string>();
    for (const { pool, style } of notEmpty(pieces)) {
      expect(poolOf.get(style.file) ?? pool).toBe(pool);
      poolOf.set(style.file, pool);
    }
    expect(
      new Set(
        Object.values(
          countBy(
            pieces.filter(({ pool }) => pool === 'train'),
            ({ kind, tempo, style }) => `${kind} ${tempo} ${style.family}`,
          ),
        ),
      ),
    ).toEqual(new Set([2]));
    for (const { tempo, speed } of notEmpty(pieces))
      expect(speed >= tempos[tempo].least && speed <= tempos[tempo].most).toBe(true);
    const versions = divideStyles(
      ['house1', 'house2', 'trance', 'rave', 'techno'].map((name): Style => ({
        file: `lib/${name}.mma`,
        family: 'dance',
        grooves: [],
      })),
      { validation: 0.2, evaluation: 0.2 },
      5,
    );
    const poolsOf = Object.entries(versions).filter(([, of]) =>
      of.get('dance')!.some(({ file }) => file.includes('house')),
    );
    expect(poolsOf).toHaveLength(1);
  });

  it('tells tempo, style and instruments, and offers captions of which none stands out', () => {
    for (const piece of notEmpty(pieces)) {
      const heard = ['drums', 'bass', 'piano'];
      const { answer, choices } = answerOf(piece, heard, 1);
      expect(choices).toContain(answer);
      expect(choices).toHaveLength({ caption: 4, style: 4, tempo: 3 }[piece.kind]);
      if (piece.kind !== 'caption') continue;
      expect(answer).toBe(`${piece.tempo} ${piece.style.family} with drums, bass and piano`);
      expect(standsOut(answer, choices)).toBe(false);
      expect(new Set(grooveCaptions(piece, heard)).size).toBe(3);
    }
  });

  const on = (deltaTime: number, channel: number, noteNumber: number) => ({
    deltaTime,
    type: 'noteOn' as const,
    channel,
    noteNumber,
    velocity: 90,
  });
  const midi = Uint8Array.from(
    writeMidi({
      header: { format: 1, numTracks: 2, ticksPerBeat: 100 },
      tracks: [
        [
          { deltaTime: 0, type: 'setTempo', microsecondsPerBeat: 1_000_000 },
          { deltaTime: 0, type: 'marker', text: 'item0' },
          { deltaTime: 800, type: 'setTempo', microsecondsPerBeat: 500_000 },
          { deltaTime: 0, type: 'marker', text: 'item1' },
          { deltaTime: 0, type: 'endOfTrack' },
        ],
        [
          { deltaTime: 0, type: 'programChange', channel: 1, programNumber: 33 },
          { deltaTime: 0, type: 'controller', channel: 1, controllerType: 7, value: 64 },
          on(100, 1, 40),
          { deltaTime: 50, type: 'noteOff', channel: 1, noteNumber: 40, velocity: 0 },
          on(750, 9, 36),
          on(100, 1, 41),
          { deltaTime: 0, type: 'endOfTrack' },
        ],
      ],
    }),
  );

  it('cuts MIDI at its marks, with tempo, programs and controllers as they stand there', () => {
    const parts = cutAtMarks(midi, ['item0', 'item1'], 5, 'test');
    expect(parts.get('item0')!.filter(({ kind }) => kind === 'on' || kind === 'off')).toEqual([
      { at: 1, kind: 'on', channel: 1, key: 40, velocity: 90 },
      { at: 1.5, kind: 'off', channel: 1, key: 40 },
    ]);
    expect(parts.get('item1')).toEqual([
      { at: 0, kind: 'program', channel: 1, program: 33 },
      { at: 0, kind: 'control', channel: 1, controller: 7, value: 64 },
      { at: 0.5, kind: 'on', channel: 9, key: 36, velocity: 90 },
      { at: 1, kind: 'on', channel: 1, key: 41, velocity: 90 },
    ]);
    expect(heardInstruments(parts.get('item0')!)).toEqual(['bass']);
    expect(heardInstruments(parts.get('item1')!)).toEqual(['drums', 'bass']);
    expect(() => cutAtMarks(Uint8Array.from([1, 2, 3]), [], 5, 'song')).toThrow('song: it is no MIDI');
    expect(songText('stdlib/a.mma', [{ mark: 'item0', groove: 'A', tempo: 90, chords: ['C', 'G7'] }], 3)).toBe(
      'RndSeed 3\nUse stdlib/a.mma\nMidiMark item0\nTempo 90\nGroove A\nC\nG7\n',
    );
  });

  it('is the same twice with the true program and sound font, where they are in the cache', async (context) => {
    if (versionOf(synthesiserPackage) === null) context.skip(`optional package ${synthesiserPackage} is not installed`);
    const opened: Record<string, { name: string; folder: string; licence: string }> = {};
    for (const name of ['mma-grooves', 'timgm6mb-soundfont']) {
      const { manifest, folder: at } = await cachedSource(context, name);
      opened[name] = { name, folder: at, licence: manifest.license };
    }
    // A note that is played is heard, and one that is not is silence.
    const synthesiser = await openSynthesiser(
      join(opened['timgm6mb-soundfont']!.folder, 'usr/share/sounds/sf2/TimGM6mb.sf2'),
    );
    const note: Command[] = [{ at: 0.5, kind: 'on', channel: 0, key: 69, velocity: 100 }];
    const sound = synthesiser.render(note, 1);
    expect(Math.max(...sound.subarray(0, 7900).map(Math.abs))).toBeLessThan(1e-3);
    expect(Math.max(...sound.subarray(8100).map(Math.abs))).toBeGreaterThan(0.05);
    expectEvery(synthesiser.render([], 1), (value) => Math.abs(value) < 1e-3);
    synthesiser.close();

    const song = songText(
      'stdlib/bossanova.mma',
      [{ mark: 'item0', groove: 'BossaNova', tempo: 120, chords: ['C', 'F', 'G7', 'C'] }],
      1,
    );
    const [one, two] = [
      await runMma(opened['mma-grooves']!, song, 'song'),
      await runMma(opened['mma-grooves']!, song, 'song'),
    ];
    // The files differ in the name of the song, which MMA notes in them; what is played does not.
    const played = cutAtMarks(one, ['item0'], 5, 'song').get('item0')!;
    expect(cutAtMarks(two, ['item0'], 5, 'song').get('item0')).toEqual(played);
    expect(heardInstruments(played)).toContain('drums');
    await expect(runMma(opened['mma-grooves']!, 'Groove NoSuchGroove\nC\n', 'song')).rejects.toThrow(
      'MMA refuses the song',
    );
  });
});
