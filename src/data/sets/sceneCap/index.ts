/**
 * SceneCap: captions of five-second scenes: one to three named recordings over a quiet background of water or an engine.
 * Evaluated on recordings and on a package that training never heard. Mirrors the idea of MACS (Martin-Morato and Mesaros
 * 2021); it is not MACS, and its scores are never set beside that data set's. Recordings, takes and their division are
 * those of SoundQA, so a model trained on one may be evaluated on the other.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import curated from '../../../../data-manifests/recordings/sound-qa.json';
import { canonicalJson, sha256 } from '../../../files';
import { random } from '../../../random';
import { encodeWav } from '../../audio';
import type { AlignmentItem, Item, SplitName } from '../../types';
import type { Generated, MediaFile, SetGenerator } from '../generator';
import { defaultOptions as soundQa } from '../soundQa';
import { makeMixture, type MixtureOptions, type Placed } from '../soundQa/mixture';
import {
  decodeRecordings,
  divide,
  type Pool,
  pools,
  type RecordingList,
  type SplitShares,
} from '../soundQa/recordings';
import { samplerPage, type SampledItem } from '../soundQa/samplerPage';
import { backgroundOf, pickBackground } from './background';
import { backgroundClasses, eventClasses, planScenes, prompt, type Scene } from './captions';

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
const pageName = 'sampler.html';
const mixturesName = 'mixtures.jsonl';

interface Planned {
  key: string;
  pool: Pool;
  scene: Scene;
  item: Item;
}

function plan(options: SceneCapOptions): Planned[] {
  return pools.flatMap((pool) =>
    planScenes(options.amounts[pool], options.seed, pool).map((scene, i): Planned => {
      const key = `${pool}-${String(i).padStart(4, '0')}`;
      const { kind, references, choices } = scene;
      return {
        key,
        pool,
        scene,
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

/** The generator over a list of recordings with these options. */
export function sceneCapGenerator(list: RecordingList, options: SceneCapOptions): SetGenerator {
  return {
    task: 'scene-cap',
    modality: 'audio',
    version: '1',
    sources: [...new Set(list.recordings.map((recording) => recording.source))].sort(),
    options: { ...options, recordings: sha256(canonicalJson(list)) },
    async generate(source, target, onProgress): Promise<Generated> {
      const { recordings, refused } = await decodeRecordings(list, source, onProgress);
      const divided = divide(recordings, list, options.shares, options.sharesSeed);
      const planned = plan(options);
      const media: MediaFile[] = [];
      const mixtures: {
        media: string;
        background: { class: string; source: string; file: string; take: string };
        clips: Placed[];
      }[] = [];
      const sampled: SampledItem[] = [];
      const stride = Math.max(1, Math.floor(planned.length / options.sampled));
      mkdirSync(join(target, 'sounds'), { recursive: true });
      for (const [index, { key, pool, scene, item }] of planned.entries()) {
        const { samples, clips } = makeMixture(
          scene.heard,
          divided[pool],
          random(options.seed, `scene-cap/mixture/${key}`),
          options.mixture,
        );
        const draw = random(options.seed, `scene-cap/background/${key}`);
        const behind = pickBackground(divided[pool], backgroundClasses, draw);
        const ground = backgroundOf(behind.samples, samples.length, options.background, draw);
        const wav = encodeWav(samples.map((value, i) => value + ground[i]!));
        const file = `sounds/${key}.wav`;
        writeFileSync(join(target, file), wav);
        const behindFile = behind.inside === undefined ? behind.path : `${behind.path}#${behind.inside}`;
        media.push({
          key,
          file,
          origins: [
            { source: behind.source, file: behindFile, licence: behind.licence },
            ...clips.map(({ source: name, file: path, licence }) => ({ source: name, file: path, licence })),
          ],
        });
        mixtures.push({
          media: key,
          background: { class: behind.class, source: behind.source, file: behindFile, take: behind.take },
          clips,
        });
        if (index % stride === 0 && sampled.length < options.sampled) sampled.push({ item, clips, wav });
        if (index % 50 === 0) onProgress('mixing', index, planned.length);
      }
      writeFileSync(join(target, mixturesName), mixtures.map((one) => `${canonicalJson(one)}\n`).join(''));
      writeFileSync(join(target, pageName), samplerPage('SceneCap: some items', sampled));
      return {
        items: planned.map(({ item }) => item),
        alignment: planned
          .filter(({ pool }) => pool === 'train')
          .map(({ key, scene }): AlignmentItem => ({
            kind: 'classes',
            media: key,
            classes: eventClasses.filter((name) => scene.heard.includes(name)),
          })),
        classes: [...eventClasses],
        media,
        skipped: refused.length === 0 ? {} : { 'recording refused by the decoder': refused.length },
        notes: {
          refused,
          onsets: `${mixturesName} gives background and clips of every sound, onsets and lengths in samples at 16 kHz`,
          listening: pageName,
        },
      };
    },
  };
}

/** SceneCap as the product uses it. */
export const sceneCap: SetGenerator = sceneCapGenerator(curated, defaultOptions);
