/** The fused kernels of link/kernels/kernels.cc as kernels of TensorFlow.js's backend `tensorflow`, by the same names. */
import * as tf from '@tensorflow/tfjs-core';

interface Attribute {
  name: string;
  type: number;
  value: number;
}
interface Backend {
  binding: { TF_ATTR_FLOAT: number };
  executeSingleOutput(op: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.TensorInfo;
  executeMultipleOutputs(
    op: string,
    attributes: Attribute[],
    inputs: tf.TensorInfo[],
    outputs: number,
  ): tf.TensorInfo[];
}

/** Inputs in their order, number of outputs, and the name of the one number that a node gives with it. */
interface Signature {
  inputs: readonly string[];
  outputs: number;
  number?: string;
}

const signatures: Readonly<Record<string, Signature>> = {
  EquipoiseSilu: { inputs: ['x'], outputs: 1, number: 'scale' },
  EquipoiseSiluGradient: { inputs: ['x', 'dy'], outputs: 1, number: 'scale' },
  EquipoiseGelu: { inputs: ['x'], outputs: 1 },
  EquipoiseGeluGradient: { inputs: ['x', 'dy'], outputs: 1 },
  EquipoiseGeluTanh: { inputs: ['x'], outputs: 1 },
  EquipoiseGeluTanhGradient: { inputs: ['x', 'dy'], outputs: 1 },
  EquipoiseSwiglu: { inputs: ['gate', 'up'], outputs: 1 },
  EquipoiseSwigluGradient: { inputs: ['gate', 'up', 'dy'], outputs: 2 },
  EquipoiseRmsNorm: { inputs: ['x', 'gain'], outputs: 2, number: 'epsilon' },
  EquipoiseRmsNormGradient: { inputs: ['x', 'gain', 'scale', 'dy'], outputs: 1 },
  EquipoiseRmsNormGain: { inputs: ['x', 'scale', 'dy'], outputs: 1 },
  EquipoiseLayerNorm: { inputs: ['x', 'gain', 'bias'], outputs: 2, number: 'epsilon' },
  EquipoiseLayerNormGradient: { inputs: ['x', 'gain', 'stats', 'dy'], outputs: 1 },
  EquipoiseLayerNormGain: { inputs: ['x', 'stats', 'dy'], outputs: 2 },
  EquipoiseLogSoftmax: { inputs: ['x'], outputs: 1 },
  EquipoiseLogSoftmaxGradient: { inputs: ['y', 'dy'], outputs: 1 },
  EquipoiseLabelled: { inputs: ['y', 'labels'], outputs: 1 },
  EquipoiseLabelledGradient: { inputs: ['y', 'labels', 'dy'], outputs: 1 },
  EquipoiseAttention: { inputs: ['q', 'k', 'v', 'mask'], outputs: 2, number: 'scale' },
  EquipoiseAttentionGradient: { inputs: ['q', 'k', 'v', 'mask', 'o', 'stats', 'dy'], outputs: 3, number: 'scale' },
  EquipoiseRotary: { inputs: ['x', 'cosine', 'sine'], outputs: 1 },
  EquipoiseRotaryGradient: { inputs: ['dy', 'cosine', 'sine'], outputs: 1 },
};

let registered = false;

/** Loads the library and registers its kernels, once in a process. Throws the dynamic linker's error. */
export function registerFusedKernels(file: string): void {
  if (registered) return;
  process.dlopen({ exports: {} }, file);
  for (const [kernelName, signature] of Object.entries(signatures))
    tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc: kernelOf(kernelName, signature) });
  registered = true;
}

const kernelOf =
  (name: string, { inputs: names, outputs, number }: Signature): tf.KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const { binding, executeSingleOutput, executeMultipleOutputs } = backend as unknown as Backend;
    const values = attrs as unknown as Record<string, number>;
    const attributes =
      number === undefined ? [] : [{ name: number, type: binding.TF_ATTR_FLOAT, value: values[number]! }];
    const given = names.map((input) => (inputs as Record<string, tf.TensorInfo>)[input]!);
    return outputs === 1
      ? executeSingleOutput.call(backend, name, attributes, given)
      : executeMultipleOutputs.call(backend, name, attributes, given, outputs);
  };
