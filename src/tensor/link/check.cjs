'use strict';
// Run in a process of its own, since a library that does not suit the machine may end the process:
//   node check.cjs ADDON_FILE [KERNELS_FILE]   with the fused kernels too; prints {"tensorflow", "gpu"} when a product, a gradient and an Adam step come out right.
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

async function check(file, kernels) {
  const tf = require('@tensorflow/tfjs');
  const binding = require(file);
  require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
  const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend');
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node-gpu'), 3);
  await tf.setBackend('tensorflow');
  const product = Array.from(
    tf
      .matMul(
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      )
      .dataSync(),
  );
  if (product.join() !== '19,22,43,50') throw new Error(`a matrix product came out as ${product}`);
  // The first step of Adam moves every weight by the learning rate against the sign of its gradient, here 2w.
  const weights = tf.variable(tf.tensor1d([1, -2, 3]));
  tf.train.adam(0.1).minimize(() => tf.sum(tf.square(weights)), false, [weights]);
  const stepped = Array.from(weights.dataSync());
  if ([0.9, -1.9, 2.9].some((value, i) => !(Math.abs(value - stepped[i]) < 1e-5)))
    throw new Error(`a step of Adam gave ${stepped}`);
  if (kernels !== undefined) checkKernels(binding, kernels);
  return { tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice() };
}

/** x sigmoid(x) at a few places, by a fused kernel. */
function checkKernels(binding, file) {
  process.dlopen({ exports: {} }, file);
  const given = Float32Array.of(-30, -1, 0, 0.5, 3);
  const x = binding.createTensor([given.length], binding.TF_FLOAT, given);
  const scale = { name: 'scale', type: binding.TF_ATTR_FLOAT, value: 1 };
  const [y] = binding.executeOp('EquipoiseSilu', [scale], [x], 1);
  const found = Array.from(binding.tensorDataSync(y.id));
  if (found.some((value, i) => !(Math.abs(value - given[i] / (1 + Math.exp(-given[i]))) < 1e-6)))
    throw new Error(`a fused SiLU gave ${found}`);
}

check(process.argv[2], process.argv[3]).then(
  (facts) => console.log(JSON.stringify(facts)),
  (error) => {
    console.error(`error: ${String(error && error.message ? error.message : error).split('\n')[0]}`);
    process.exitCode = 1;
  },
);
