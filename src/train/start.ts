/** The first step of a run: the state before it, and whether it fits into memory with a batch of a given size. */
import type { RunSpec } from '../manifest/run';
import { optimiserOptions } from '../tensor/optimiser';
import { openSession, type Session, type StateValue } from '../tensor/program';
import { alignedState } from './alignment';
import { fillBatch } from './batches';
import { isOutOfMemory } from './memory';
import type { Prepared } from './prepare';
import { initialState, noiseInputs, trainProgram, type Setting } from './programs';
import { moduleNames } from '../modules';
import { stepClock } from './stepClock';

/** The state before the first step: seeded parameters, and the encoder as the alignment phase leaves it. Throws UserError for a damaged cache file of that phase. */
export async function startState(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Record<string, StateValue>> {
  const initial = initialState(setting, spec.seed);
  onStage('alignment');
  if (spec.align.steps > 0)
    Object.assign(initial, await alignedState(spec, setting, prepared, initial, onStage, signal));
  for (const module of moduleNames)
    if (initial[`${module}/previous`] !== undefined) initial[`${module}/previous`] = initial[`${module}/theta`]!;
  return initial;
}

/** Whether one step of this batch size runs, tried for real in a session of its own. Throws the backend's error when it fails for want of something else than memory. */
export async function firstStepFits(
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  batch: number,
): Promise<boolean> {
  const shape = prepared.shape(batch);
  let session: Session | undefined;
  try {
    session = openSession({ train: trainProgram(setting, shape, ['encoder', 'backbone'], null) }, initial);
    const clock = stepClock(optimiserOptions(setting.optimiser));
    await session.run('train', {
      ...fillBatch(prepared.examples.train.slice(0, batch), prepared.features, shape),
      ...clock.inputs('encoder', 0, true),
      ...clock.inputs('backbone', 0, true),
      'weight/encoder': new Float32Array(1),
      'weight/backbone': new Float32Array(1),
      ...noiseInputs(setting, 0, 1),
    });
    return true;
  } catch (error) {
    if (isOutOfMemory(error)) return false;
    throw error;
  } finally {
    session?.dispose();
  }
}
