/**
 * The few composite operations that models share, with gradients of their own where TensorFlow.js's would be slow or
 * missing on a backend, or in fused kernels (kernels.ts). Shapes: batch B, sequence S, width D, vocabulary V.
 */
import {
  fusedAttention,
  fusedGelu,
  fusedGeluTanh,
  fusedLayerNorm,
  fusedLogSoftmax,
  fusedRmsNorm,
  fusedRotary,
  fusedSilu,
  fusedSwiglu,
} from './fusedOps';
import { areFused } from './kernels';
import { inFloat32 } from './products';
import { tf, type Tensor } from './tf';

/** x [..., in] times W^T with W [out, in] (PyTorch's layout) -> [..., out]; bias [out] is optional. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rows = tf.reshape(x, [-1, x.shape[x.rank - 1]!]) as tf.Tensor2D;
  const product = tf.matMul(rows, weight as tf.Tensor2D, false, true);
  const shifted = bias === undefined ? product : tf.add(product, bias);
  return tf.reshape(shifted, [...x.shape.slice(0, -1), weight.shape[0]!]);
}

/** x / sqrt(mean(x^2) + epsilon) over the last axis, without a gain. Zhang and Sennrich 2019, equation 4. */
export const normaliseRms = (x: Tensor, epsilon: number): Tensor => rmsWithGradient(epsilon)(x);

function rmsWithGradient(epsilon: number): (x: Tensor) => Tensor {
  return tf.customGrad((...given) => {
    const x = given[0] as Tensor;
    const save = given[1] as unknown as (tensors: Tensor[]) => void;
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    const value = tf.mul(x, scale);
    save([value, scale]);
    return {
      value,
      // dx = scale (dy - y mean(y dy))
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [y, s] = saved as [Tensor, Tensor];
        return tf.mul(tf.sub(dy, tf.mul(y, tf.mean(tf.mul(y, dy), -1, true))), s);
      },
    };
  }) as (x: Tensor) => Tensor;
}

/** RMSNorm with a gain [D]. */
export const rmsNorm = (x: Tensor, gain: Tensor, epsilon: number): Tensor =>
  areFused() ? fusedRmsNorm(x, gain, epsilon) : tf.mul(normaliseRms(x, epsilon), gain);

/** Layer normalisation over the last axis, x [..., D], gain and bias [D]. Ba, Kiros and Hinton 2016, equation 4. */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: number): Tensor {
  if (areFused()) return fusedLayerNorm(x, gain, bias, epsilon);
  const width = gain.size;
  return (
    tf.customGrad((...given) => {
      const [input, scale, shift] = given.slice(0, 3) as unknown as [Tensor, Tensor, Tensor];
      const save = given[3] as unknown as (tensors: Tensor[]) => void;
      const centred = tf.sub(input, tf.mean(input, -1, true));
      const deviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
      const y = tf.mul(centred, deviation);
      save([y, deviation, scale]);
      return {
        value: tf.add(tf.mul(y, scale), shift),
        // with u = dy gain: dx = (u - mean(u) - y mean(u y)) / deviation; both means are products with the gain
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [normed, s, g] = saved as [Tensor, Tensor, Tensor];
          const rows = (t: Tensor) => tf.reshape(t, [-1, width]) as tf.Tensor2D;
          const product = tf.mul(dy, normed);
          const weights = tf.reshape(tf.div(g, width), [width, 1]) as tf.Tensor2D;
          const mean = (t: Tensor) =>
            tf.reshape(
              inFloat32(() => tf.matMul(rows(t), weights)),
              s.shape,
            );
          const inner = tf.sub(tf.sub(tf.mul(dy, g), mean(dy)), tf.mul(normed, mean(product)));
          return [tf.mul(inner, s), tf.sum(rows(product), 0), tf.sum(rows(dy), 0)];
        },
      };
    }) as (x: Tensor, gain: Tensor, bias: Tensor) => Tensor
  )(x, gain, bias);
}

/** x sigmoid(x), Elfwing et al. 2018. */
export const silu = (x: Tensor): Tensor => (areFused() ? fusedSilu(x) : tf.mul(x, tf.sigmoid(x)));

/**
 * activation(gate) up, Shazeer 2020; `up` is asked for after the activation. SwiGLU where the activation is `silu`.
 */
export const gated = (activation: (x: Tensor) => Tensor, gate: Tensor, up: () => Tensor): Tensor =>
  areFused() && activation === silu ? fusedSwiglu(gate, up()) : tf.mul(activation(gate), up());

/** x sigmoid(1.702 x), Hendrycks and Gimpel 2016, section 2. */
export const quickGelu = (x: Tensor): Tensor =>
  areFused() ? fusedSilu(x, 1.702) : tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));

/** GELU by its tanh approximation, Hendrycks and Gimpel 2016, section 2. */
export const geluTanh = (x: Tensor): Tensor =>
  areFused()
    ? fusedGeluTanh(x)
    : tf.mul(
        tf.mul(x, 0.5),
        tf.add(tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1),
      );

/** x Phi(x): GELU with the error function, Hendrycks and Gimpel 2016; derivative Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi). */
export const gelu = (x: Tensor): Tensor => (areFused() ? fusedGelu(x) : geluWithGradient(x));

const geluWithGradient = (input: Tensor): Tensor =>
  tf.customGrad((...given) => {
    const x = given[0] as Tensor;
    const save = given[1] as unknown as (tensors: Tensor[]) => void;
    const scaled = tf.mul(x, Math.SQRT1_2);
    const share = tf.mul(tf.add(tf.erf(scaled), 1), 0.5);
    save([scaled, share]);
    return {
      value: tf.mul(x, share),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [u, phi] = saved as [Tensor, Tensor];
        const density = tf.mul(tf.exp(tf.neg(tf.square(u))), 1 / Math.sqrt(Math.PI));
        return tf.mul(dy, tf.add(phi, tf.mul(u, density)));
      },
    };
  })(input);

/** Additive mask [S, S]: 0 where a position may look (itself and before), -1e9 elsewhere. */
export function causalMask(length: number): Tensor {
  const values = new Float32Array(length * length);
  for (let row = 0; row < length; row++) values.fill(-1e9, row * length + row + 1, (row + 1) * length);
  return tf.tensor2d(values, [length, length]);
}

/**
 * softmax(q k^T / sqrt(d) + mask) v. q [B, H, S, d], k and v [B, H, T, d], mask broadcastable to [B, H, S, T].
 * Vaswani et al. 2017, equation 1.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor {
  const places = fusedMask(q, k, mask);
  if (places !== null) return fusedAttention(q, k, v, places);
  const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(q.shape[3]!)), k, false, true);
  return tf.matMul(tf.softmax(mask === undefined ? scores : tf.add(scores, mask)), v);
}

/**
 * Attention whose G heads of keys and values each serve H / G neighbouring heads of queries (Ainslie et al. 2023).
 * q [B, H, S, d], k and v [B, G, S, d]: the queries of a group stand below each other, so nothing is copied.
 */
export function groupedAttention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor): Tensor {
  const [batch, heads, length, size] = q.shape as [number, number, number, number];
  const groups = k.shape[1]!;
  if (groups === heads) return attention(q, k, v, mask);
  const places = fusedMask(q, k, mask);
  if (places !== null) return fusedAttention(q, k, v, places);
  const rows = (heads / groups) * length;
  const scores = tf.matMul(tf.reshape(tf.mul(q, 1 / Math.sqrt(size)), [batch, groups, rows, size]), k, false, true);
  const weights = tf.softmax(tf.add(tf.reshape(scores, [batch, heads, length, length]), mask));
  return tf.reshape(tf.matMul(tf.reshape(weights, [batch, groups, rows, length]), v), [batch, heads, length, size]);
}

/**
 * The mask of an attention for the fused kernel, [1 or B, S or 1, T]; null where plain operations are asked for, or where
 * heads have masks of their own.
 */
function fusedMask(q: Tensor, k: Tensor, mask: Tensor | undefined): Tensor | null {
  if (!areFused()) return null;
  if (mask === undefined) return tf.zeros([1, 1, k.shape[2]!]);
  const [batch, heads, from, to] = [1, 1, 1, 1, ...mask.shape].slice(-4) as [number, number, number, number];
  const fits = heads === 1 && (batch === 1 || batch === q.shape[0]) && from === q.shape[2] && to === k.shape[2];
  return fits ? tf.reshape(mask, [batch, from, to]) : null;
}

/**
 * Rotary positions: x [B, H, S, d] with its halves swapped, times the signed sine, plus x times the cosine. Tables that
 * broadcast to x.
 */
export function rotary(x: Tensor, cosine: Tensor, sine: Tensor): Tensor {
  if (areFused() && cosine.rank === 2) return fusedRotary(x, cosine, sine);
  const [first, second] = tf.split(x, 2, 3) as [Tensor, Tensor];
  return tf.add(tf.mul(x, cosine), tf.mul(tf.concat([second, first], 3), sine));
}

/** [B, S, heads * d] -> [B, heads, S, d]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** The inverse of `splitHeads`. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, length, size] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/**
 * int32 ids [n] -> float32 [n, depth]. The cast is apart because the wasm kernel writes integers whatever type is asked
 * for.
 */
export const oneHot = (ids: Tensor, depth: number): Tensor => tf.cast(tf.oneHot(ids as tf.Tensor1D, depth), 'float32');

/**
 * Rows of x [rows, D] at integer positions [n] -> [n, D]. On WebGPU the gradient is a one-hot product, because sums by
 * position add up there in an order that changes from call to call.
 */
export function pickRows(x: Tensor, positions: Tensor): Tensor {
  const rows = x.shape[0]!;
  return (
    tf.customGrad((...given) => {
      const table = given[0] as Tensor;
      const save = given[1] as unknown as (tensors: Tensor[]) => void;
      save([positions]);
      return {
        value: tf.gather(table, positions as tf.Tensor1D),
        gradFunc: (dy: Tensor, saved: Tensor[]) =>
          tf.getBackend() === 'webgpu'
            ? tf.matMul(oneHot(saved[0]!, rows) as tf.Tensor2D, dy as tf.Tensor2D, true, false)
            : tf.unsortedSegmentSum(dy, saved[0] as tf.Tensor1D, rows),
      };
    }) as (x: Tensor) => Tensor
  )(x);
}

/** log softmax over the last axis, with the gradient dx = dy - softmax * sum(dy). */
export function logSoftmax(logits: Tensor): Tensor {
  if (areFused()) return fusedLogSoftmax(logits);
  return (
    tf.customGrad((...given) => {
      const x = given[0] as Tensor;
      const save = given[1] as unknown as (tensors: Tensor[]) => void;
      const shifted = tf.sub(x, tf.max(x, -1, true));
      const weights = tf.exp(shifted);
      const total = tf.sum(weights, -1, true);
      save([weights, total]);
      return {
        value: tf.sub(shifted, tf.log(total)),
        gradFunc: (dy: Tensor, saved: Tensor[]) =>
          tf.sub(dy, tf.mul(saved[0]!, tf.div(tf.sum(dy, -1, true), saved[1]!))),
      };
    }) as (x: Tensor) => Tensor
  )(logits);
}

/** sum(values * mask) / sum(mask): a mean over label tokens. */
export const maskedMean = (values: Tensor, mask: Tensor): Tensor => tf.div(tf.sum(tf.mul(values, mask)), tf.sum(mask));

/**
 * KL(p || q) in nats for each row of two log-probability tables [n, V] -> [n]; logQ is a constant to the gradient.
 * With d = log p - log q it is sum p (d + exp(-d) - 1): equal to sum p d, because both tables sum to 1, but no term is
 * negative, so that errors of rounding neither cancel nor outweigh a divergence near zero. Its gradient is p d.
 */
export function divergence(logP: Tensor, logQ: Tensor): Tensor {
  return (
    tf.customGrad((...given) => {
      const save = given[1] as unknown as (tensors: Tensor[]) => void;
      const p = tf.exp(given[0] as Tensor);
      const d = tf.sub(given[0] as Tensor, logQ);
      save([p, d]);
      return {
        value: tf.sum(tf.mul(p, tf.add(d, tf.expm1(tf.neg(d)))), -1),
        gradFunc: (dy: Tensor, saved: Tensor[]) =>
          tf.mul(tf.reshape(dy, [...dy.shape, 1]), tf.mul(saved[0]!, saved[1]!)),
      };
    }) as (x: Tensor) => Tensor
  )(logP);
}

/** Euclidean norm of all values of x, a scalar without a gradient; on TensorFlow in one pass over memory. */
export function norm(x: Tensor): Tensor {
  if (tf.getBackend() !== 'tensorflow') return tf.sqrt(tf.sum(tf.square(x)));
  return tf.sqrt(tf.mul(tf.engine().runKernel('L2Loss', { x }) as Tensor, 2));
}

/**
 * <a, b> of two vectors of one length, a scalar; on TensorFlow as a matrix product, in one pass over memory when b is a
 * row too.
 */
export function innerProduct(a: Tensor, b: Tensor): Tensor {
  if (tf.getBackend() !== 'tensorflow') return tf.sum(tf.mul(a, b));
  return tf.reshape(
    tf.matMul(tf.reshape(a, [1, -1]) as tf.Tensor2D, tf.reshape(b, [1, -1]) as tf.Tensor2D, false, true),
    [],
  );
}
