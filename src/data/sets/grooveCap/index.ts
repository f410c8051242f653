/**
 * GrooveCap: captions of grooves: tempo, style and instruments of five seconds of accompaniment that MMA writes and
 * FluidSynth plays. Evaluated on style files that training never hears (slice `new-styles`). Mirrors the idea of the
 * Song Describer Dataset (Manco et al. 2023); it is not that data set, and its scores are never set beside it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionalVersion } from '../../../optional';
import { exitCode, UserError, userError } from '../../../problems';
import { encodeWav } from '../../audio';
import type { AlignmentItem, Item } from '../../types';
import type { Generated, MediaFile, OnProgress, SetGenerator, Source } from '../generator';
import { samplerPage, type SampledItem } from '../soundQa/samplerPage';
import { type Command, cutAtMarks, heardInstruments, instruments, runMma, songText } from './midi';
import { answerOf, captions, divideStyles, type Piece, planPieces, type Pool, prompts, tempoWords } from './questions';
import { families, findStyles, libraryPath } from './styles';
import { openSynthesiser, requireSynthesiser, synthesiserPackage } from './synthesiser';
import { grooveCapTask } from './task';

/** Everything that shapes the set; all of it enters the identity. */
interface GrooveCapOptions {
  seed: number;
  /** length of a sound */
  seconds: number;
  /** shares of the styles of each family */
  shares: { validation: number; evaluation: number };
  /** pieces of each kind */
  amounts: Record<Pool, number>;
  /** items on the page for listening */
  sampled: number;
}

export const defaultOptions: GrooveCapOptions = {
  seed: 1,
  seconds: 5,
  shares: { validation: 0.1, evaluation: 0.22 },
  amounts: { train: 360, validation: 36, evaluation: 96 },
  sampled: 16,
};

/** More refused pieces than this share mean that something is wrong with the program or the library. */
const mostRefused = 0.05;
const pageName = 'sampler.html';
const soundFont = 'usr/share/sounds/sf2/TimGM6mb.sf2';

/** MIDI of every piece by its key: one run of MMA a style file. Styles that MMA refuses are named in `refused`. */
async function commandsOf(
  pieces: readonly Piece[],
  mma: Source,
  options: GrooveCapOptions,
  onStyle: (done: number, total: number) => void,
): Promise<{ commands: Map<string, Command[]>; refused: string[] }> {
  const byStyle = new Map<string, Piece[]>();
  for (const piece of pieces) byStyle.set(piece.style.file, [...(byStyle.get(piece.style.file) ?? []), piece]);
  const commands = new Map<string, Command[]>();
  const refused: string[] = [];
  for (const [n, [file, of]] of [...byStyle].entries()) {
    const marks = of.map((_, i) => `item${i}`);
    try {
      const song = songText(
        file,
        of.map(({ groove, speed, chords }, i) => ({ mark: marks[i]!, groove: groove.name, tempo: speed, chords })),
        options.seed,
      );
      const cut = cutAtMarks(await runMma(mma, song, `mma-grooves ${file}`), marks, options.seconds, `MIDI of ${file}`);
      of.forEach(({ key }, i) => {
        if (cut.get(marks[i]!)?.some(({ kind }) => kind === 'on') === true) commands.set(key, cut.get(marks[i]!)!);
      });
    } catch (error) {
      if (!(error instanceof UserError) || error.code === exitCode.unavailable) throw error;
      refused.push(error.message);
    }
    onStyle(n + 1, byStyle.size);
  }
  return { commands, refused };
}

/** A piece with the MIDI that MMA wrote of it. */
interface WrittenPiece {
  piece: Piece;
  played: readonly Command[];
}

/**
 * The planned pieces that MMA writes, in their order, and how many it does not, with what it says of their styles.
 * Throws UserError when they are more than a few.
 */
async function writePieces(
  planned: readonly Piece[],
  mma: Source,
  options: GrooveCapOptions,
  onProgress: OnProgress,
): Promise<{ pieces: WrittenPiece[]; missing: number; refused: string[] }> {
  const { commands, refused } = await commandsOf(planned, mma, options, (done, total) =>
    onProgress('writing grooves', done, total),
  );
  const pieces = planned.flatMap((piece) => {
    const played = commands.get(piece.key);
    return played === undefined ? [] : [{ piece, played }];
  });
  const missing = planned.length - pieces.length;
  if (missing > mostRefused * planned.length) {
    throw userError(
      {
        where: 'groove-cap',
        what: `${missing} of ${planned.length} pieces cannot be written: ${refused.slice(0, 3).join('; ')}`,
      },
      exitCode.failed,
    );
  }
  return { pieces, missing, refused };
}

/** The question about a piece in which these instruments are heard. */
function itemOf(piece: Piece, heard: readonly string[], seed: number): Item {
  const { key, pool, kind, style, groove, speed } = piece;
  const { answer, choices } = answerOf(piece, heard, seed);
  return {
    id: `groove-cap/${key}`,
    split: pool,
    kind,
    slice: pool === 'evaluation' ? 'new-styles' : pool,
    media: key,
    prompt: prompts[kind],
    answer,
    choices,
    ...(kind === 'caption' ? { references: captions(piece, heard) } : {}),
    released: {
      style: style.file,
      groove: groove.name,
      description: groove.description,
      tempo: speed,
      instruments: heard,
    },
  };
}

/** Plays the pieces into `sounds/KEY.wav` below `target`, and writes the page for listening. */
async function playPieces(
  pieces: readonly WrittenPiece[],
  { mma, font }: { mma: Source; font: Source },
  target: string,
  options: GrooveCapOptions,
  onProgress: OnProgress,
): Promise<Pick<Generated, 'items' | 'alignment' | 'media'>> {
  const items: Item[] = [];
  const alignment: AlignmentItem[] = [];
  const media: MediaFile[] = [];
  const sampled: SampledItem[] = [];
  const stride = Math.max(1, Math.floor(pieces.length / options.sampled));
  const synthesiser = await openSynthesiser(join(font.folder, soundFont));
  mkdirSync(join(target, 'sounds'), { recursive: true });
  try {
    for (const [index, { piece, played }] of pieces.entries()) {
      const { key, pool, style, groove, tempo } = piece;
      const heard = heardInstruments(played);
      const wav = encodeWav(synthesiser.render(played, options.seconds));
      const file = `sounds/${key}.wav`;
      writeFileSync(join(target, file), wav);
      const origins = [
        { source: mma.name, file: `${libraryPath}/${style.file}#${groove.name}`, licence: mma.licence },
        { source: font.name, file: soundFont, licence: font.licence },
      ];
      media.push({ key, file, origins });
      const item = itemOf(piece, heard, options.seed);
      items.push(item);
      if (pool === 'train') alignment.push({ kind: 'classes', media: key, classes: [tempo, style.family, ...heard] });
      if (index % stride === 0 && sampled.length < options.sampled) sampled.push({ item, clips: [], wav });
      if (index % 50 === 0) onProgress('playing grooves', index, pieces.length);
    }
  } finally {
    synthesiser.close();
  }
  writeFileSync(join(target, pageName), samplerPage('GrooveCap: some items', sampled));
  return { items, alignment, media };
}

/** The generator with these options. */
function grooveCapGenerator(options: GrooveCapOptions): SetGenerator {
  return {
    task: grooveCapTask.name,
    files: [__filename],
    modality: grooveCapTask.modality,
    version: '1',
    sources: ['mma-grooves', 'timgm6mb-soundfont'],
    options: { ...options, prompts, renderer: `${synthesiserPackage} ${optionalVersion(synthesiserPackage)}` },
    async generate(source, target, onProgress): Promise<Generated> {
      requireSynthesiser();
      const mma = source('mma-grooves');
      const font = source('timgm6mb-soundfont');
      const { styles, skipped } = findStyles(mma);
      const divided = divideStyles(styles, options.shares, options.seed);
      const planned = planPieces(divided, options.amounts, options.seed);
      const { pieces, missing, refused } = await writePieces(planned, mma, options, onProgress);
      const { items, alignment, media } = await playPieces(pieces, { mma, font }, target, options, onProgress);
      return {
        items,
        alignment,
        classes: [...tempoWords, ...families, ...instruments],
        media,
        skipped: {
          ...skipped,
          ...(missing === 0 ? {} : { 'piece: MMA refuses its style or writes no note': missing }),
        },
        notes: {
          refused,
          styleFiles: Object.fromEntries(
            (['train', 'validation', 'evaluation'] as const).map((pool) => [
              pool,
              Object.fromEntries(families.map((family) => [family, divided[pool].get(family)!.length])),
            ]),
          ),
          listening: pageName,
        },
      };
    },
  };
}

/** The set of the default grid. */
export const grooveCap: SetGenerator = grooveCapGenerator(defaultOptions);
