/**
 * SoundQA: questions about five-second mixtures of one to three named recordings with known onsets. Evaluated on
 * recordings that training never heard (slice `held-out-recordings`) and on a package that it never opened (slice
 * `held-out-package`). Mirrors the idea of ClothoAQA (Lipping et al. 2022); it is not ClothoAQA, and its scores are
 * never set beside that data set's.
 */
import curated from '../../../../data-manifests/recordings/sound-qa.json';
import { canonicalJson, sha256 } from '../../../files';
import { random } from '../../../random';
import type { AlignmentItem, SplitName } from '../../types';
import type { Generated, SetGenerator } from '../generator';
import type { MixtureOptions } from './mixture';
import { type Amounts, planQuestions } from './questions';
import {
  decodeRecordings,
  divide,
  type Pool,
  pools,
  type Pools,
  type RecordingList,
  type SplitShares,
} from './recordings';
import { soundQaTask } from './task';
import { mixtureFiles, type PlannedMixture, writeMixtures } from './writeMixtures';

/** Everything that shapes the set beside the list of recordings; all of it enters the identity. */
export interface SoundQaOptions {
  seed: number;
  shares: SplitShares;
  mixture: MixtureOptions;
  amounts: Record<Pool, Amounts>;
  /** mixtures of the alignment phase beside those of the training questions */
  alignmentMixtures: number;
  /** items on the page for listening */
  sampled: number;
}

export const defaultOptions: SoundQaOptions = {
  seed: 1,
  shares: { validation: 0.12, evaluation: 0.22, least: 2 },
  mixture: {
    seconds: 5,
    spacing: 1.2,
    margin: 0.05,
    clip: { shortest: 0.9, longest: 1.5, repeatBelow: 0.6, repeatGap: 0.15, loudness: 22, variation: 3 },
  },
  amounts: {
    train: { present: 400, which: 400, count: 402, first: 400 },
    validation: { present: 48, which: 40, count: 39, first: 40 },
    'held-out-recordings': { present: 80, which: 80, count: 81, first: 80 },
    'held-out-package': { present: 48, which: 40, count: 39, first: 40 },
  },
  alignmentMixtures: 0,
  sampled: 16,
};

const splitOf: Record<Pool, SplitName> = {
  train: 'train',
  validation: 'validation',
  'held-out-recordings': 'evaluation',
  'held-out-package': 'evaluation',
};

function plan(list: RecordingList, options: SoundQaOptions): PlannedMixture[] {
  const number = (i: number) => String(i).padStart(4, '0');
  const questions = pools.flatMap((pool) =>
    planQuestions(options.amounts[pool], list.classes, options.seed, pool).map(
      ({ kind, prompt, answer, choices, heard }, i): PlannedMixture => {
        const key = `${pool}-${number(i)}`;
        return {
          key,
          pool,
          heard,
          item: { id: `sound-qa/${key}`, split: splitOf[pool], kind, slice: pool, media: key, prompt, answer, choices },
        };
      },
    ),
  );
  const alignment = Array.from({ length: options.alignmentMixtures }, (_, i): PlannedMixture => ({
    key: `alignment-${number(i)}`,
    pool: 'train',
    heard: random(options.seed, 'sound-qa/alignment', i)
      .shuffle(list.classes)
      .slice(0, 1 + (i % 3)),
  }));
  return [...questions, ...alignment];
}

/** Recordings and takes of each class in each pool, for the data card. */
function countPools(divided: Pools): Record<Pool, Record<string, { recordings: number; takes: number }>> {
  const count = (pool: Pool) =>
    Object.fromEntries(
      [...divided[pool]].map(([name, takes]) => [name, { recordings: takes.flat().length, takes: takes.length }]),
    );
  return {
    train: count('train'),
    validation: count('validation'),
    'held-out-recordings': count('held-out-recordings'),
    'held-out-package': count('held-out-package'),
  };
}

/** The generator over a list of recordings with these options. */
export function soundQaGenerator(list: RecordingList, options: SoundQaOptions): SetGenerator {
  return {
    task: soundQaTask.name,
    files: [__filename],
    modality: soundQaTask.modality,
    version: '1',
    sources: [...new Set(list.recordings.map((recording) => recording.source))].sort(),
    options: { ...options, recordings: sha256(canonicalJson(list)) },
    async generate(source, target, onProgress): Promise<Generated> {
      const { recordings, refused } = await decodeRecordings(list, source, onProgress);
      const divided = divide(recordings, list, options.shares, options.seed);
      const planned = plan(list, options);
      const media = writeMixtures(
        planned,
        { task: soundQaTask.name, title: 'SoundQA: some items', divided, ...options },
        target,
        onProgress,
      );
      return {
        items: planned.flatMap(({ item }) => item ?? []),
        alignment: planned
          .filter(({ pool }) => pool === 'train')
          .map(({ key, heard }): AlignmentItem => ({
            kind: 'classes',
            media: key,
            classes: list.classes.filter((name) => heard.includes(name)),
          })),
        classes: [...list.classes],
        media,
        skipped: refused.length === 0 ? {} : { 'recording refused by the decoder': refused.length },
        notes: {
          recordings: countPools(divided),
          refused,
          onsets: `${mixtureFiles.list} gives the clips of every sound: class, source, take, onset and length in samples at 16 kHz`,
          listening: mixtureFiles.page,
        },
      };
    },
  };
}

/** SoundQA as the product uses it. */
export const soundQa: SetGenerator = soundQaGenerator(curated, defaultOptions);
