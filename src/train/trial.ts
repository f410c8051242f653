/** Whether one step of a run fits into memory with a batch of another size, tried for real. */
import type { RunSpec } from '../manifest/run';
import { both, moduleNames } from '../modules';
import { adamDecays } from '../tensor/optimiserKinds';
import { openSession, type Session } from '../tensor/program';
import { batchIndices, fillBatch } from './batches';
import { isOutOfMemory } from './memory';
import { prepare, type Prepared } from './prepare';
import { initialState, settingOf } from './programs';
import { packStep, updateValues } from './stepInputs';
import { stepNoise, trainProgram } from './trainProgram';

/**
 * Takes one step on the current backend, in as many parts as the run asks for or the next smaller number that divides
 * the batch. Where memory is short the kernel may end the process instead of saying so: whoever asks does it from
 * another. Throws the backend's error when the step fails for want of something else.
 */
export async function firstStepFits(
  spec: RunSpec,
  batch: number,
  prepared: (spec: RunSpec) => Prepared | Promise<Prepared> = (each) => prepare(each, () => undefined, spec),
): Promise<boolean> {
  const tried = { ...spec, batch, accumulate: partsOf(batch, spec.accumulate) };
  let session: Session | undefined;
  try {
    const data = await prepared(tried);
    const setting = settingOf(tried, data.model, data.codec.vocabulary.ids.length);
    const shape = data.shape(batch);
    const train = trainProgram(setting, shape, moduleNames, null);
    session = openSession({ train }, initialState(setting, spec.seed), { kernels: spec.kernels });
    const adam = adamDecays(setting.optimiser);
    // The first batch of the run: features are there of what it reads alone.
    const { train: questions } = data.examples;
    const first = batchIndices(questions.length, batch, spec.seed, 'train')(1).map((at) => questions[at]!);
    await session.run(
      'train',
      packStep({
        batch: fillBatch(first, data.features, shape),
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

/** The largest number of equal parts of a batch that is not above `most`. */
function partsOf(batch: number, most: number): number {
  let parts = Math.min(batch, most);
  while (batch % parts !== 0) parts--;
  return parts;
}
