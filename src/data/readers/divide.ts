/** Which split a released question goes to, and which questions a limit keeps: by hashes of names, so that no question depends on the others. */
import type { TaskManifest } from '../../manifest/taskManifest';
import { random } from '../../random';
import type { SplitName } from '../types';
import type { ReleasedRecord } from './record';

export type PlacedRecord = ReleasedRecord & { split: SplitName };

/** Shares of validation and evaluation where the manifest gives none. */
const defaultShares = { validation: 0.1, evaluation: 0.2 } as const;

/**
 * Gives every record its split. The release's own splits stay; what has none is divided by group; and when there is no validation split, a share of
 * the training groups becomes one. Slices of divided records are named `divided`, so that no score is taken for one on an official split.
 */
export function place(records: readonly ReleasedRecord[], { name, divide }: TaskManifest): PlacedRecord[] {
  const shares = { ...defaultShares, ...divide };
  const official = records.some(({ split }) => split === 'validation');
  const draw = (group: string) => random(name, `task/divide/${group}`).uniform();
  return records.map((record): PlacedRecord => {
    const at = draw(record.group);
    let split = record.split;
    if (split === null)
      split =
        at < shares.evaluation ? 'evaluation' : at < shares.evaluation + shares.validation ? 'validation' : 'train';
    else if (split === 'train' && !official && at < shares.validation) split = 'validation';
    const moved = split !== record.split;
    return {
      ...record,
      split,
      slice: split === 'train' ? 'train' : moved || record.slice === 'train' ? 'divided' : record.slice,
    };
  });
}

/** The records that the manifest wants: of its kinds, and at most `limit` of each split, chosen by their ids. Order is kept. */
export function choose(records: readonly PlacedRecord[], { name, kinds, limit }: TaskManifest): PlacedRecord[] {
  const wanted = kinds === undefined ? [...records] : records.filter(({ kind }) => kinds.includes(kind));
  const kept = new Set<PlacedRecord>();
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
