/**
 * tfjs-node's GatherV2 reads its indices back to check their bounds, which stalls every step and cannot be recorded.
 * This kernel leaves the check to TensorFlow (on the CPU an index out of range is an error; on a GPU its row is zero).
 */
import { tf, type Tensor } from './tf';

interface Backend {
  binding: { TF_ATTR_INT: number; TF_ATTR_TYPE: number; TF_FLOAT: number; TF_INT32: number };
  executeSingleOutput(op: string, attributes: { name: string; type: number; value: number }[], inputs: tf.TensorInfo[]): tf.TensorInfo;
}

let replaced = false;

/** Replaces the kernel of the tensorflow backend, once. */
export function replaceGatherKernel(): void {
  if (replaced) return;
  replaced = true;
  tf.unregisterKernel('GatherV2', 'tensorflow');
  tf.registerKernel({
    kernelName: 'GatherV2',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { binding, executeSingleOutput } = backend as unknown as Backend;
      const { x, indices } = inputs as { x: Tensor; indices: Tensor };
      const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
      const type = (dtype: string) => (dtype === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT);
      const axisTensor = tf.scalar(axis, 'int32');
      const rows = executeSingleOutput.call(backend, 'GatherV2', [
        { name: 'batch_dims', type: binding.TF_ATTR_INT, value: batchDims },
        { name: 'Tparams', type: binding.TF_ATTR_TYPE, value: type(x.dtype) },
        { name: 'Tindices', type: binding.TF_ATTR_TYPE, value: type(indices.dtype) },
        { name: 'Taxis', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
      ], [x, indices, axisTensor]);
      axisTensor.dispose();
      return rows;
    },
  });
}
