/** Activations by the names of Hugging Face's configurations. */
import { gelu, geluTanh, quickGelu, silu } from '../../tensor/ops';
import { tf, type Tensor } from '../../tensor/tf';
import type { Fields } from '../checkpoint/config';

export type Activation = (x: Tensor) => Tensor;

const softplus: Activation = (x) => tf.add(tf.relu(x), tf.log(tf.add(tf.exp(tf.neg(tf.abs(x))), 1)));

const activations: Readonly<Record<string, Activation>> = {
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_accurate: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_python_tanh: geluTanh,
  quick_gelu: quickGelu,
  silu,
  swish: silu,
  relu: (x) => tf.relu(x),
  relu2: (x) => tf.square(tf.relu(x)),
  leaky_relu: (x) => tf.leakyRelu(x, 0.01),
  tanh: (x) => tf.tanh(x),
  sigmoid: (x) => tf.sigmoid(x),
  mish: (x) => tf.mul(x, tf.tanh(softplus(x))),
  linear: (x) => x,
};

/** The activation that a configuration names; an unknown name is a problem of the configuration. */
export function activationOf(fields: Fields, name: string, missing: string): Activation {
  const wanted = fields.text(name, missing);
  if (Object.hasOwn(activations, wanted)) return activations[wanted]!;
  fields.bad(name, Object.keys(activations).sort().join(', '));
  return activations['linear']!;
}
