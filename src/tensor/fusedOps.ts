/**
 * The operations of ops.ts by fused kernels, each with its gradient; ops.ts chooses between the two and says what they
 * compute. Only for tensors of backend `tensorflow` on a processor.
 */
import { tf, type Tensor } from './tf';

type Save = (tensors: Tensor[]) => void;
type Named = Record<string, Tensor>;

const run = (kernel: string, inputs: Named, attributes: Record<string, number> = {}): Tensor =>
  tf.engine().runKernel(kernel, inputs, attributes) as Tensor;
const runMany = (kernel: string, inputs: Named, attributes: Record<string, number> = {}): Tensor[] =>
  tf.engine().runKernel(kernel, inputs, attributes) as Tensor[];

/**
 * An operation with the gradient that is given. `forward` returns the value and what the gradient needs to have kept;
 * `backward` gives one gradient for each input.
 */
function differentiable(
  forward: (inputs: Tensor[]) => { value: Tensor; kept: Tensor[] },
  backward: (dy: Tensor, kept: Tensor[]) => Tensor[],
): (...inputs: Tensor[]) => Tensor {
  return tf.customGrad((...given) => {
    const inputs = given.slice(0, -1) as Tensor[];
    const save = given.at(-1) as unknown as Save;
    const { value, kept } = forward(inputs);
    save(kept);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => backward(dy, saved) };
  }) as (...inputs: Tensor[]) => Tensor;
}

const elementwise = (name: string, attributes: Record<string, number> = {}): ((x: Tensor) => Tensor) =>
  differentiable(
    ([x]) => ({ value: run(`Equipoise${name}`, { x: x! }, attributes), kept: [x!] }),
    (dy, [x]) => [run(`Equipoise${name}Gradient`, { x: x!, dy }, attributes)],
  );

/** x sigmoid(scale x). */
export const fusedSilu = (x: Tensor, scale = 1): Tensor => elementwise('Silu', { scale })(x);
/** GELU with the error function. */
export const fusedGelu = (x: Tensor): Tensor => elementwise('Gelu')(x);
/** GELU by its tanh approximation. */
export const fusedGeluTanh = (x: Tensor): Tensor => elementwise('GeluTanh')(x);

/** silu(gate) up. */
export const fusedSwiglu = (gate: Tensor, up: Tensor): Tensor =>
  differentiable(
    ([g, u]) => ({ value: run('EquipoiseSwiglu', { gate: g!, up: u! }), kept: [g!, u!] }),
    (dy, [g, u]) => runMany('EquipoiseSwigluGradient', { gate: g!, up: u!, dy }),
  )(gate, up);

/** RMSNorm with a gain [D]. */
export const fusedRmsNorm = (x: Tensor, gain: Tensor, epsilon: number): Tensor =>
  differentiable(
    ([input, g]) => {
      const [value, scale] = runMany('EquipoiseRmsNorm', { x: input!, gain: g! }, { epsilon });
      return { value: value!, kept: [input!, g!, scale!] };
    },
    (dy, [input, g, scale]) => [
      run('EquipoiseRmsNormGradient', { x: input!, gain: g!, scale: scale!, dy }),
      run('EquipoiseRmsNormGain', { x: input!, scale: scale!, dy }),
    ],
  )(x, gain);

/** Layer normalisation with gain and bias [D]. */
export const fusedLayerNorm = (x: Tensor, gain: Tensor, bias: Tensor, epsilon: number): Tensor =>
  differentiable(
    ([input, g, b]) => {
      const [value, stats] = runMany('EquipoiseLayerNorm', { x: input!, gain: g!, bias: b! }, { epsilon });
      return { value: value!, kept: [input!, g!, stats!] };
    },
    (dy, [input, g, stats]) => [
      run('EquipoiseLayerNormGradient', { x: input!, gain: g!, stats: stats!, dy }),
      ...runMany('EquipoiseLayerNormGain', { x: input!, stats: stats!, dy }),
    ],
  )(x, gain, bias);

/** log softmax over the last axis. */
export const fusedLogSoftmax = (x: Tensor): Tensor =>
  differentiable(
    ([given]) => {
      const value = run('EquipoiseLogSoftmax', { x: given! });
      return { value, kept: [value] };
    },
    (dy, [y]) => [run('EquipoiseLogSoftmaxGradient', { y: y!, dy })],
  )(x);

/** The places of `labels` [n], int32, in log-probabilities [n, V] -> [n], without a gradient; 0 where there is none. */
export const fusedLabelled = (logP: Tensor, labels: Tensor): Tensor => run('EquipoiseLabelled', { y: logP, labels });

/** The same of logP = log softmax(logits), with the gradient for the logits: 1 at the label, less the softmax. */
export const fusedLabelledSoftmax = (logits: Tensor, logP: Tensor, labels: Tensor): Tensor =>
  differentiable(
    () => ({ value: fusedLabelled(logP, labels), kept: [logP, labels] }),
    (dy, [y, l]) => [run('EquipoiseLabelledGradient', { y: y!, labels: l!, dy })],
  )(logits);

/**
 * softmax(scale q k^T + mask) v, block by block: q [B, H, S, d], k and v [B, G, T, d], each of the G for H / G
 * neighbouring heads; mask [1 or B, S or 1, T]. Kept are the result and two numbers a query.
 */
export const fusedAttention = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor): Tensor => {
  const scale = 1 / Math.sqrt(q.shape[3]!);
  return differentiable(
    (inputs) => {
      const [queries, keys, values] = inputs as [Tensor, Tensor, Tensor];
      const given = { q: queries, k: keys, v: values, mask };
      const [value, stats] = runMany('EquipoiseAttention', given, { scale }) as [Tensor, Tensor];
      return { value, kept: [queries, keys, values, mask, value, stats] };
    },
    (dy, kept) => {
      const [queries, keys, values, hidden, o, stats] = kept as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const given = { q: queries, k: keys, v: values, mask: hidden, o, stats, dy };
      return runMany('EquipoiseAttentionGradient', given, { scale });
    },
  )(q, k, v);
};

/** Rotary positions: x [B, H, S, d], tables [S, d]. */
export const fusedRotary = (x: Tensor, cosine: Tensor, sine: Tensor): Tensor =>
  differentiable(
    ([given]) => ({ value: run('EquipoiseRotary', { x: given!, cosine, sine }), kept: [cosine, sine] }),
    (dy, [c, s]) => [run('EquipoiseRotaryGradient', { dy, cosine: c!, sine: s! })],
  )(x);
