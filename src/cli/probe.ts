/** The work of `equipoise data probe`: features of a set's default encoder and linear probes on them. */
import { loadSet } from '../data';
import { encoders, tasks } from '../manifest/names';
import { featuresOf } from '../models/inputs/features';
import { probeSet, type ProbeRow } from '../train/probe';
import { useBackend } from '../tensor/backend';

/**
 * Probes one split of a generated set with an encoder, by default the first one of its modality. Throws UserError as
 * loadSet and featuresOf.
 */
export async function probeTask(
  task: string,
  encoder: string | undefined,
  split: 'validation' | 'evaluation',
  onStage: (stage: string) => void,
): Promise<{ encoder: string; rows: ProbeRow[] }> {
  const set = await loadSet(task, (what, done, total) => onStage(`${what} ${done}/${total}`));
  const chosen =
    encoder ?? Object.entries(encoders).find(([, { modality }]) => modality === tasks[task]?.modality)?.[0] ?? '';
  await useBackend({ name: 'auto' });
  const table = await featuresOf(set, chosen, { onProgress: (done, total) => onStage(`features ${done}/${total}`) });
  return {
    encoder: chosen,
    rows: await probeSet(set, table, { split, onProgress: (done, total) => onStage(`probe ${done}/${total}`) }),
  };
}
