/** The sounds of a set of mixtures, written one after the other: SoundQA's, and SceneCap's over a background. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../../files';
import { random, type Random } from '../../../random';
import { encodeWav } from '../../audio';
import type { Item } from '../../types';
import type { MediaFile, OnProgress, Origin } from '../generator';
import { makeMixture, type MixtureOptions } from './mixture';
import type { Pool, Pools } from './recordings';
import { samplerPage, type SampledItem } from './samplerPage';

/** A sound to be made: with its question, or only for the alignment phase. */
export interface PlannedMixture {
  key: string;
  pool: Pool;
  /** classes in the order in which they are heard */
  heard: readonly string[];
  item?: Item;
}

/** What lies under the clips of a mixture. */
export interface Behind {
  /** as many as the mixture has */
  samples: Float32Array;
  /** what is said of it in the list of mixtures */
  line: Record<string, unknown>;
  origin: Origin;
}

export interface MixtureSet {
  /** task whose seeded draws these are */
  task: string;
  title: string;
  seed: number;
  mixture: MixtureOptions;
  divided: Pools;
  /** items on the page for listening */
  sampled: number;
  behind?: (planned: PlannedMixture, length: number) => Behind;
}

/** Names of the two files that lie beside the sounds: onsets of every clip, and a page for listening. */
export const mixtureFiles = { list: 'mixtures.jsonl', page: 'sampler.html' } as const;

/**
 * Writes `sounds/KEY.wav` for each plan and the two files of `mixtureFiles` below `target`; returns the sounds in the
 * plan's order.
 */
export function writeMixtures(
  planned: readonly PlannedMixture[],
  { task, title, seed, mixture, divided, sampled: most, behind }: MixtureSet,
  target: string,
  onProgress: OnProgress,
): MediaFile[] {
  const media: MediaFile[] = [];
  const lines: unknown[] = [];
  const sampled: SampledItem[] = [];
  const stride = Math.max(1, Math.floor(planned.length / most));
  mkdirSync(join(target, 'sounds'), { recursive: true });
  for (const [index, plan] of planned.entries()) {
    const { key, pool, heard, item } = plan;
    const draw: Random = random(seed, `${task}/mixture/${key}`);
    const { samples, clips } = makeMixture(heard, divided[pool], draw, mixture);
    const ground = behind?.(plan, samples.length);
    const wav = encodeWav(ground === undefined ? samples : samples.map((value, i) => value + ground.samples[i]!));
    const file = `sounds/${key}.wav`;
    writeFileSync(join(target, file), wav);
    const origins = clips.map(({ source, file: path, licence }): Origin => ({ source, file: path, licence }));
    media.push({ key, file, origins: ground === undefined ? origins : [ground.origin, ...origins] });
    lines.push({ media: key, ...(ground === undefined ? {} : { background: ground.line }), clips });
    if (item !== undefined && index % stride === 0 && sampled.length < most) sampled.push({ item, clips, wav });
    if (index % 50 === 0) onProgress('mixing', index, planned.length);
  }
  writeFileSync(join(target, mixtureFiles.list), lines.map((one) => `${canonicalJson(one)}\n`).join(''));
  writeFileSync(join(target, mixtureFiles.page), samplerPage(title, sampled));
  return media;
}
