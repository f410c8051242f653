/** What the generated sets of pictures share: pictures written one after the other, and plans as items. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlignmentItem, Item, SplitName } from '../types';
import type { MediaFile, OnProgress, Origin } from './generator';

/** A picture as PNG bytes, with everything that it was made from. */
export interface Drawn {
  png: Buffer;
  origins: Origin[];
}

/** A question before its picture is drawn. */
export interface PlannedQuestion {
  /** unique and stable, also the media key */
  id: string;
  split: SplitName;
  slice: string;
  kind: string;
  answer: string;
  choices: string[];
}

/**
 * Writes `media/KEY.png` below `target` for each picture, in the order of the plans; returns the files in that order.
 * `what` is how progress names the work.
 */
export async function writePictures<Plan extends { key: string }>(
  target: string,
  pictures: readonly Plan[],
  draw: (picture: Plan) => Promise<Drawn>,
  what: string,
  onProgress: OnProgress,
): Promise<MediaFile[]> {
  mkdirSync(join(target, 'media'), { recursive: true });
  const media: MediaFile[] = [];
  for (const [done, picture] of pictures.entries()) {
    const { png, origins } = await draw(picture);
    const file = `media/${picture.key}.png`;
    writeFileSync(join(target, file), png);
    media.push({ key: picture.key, file, origins });
    if (done % 200 === 0 || done === pictures.length - 1) onProgress(what, done + 1, pictures.length);
  }
  return media;
}

/** The item that a plan becomes, with its own picture and the prompt of its kind. */
export const questionItem = <Q extends PlannedQuestion>(
  { id, split, slice, kind, answer, choices }: Q,
  prompts: Readonly<Record<Q['kind'], string>>,
): Item => ({ id, split, kind, slice, media: id, prompt: prompts[kind as Q['kind']], answer, choices });

/** A picture of the alignment phase with its caption. */
export const captionItem = ({
  key,
  prompt,
  answer,
}: {
  key: string;
  prompt: string;
  answer: string;
}): AlignmentItem => ({ kind: 'caption', media: key, prompt, answer });
