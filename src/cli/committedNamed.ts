/** Committed runs as commands name them, found where none of one's own is meant. */
import { committedRunsNamed, type CommittedRun } from '../../analysis/claims/committedRuns';
import { committedRuns, referenceFolder } from '../runner/folders';
import type { StoredRun } from '../runner/results';

const stored = ({ experiment, file }: CommittedRun): StoredRun => ({
  experiment: `${referenceFolder}/${experiment}`,
  id: file.id,
  state: 'done',
  step: file.step,
  steps: file.steps,
  file,
  why: '',
});

/**
 * The committed runs that a name means: an id, the beginning of one, experiment/id, or reference/experiment/id. Their
 * experiments have `reference/` before their names.
 */
export async function committedNamed(name: string): Promise<StoredRun[]> {
  const [id = '', experiment] = name
    .replace(new RegExp(`^${referenceFolder}/`), '')
    .split('/')
    .reverse();
  return (await committedRunsNamed(committedRuns, id, experiment)).map(stored);
}

/** All runs of a committed experiment, by the name that `committedNamed` gives it. */
export const committedOf = (experiment: string): Promise<StoredRun[]> => committedNamed(`${experiment}/`);
