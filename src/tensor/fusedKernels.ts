/** The fused kernels of link/kernels/kernels.cc as kernels of TensorFlow.js's backend `tensorflow`, by the same names. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedKernels, type FusedKernel } from './fusedShapes';

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

let registered = false;

/** Loads the library and registers its kernels, once in a process. Throws the dynamic linker's error. */
export function registerFusedKernels(file: string): void {
  if (registered) return;
  process.dlopen({ exports: {} }, file);
  for (const [kernelName, kernel] of Object.entries(fusedKernels))
    tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc: kernelOf(kernelName, kernel) });
  registered = true;
}

const kernelOf =
  (name: string, { inputs: names, outputs, number }: FusedKernel): tf.KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const { binding, executeSingleOutput, executeMultipleOutputs } = backend as unknown as Backend;
    const values = attrs as unknown as Record<string, number>;
    const attributes =
      number === undefined ? [] : [{ name: number, type: binding.TF_ATTR_FLOAT, value: values[number]! }];
    const given = names.map((input) => (inputs as Record<string, tf.TensorInfo>)[input]!);
    const { length: count } = outputs(given.map(({ shape }) => shape));
    return count === 1
      ? executeSingleOutput.call(backend, name, attributes, given)
      : executeMultipleOutputs.call(backend, name, attributes, given, count);
  };
