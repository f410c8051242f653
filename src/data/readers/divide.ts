/**
 * Which split a released question goes to, and which questions a limit keeps: by hashes of names, so that no question
 * depends on the others.
 */
import type { TaskManifest } from '../../manifest/taskManifest';
import { random } from '../../random';
import type { SplitName } from '../types';
import type { ReleasedRecord } from './record';

/** A record whose group is known. */
export type GroupedRecord = ReleasedRecord & { group: string };
export type PlacedRecord = GroupedRecord & { split: SplitName };

/** Shares of validation and evaluation where the manifest gives none. */
const defaultShares = { validation: 0.1, evaluation: 0.2 } as const;

/**
 * Gives every record its split. The release's own splits stay; what has none is divided by group; and when there is no
 * validation split, a share of the training groups becomes one, unless that would leave nothing to train on, which
 * `note` says. Slices of divided records are named `divided`, so that no score is taken for one on an official split.
 */
export function place<T extends GroupedRecord>(
  records: readonly T[],
  { name, divide }: TaskManifest,
  note: (text: string) => void = () => undefined,
): (T & PlacedRecord)[] {
  const shares = { ...defaultShares, ...divide };
  const official = records.some(({ split }) => split === 'validation');
  const draw = (group: string) => random(name, `task/divide/${group}`).uniform();
  const dividedSplit = (at: number): SplitName =>
    at < shares.evaluation ? 'evaluation' : at < shares.evaluation + shares.validation ? 'validation' : 'train';
  const divided = records.map((record) => record.split ?? dividedSplit(draw(record.group)));
  const isSpared = (index: number) =>
    records[index]!.split === 'train' && !official && draw(records[index]!.group) < shares.validation;
  const spared = divided.map((split, index) => (isSpared(index) ? 'validation' : split));
  const emptied = divided.includes('train') && !spared.includes('train');
  if (emptied)
    note(
      'no training question became validation: there are too few groups of them to spare one; state `split` validation for some to have it',
    );
  return records.map((record, index): T & PlacedRecord => {
    const split = (emptied ? divided : spared)[index]!;
    const moved = split !== record.split;
    return {
      ...record,
      split,
      slice: split === 'train' ? 'train' : moved || record.slice === 'train' ? 'divided' : record.slice,
    };
  });
}

/**
 * The records that the manifest wants: of its kinds, and at most `limit` of each split, chosen by their ids. Order is
 * kept.
 */
export function choose<T extends PlacedRecord>(records: readonly T[], { name, kinds, limit }: TaskManifest): T[] {
  const wanted = kinds === undefined ? [...records] : records.filter(({ kind }) => kinds.includes(kind));
  const kept = new Set<T>();
  for (const split of ['train', 'validation', 'evaluation'] as const) {
    const most = limit?.[split];
    const all = wanted.filter((record) => record.split === split);
    if (most === undefined || all.length <= most) all.forEach((record) => kept.add(record));
    else {
      const drawn = all
        .map((record) => ({ record, at: random(name, `task/limit/${record.id}`).uniform() }))
        .sort((a, b) => a.at - b.at);
      drawn.slice(0, most).forEach(({ record }) => kept.add(record));
    }
  }
  return wanted.filter((record) => kept.has(record));
}
