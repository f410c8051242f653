/**
 * The alignment phase: before instruction tuning only the encoder learns to put features near the words of the frozen
 * backbone. Images: it captions them (the training objective, one module). Sounds: their classes are read off the
 * prefix tokens by cosine with the class words' embeddings. Same for all methods of a seed, therefore cached.
 */
import type { AlignmentItem } from '../data/types';
import type { AlignSpec } from '../manifest/run';
import { clipByNorm } from '../tensor/optimiser';
import { slotsOf } from '../tensor/optimiserKinds';
import { joinVector, splitVector } from '../tensor/parameters';
import type { Program, Session } from '../tensor/program';
import { need, tf, type Tensor } from '../tensor/tf';
import { batchIndices, type BatchShape } from './batches';
import type { Setting } from './programs';
import { packUpdate, updateInputs, updateScalars, updateValues } from './stepInputs';
import { updateModule } from './trainProgram';

/** Sharpness and offset of the class probabilities: sigmoid(sharpness * cosine + offset). */
const sharpness = 12;
const offset = -4;

/** Cosine of each prefix token with each class word, pooled by a soft maximum over tokens -> logits [B, classes]. */
function classLogits(prefix: Tensor, classWords: Tensor): Tensor {
  const unit = (x: Tensor) => tf.div(x, tf.add(tf.sqrt(tf.sum(tf.square(x), -1, true)), 1e-6));
  const [batch, tokens, width] = prefix.shape as [number, number, number];
  const cosine = tf.reshape(
    tf.matMul(tf.reshape(unit(prefix), [-1, width]) as tf.Tensor2D, unit(classWords) as tf.Tensor2D, false, true),
    [batch, tokens, -1],
  );
  const pooled = tf.div(tf.log(tf.mean(tf.exp(tf.mul(cosine, sharpness)), 1)), sharpness);
  return tf.add(tf.mul(pooled, sharpness), offset);
}

/** One encoder step of the sound alignment: mean binary cross-entropy over classes. `classWords` [classes][width]. */
export function alignClassesProgram(
  { model, optimiser }: Setting,
  shape: BatchShape,
  classWords: Float32Array[],
): Program {
  const specs = model.trainable.encoder;
  const frozen = Object.keys(model.frozen).filter((name) => model.frozen[name]!.part !== 'backbone');
  return {
    inputs: {
      features: { shape: [shape.batch, shape.rows, shape.width], dtype: 'float32' },
      targets: { shape: [shape.batch, classWords.length], dtype: 'float32' },
      ...updateInputs(['encoder']),
    },
    reads: [
      'encoder/theta',
      ...slotsOf(optimiser).map(({ name }) => `encoder/${name}`),
      ...frozen.map((name) => `frozen/${name}`),
    ],
    run(inputs, state) {
      const words = tf.stack(classWords.map((word) => tf.tensor1d(word)));
      const targets = need(inputs, 'targets');
      const given = {
        frozen: Object.fromEntries(frozen.map((name) => [name, need(state, `frozen/${name}`)])),
        features: need(inputs, 'features'),
      };
      const { value, grads } = tf.valueAndGrads((...encoder: Tensor[]) => {
        const logits = classLogits(model.prefix({ encoder, ...given }), words);
        // softplus(x) - x t = -[t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))]
        return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, targets))) as tf.Scalar;
      })(splitVector(need(state, 'encoder/theta'), specs));
      const { gradient, norm } = clipByNorm(joinVector(grads), 1);
      return {
        outputs: { numbers: tf.stack([value, tf.reshape(norm, [])]) },
        state: updateModule({ model, optimiser }, 'encoder', gradient, updateScalars(inputs, 'encoder'), state),
      };
    },
  };
}

/** 0/1 targets [B * classes] of sounds. */
export function classTargets(items: readonly AlignmentItem[], classes: readonly string[]): Float32Array {
  return Float32Array.from(
    items.flatMap((item) => classes.map((name) => (item.kind === 'classes' && item.classes.includes(name) ? 1 : 0))),
  );
}

/**
 * Runs the phase with program `align` of the session: linear warm-up over a tenth, then half a cosine to zero. Yields
 * the loss of each step.
 */
export async function* align(
  session: Session,
  spec: AlignSpec,
  seed: number,
  count: number,
  batchOf: (indices: number[]) => Record<string, Float32Array | Int32Array>,
  batch: number,
  options: { beta1: number; beta2: number },
): AsyncGenerator<number> {
  const indices = batchIndices(count, batch, seed, 'align');
  const warm = Math.max(1, Math.round(spec.steps / 10));
  for (let step = 1; step <= spec.steps; step++) {
    const shape =
      Math.min(1, step / warm) *
      0.5 *
      (1 + Math.cos((Math.PI * Math.max(0, step - warm)) / Math.max(1, spec.steps - warm + 1)));
    const { numbers } = await session.run('align', {
      ...batchOf(indices(step)),
      ...packUpdate({ encoder: updateValues(options, step, spec.learningRate * shape) }),
    });
    const loss = numbers![0]!;
    if (!Number.isFinite(loss)) throw new Error(`the alignment phase diverged at step ${step}: loss ${loss}`);
    yield loss;
  }
}
