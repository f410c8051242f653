/**
 * Kernels of the tensorflow backend that tfjs-node has in a slow form or not at all.
 * - GatherV2: tfjs-node reads the indices back to check their bounds, which stalls every step and cannot be recorded.
 * This
 *   one leaves the check to TensorFlow (on the CPU an index out of range is an error; on a GPU its row is zero).
 * - BatchMatMul of two matrices: TensorFlow's MatMul, which oneDNN does faster than its product of batches, and with an
 *   added bias in one go.
 * - L2Loss: half the sum of squares of all values in one pass over them, where Square and Sum need three.
 */
import * as tf from '@tensorflow/tfjs-core';

interface Attribute {
  name: string;
  type: number;
  value: number | boolean;
}
interface Backend {
  binding: { TF_ATTR_BOOL: number; TF_ATTR_INT: number; TF_ATTR_TYPE: number; TF_FLOAT: number; TF_INT32: number };
  executeSingleOutput(op: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.TensorInfo;
}

/** Registers the kernels above for backend `tensorflow`. Call once, after the package's own are registered. */
export function registerTensorflowKernels(): void {
  const productOfBatches = tf.getKernel('BatchMatMul', 'tensorflow').kernelFunc;
  for (const name of ['GatherV2', 'BatchMatMul']) tf.unregisterKernel(name, 'tensorflow');
  register('GatherV2', gather);
  register('BatchMatMul', product(productOfBatches));
  register('L2Loss', halfSumOfSquares);
}

const register = (kernelName: string, kernelFunc: tf.KernelFunc): void =>
  tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });

const gather: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { binding, executeSingleOutput } = backend as unknown as Backend;
  const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
  const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
  const type = (dtype: string) => (dtype === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT);
  const axisTensor = tf.scalar(axis, 'int32');
  const rows = executeSingleOutput.call(
    backend,
    'GatherV2',
    [
      { name: 'batch_dims', type: binding.TF_ATTR_INT, value: batchDims },
      { name: 'Tparams', type: binding.TF_ATTR_TYPE, value: type(x.dtype) },
      { name: 'Tindices', type: binding.TF_ATTR_TYPE, value: type(indices.dtype) },
      { name: 'Taxis', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
    ],
    [x, indices, axisTensor],
  );
  axisTensor.dispose();
  return rows;
};

/** @param productOfBatches the package's own, for what is not two matrices */
const product =
  (productOfBatches: tf.KernelFunc): tf.KernelFunc =>
  (parameters) => {
    const { binding, executeSingleOutput } = parameters.backend as unknown as Backend;
    const { a, b } = parameters.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const { transposeA, transposeB } = parameters.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    if (a.shape.length !== 2 || b.shape.length !== 2 || a.dtype !== 'float32' || b.dtype !== 'float32')
      return productOfBatches(parameters);
    return executeSingleOutput.call(
      parameters.backend,
      'MatMul',
      [
        { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: transposeA },
        { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: transposeB },
        { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
      ],
      [a, b],
    );
  };

const halfSumOfSquares: tf.KernelFunc = ({ inputs, backend }) => {
  const { binding, executeSingleOutput } = backend as unknown as Backend;
  return executeSingleOutput.call(
    backend,
    'L2Loss',
    [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }],
    [inputs['x'] as tf.TensorInfo],
  );
};
