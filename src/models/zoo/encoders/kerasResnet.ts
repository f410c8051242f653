/**
 * Weights of a ResNet in Keras's names (`conv1`, `bn_conv1`, `res2a_branch2a`, `bn2a_branch2a`, ...) as those of
 * `parts/resnet.ts`.
 */
import { userError } from '../../../problems';
import { resNetConvolutions, type ResNetOptions } from '../../parts/resnet';
import type { WeightTensor } from '../../weights/weight';
import type { TfjsLayers } from '../../weights/tfjsLayers';

const branches: Readonly<Record<string, string>> = { reduce: '2a', spatial: '2b', expand: '2c', shortcut: '1' };

/** Keras's names of a convolution and of its normalisation. */
function kerasNames(name: string): { convolution: string; normalisation: string } {
  if (name === 'stem') return { convolution: 'conv1', normalisation: 'bn_conv1' };
  const [stage, block, branch] = name.split('.') as [string, string, string];
  const layer = `${Number(stage) + 2}${String.fromCharCode(97 + Number(block))}_branch${branches[branch]!}`;
  return { convolution: `res${layer}`, normalisation: `bn${layer}` };
}

/**
 * All parameters of a ResNet out of a layers model. The weights saw blue, green, red; the stem's kernel is turned
 * round, for red, green, blue. Throws UserError when a weight is missing, has another shape, or a normalisation another
 * epsilon than the options say.
 */
export function kerasResNet(
  model: TfjsLayers,
  options: ResNetOptions,
  where = 'ResNet weights',
): Record<string, WeightTensor> {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  const tensor = (name: string, shape: readonly number[]): WeightTensor => {
    const found = Object.hasOwn(model.tensors, name) ? model.tensors[name] : undefined;
    if (found === undefined) throw bad(`no weight ${name}`, 'the weights of a Keras ResNet');
    if (found.shape.length !== shape.length || !shape.every((side, i) => side === found.shape[i]))
      throw bad(`${name} has the shape [${found.shape}]`, `[${shape}]`);
    return found;
  };
  const weights: Record<string, WeightTensor> = {};
  for (const { name, size, inputs, outputs } of resNetConvolutions(options)) {
    const { convolution, normalisation } = kerasNames(name);
    const kernel = tensor(`${convolution}/kernel`, [size, size, inputs, outputs]);
    const epsilon = model.layers.get(normalisation)?.['epsilon'];
    if (epsilon !== options.epsilon)
      throw bad(`the epsilon of ${normalisation} is ${String(epsilon)}`, String(options.epsilon));
    const variance = tensor(`${normalisation}/moving_variance`, [outputs]);
    if (variance.data.some((value) => value < 0)) throw bad(`${normalisation} has a negative variance`, 'variances');
    Object.assign(weights, {
      [name]: name === 'stem' ? reversedInputs(kernel) : kernel,
      [`${name}.bias`]: tensor(`${convolution}/bias`, [outputs]),
      [`${name}.norm`]: tensor(`${normalisation}/gamma`, [outputs]),
      [`${name}.norm.bias`]: tensor(`${normalisation}/beta`, [outputs]),
      [`${name}.norm.mean`]: tensor(`${normalisation}/moving_mean`, [outputs]),
      [`${name}.norm.variance`]: variance,
    });
  }
  return weights;
}

/** The kernel [height, width, in, out] with its input channels in reverse order. */
function reversedInputs({ shape, data }: WeightTensor): WeightTensor {
  const [, , inputs, outputs] = shape as [number, number, number, number];
  const turned = data.map((_, i) => {
    const channel = Math.floor(i / outputs) % inputs;
    return data[i + (inputs - 1 - 2 * channel) * outputs]!;
  });
  return { shape, data: turned };
}
