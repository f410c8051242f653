/**
 * SceneCap: captions of five-second scenes: one to three named recordings over a quiet background of water or an
 * engine. Evaluated on recordings and on a package that training never heard. Mirrors the idea of MACS (Martin-Morato
 * and Mesaros 2021); it is not MACS, and its scores are never set beside that data set's. Recordings, takes and their
 * division are those of SoundQA, so a model trained on one may be evaluated on the other.
 */
import curated from '../../../../data-manifests/recordings/sound-qa.json';
import { canonicalJson, sha256 } from '../../../files';
import { random } from '../../../random';
import type { AlignmentItem, Item, SplitName } from '../../types';
import type { Generated, SetGenerator } from '../generator';
import { defaultOptions as soundQa } from '../soundQa';
import type { MixtureOptions } from '../soundQa/mixture';
import {
  decodeRecordings,
  divide,
  fileOf,
  type Pool,
  pools,
  type Pools,
  type RecordingList,
  type SplitShares,
} from '../soundQa/recordings';
import { type Behind, mixtureFiles, type PlannedMixture, writeMixtures } from '../soundQa/writeMixtures';
import { backgroundOf, pickBackground } from './background';
import { backgroundClasses, eventClasses, planScenes, prompt } from './captions';
import { sceneCapTask } from './task';

/** Everything that shapes the set beside the list of recordings; all of it enters the identity. */
export interface SceneCapOptions {
  seed: number;
  /** division of the takes; SoundQA's, with its seed, so that no recording changes sides between the two sets */
  shares: SplitShares;
  sharesSeed: number;
  mixture: MixtureOptions;
  /** root mean square of the background, dB below full scale */
  background: number;
  /** scenes of each kind */
  amounts: Record<Pool, number>;
  /** items on the page for listening */
  sampled: number;
}

export const defaultOptions: SceneCapOptions = {
  seed: 1,
  shares: soundQa.shares,
  sharesSeed: soundQa.seed,
  mixture: soundQa.mixture,
  background: 42,
  amounts: { train: 336, validation: 36, 'held-out-recordings': 72, 'held-out-package': 36 },
  sampled: 16,
};

const splitOf: Record<Pool, SplitName> = {
  train: 'train',
  validation: 'validation',
  'held-out-recordings': 'evaluation',
  'held-out-package': 'evaluation',
};

type Planned = PlannedMixture & { item: Item };

function plan(options: SceneCapOptions): Planned[] {
  return pools.flatMap((pool) =>
    planScenes(options.amounts[pool], options.seed, pool).map((scene, i): Planned => {
      const key = `${pool}-${String(i).padStart(4, '0')}`;
      const { kind, heard, references, choices } = scene;
      return {
        key,
        pool,
        heard,
        item: {
          id: `scene-cap/${key}`,
          split: splitOf[pool],
          kind,
          slice: pool,
          media: key,
          prompt,
          answer: references[0]!,
          choices,
          references,
        },
      };
    }),
  );
}

function backgroundBehind(
  { key, pool }: PlannedMixture,
  length: number,
  divided: Pools,
  options: SceneCapOptions,
): Behind {
  const draw = random(options.seed, `scene-cap/background/${key}`);
  const recording = pickBackground(divided[pool], backgroundClasses, draw);
  const { source, take, licence } = recording;
  const file = fileOf(recording);
  return {
    samples: backgroundOf(recording.samples, length, options.background, draw),
    line: { class: recording.class, source, file, take },
    origin: { source, file, licence },
  };
}

/** The generator over a list of recordings with these options. */
export function sceneCapGenerator(list: RecordingList, options: SceneCapOptions): SetGenerator {
  return {
    task: sceneCapTask.name,
    files: [__filename],
    modality: sceneCapTask.modality,
    version: '1',
    sources: [...new Set(list.recordings.map((recording) => recording.source))].sort(),
    options: { ...options, recordings: sha256(canonicalJson(list)) },
    async generate(source, target, onProgress): Promise<Generated> {
      const { recordings, refused } = await decodeRecordings(list, source, onProgress);
      const divided = divide(recordings, list, options.shares, options.sharesSeed);
      const planned = plan(options);
      const media = writeMixtures(
        planned,
        {
          task: sceneCapTask.name,
          title: 'SceneCap: some items',
          divided,
          ...options,
          behind: (scene, length) => backgroundBehind(scene, length, divided, options),
        },
        target,
        onProgress,
      );
      return {
        items: planned.map(({ item }) => item),
        alignment: planned
          .filter(({ pool }) => pool === 'train')
          .map(({ key, heard }): AlignmentItem => ({
            kind: 'classes',
            media: key,
            classes: eventClasses.filter((name) => heard.includes(name)),
          })),
        classes: [...eventClasses],
        media,
        skipped: refused.length === 0 ? {} : { 'recording refused by the decoder': refused.length },
        notes: {
          refused,
          onsets: `${mixtureFiles.list} gives background and clips of every sound, onsets and lengths in samples at 16 kHz`,
          listening: mixtureFiles.page,
        },
      };
    },
  };
}

/** SceneCap as the product uses it. */
export const sceneCap: SetGenerator = sceneCapGenerator(curated, defaultOptions);
