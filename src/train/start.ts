/** The first step of a run: the state before it, and whether it fits into memory with a batch of a given size. */
import type { RunSpec } from '../manifest/run';
import { both, moduleNames } from '../modules';
import { adamDecays } from '../tensor/optimiserKinds';
import { openSession, type Session, type StateValue } from '../tensor/program';
import { tf } from '../tensor/tf';
import { alignedState } from './alignment';
import { fillBatch } from './batches';
import { isOutOfMemory, largestBatch, outOfMemoryError } from './memory';
import type { Prepared } from './prepare';
import { initialState, type Setting } from './programs';
import { packStep, updateValues } from './stepInputs';
import { stepNoise, trainProgram } from './trainProgram';

/**
 * The state before the first step: seeded parameters, and the encoder as the alignment phase leaves it. Throws
 * UserError for a damaged cache file of that phase.
 */
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

/** A run whose step did not succeed. */
interface FailedRun {
  spec: RunSpec;
  setting: Setting;
  prepared: Prepared;
  initial: Record<string, StateValue>;
  session: Session;
}

/**
 * What a person is to know of a failed step: where memory ran out, the largest batch that would fit; else the error
 * itself. The session is given back.
 */
export async function whyItFailed(error: unknown, run: FailedRun): Promise<unknown> {
  if (!isOutOfMemory(error)) return error;
  const { spec, setting, prepared, initial, session } = run;
  session.dispose();
  const largest = await largestBatch(spec.batch, (batch) => firstStepFits(setting, prepared, initial, batch));
  return outOfMemoryError(spec.batch, largest, tf.getBackend(), error);
}

/**
 * Whether one step of this batch size runs, tried for real in a session of its own. Throws the backend's error when it
 * fails for want of something else than memory.
 */
async function firstStepFits(
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  batch: number,
): Promise<boolean> {
  const shape = prepared.shape(batch);
  let session: Session | undefined;
  try {
    session = openSession({ train: trainProgram(setting, shape, moduleNames, null) }, initial, {
      kernels: setting.kernels ?? 'plain',
    });
    const adam = adamDecays(setting.optimiser);
    await session.run(
      'train',
      packStep({
        batch: fillBatch(prepared.examples.train.slice(0, batch), prepared.features, shape),
        update: both(() => updateValues(adam, 1, 0)),
        weights: { encoder: 0, backbone: 0 },
        noise: stepNoise(setting, 0, 1),
      }),
    );
    return true;
  } catch (error) {
    if (isOutOfMemory(error)) return false;
    throw error;
  } finally {
    session?.dispose();
  }
}
