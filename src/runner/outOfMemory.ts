/** A run whose batch did not fit into memory: which one would, found in processes of its own. */
import { largestBatch, memoryAdvice } from '../train/memory';
import type { Lane } from './lane';
import type { RunTask } from './messages';

/**
 * What a person is to know of it: how the run ended, and the largest batch that fits. The kernel may end each trial,
 * which then says no.
 */
export async function explained(task: RunTask, ending: string, lane: Pick<Lane, 'fits'>): Promise<string> {
  const { batch, checkpointing } = task.spec;
  try {
    const largest = await largestBatch(batch, (tried) => lane.fits(task, tried));
    return `${ending}; ${memoryAdvice(largest, checkpointing === 'layers')}`;
  } catch (error) {
    return `${ending}; a smaller batch could not be tried: ${error instanceof Error ? error.message : String(error)}`;
  }
}
