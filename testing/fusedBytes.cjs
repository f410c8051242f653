'use strict';
// In a process of its own, since threads and instruction set are chosen once:
//   node fusedBytes.cjs ADDON KERNELS   prints the sha256 of what every fused kernel gives for a few hundred rows.
const { createHash } = require('node:crypto');

const [addon, kernels] = process.argv.slice(2);
const binding = require(addon);
process.dlopen({ exports: {} }, kernels);

const [batch, places, width] = [3, 70, 333];
const rows = batch * places;
let seed = 0;
const tensor = (...shape) => {
  seed += 1;
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i++) values[i] = ((i * 7919 + seed * 104729) % 1009) / 168 - 3;
  return binding.createTensor(shape, binding.TF_FLOAT, values);
};
const number = (name, value) => ({ name, type: binding.TF_ATTR_FLOAT, value });

const hash = createHash('sha256');
const found = {};
function run(op, outputs, inputs, attributes = []) {
  const results = binding.executeOp(op, attributes, inputs, outputs);
  const own = createHash('sha256');
  for (const { id } of results) own.update(new Uint8Array(binding.tensorDataSync(id).slice().buffer));
  found[op] = own.digest('hex');
  hash.update(found[op]);
  return results.map(({ id }) => id);
}

const x = tensor(rows, width),
  up = tensor(rows, width),
  dy = tensor(rows, width);
const gain = tensor(width),
  bias = tensor(width);
for (const op of ['Gelu', 'GeluTanh']) {
  run(`Equipoise${op}`, 1, [x]);
  run(`Equipoise${op}Gradient`, 1, [x, dy]);
}
run('EquipoiseSilu', 1, [x], [number('scale', 1.702)]);
run('EquipoiseSiluGradient', 1, [x, dy], [number('scale', 1.702)]);
run('EquipoiseSwiglu', 1, [x, up]);
run('EquipoiseSwigluGradient', 2, [x, up, dy]);
const [, scale] = run('EquipoiseRmsNorm', 2, [x, gain], [number('epsilon', 1e-5)]);
run('EquipoiseRmsNormGradient', 1, [x, gain, scale, dy]);
run('EquipoiseRmsNormGain', 1, [x, scale, dy]);
const [, stats] = run('EquipoiseLayerNorm', 2, [x, gain, bias], [number('epsilon', 1e-5)]);
run('EquipoiseLayerNormGradient', 1, [x, gain, stats, dy]);
run('EquipoiseLayerNormGain', 2, [x, stats, dy]);
const [table] = run('EquipoiseLogSoftmax', 1, [x]);
run('EquipoiseLogSoftmaxGradient', 1, [table, dy]);
const labels = binding.createTensor(
  [rows],
  binding.TF_INT32,
  Int32Array.from({ length: rows }, (_, r) => r),
);
run('EquipoiseLabelled', 1, [table, labels]);
run('EquipoiseLabelledGradient', 1, [table, labels, tensor(rows)]);
// Causal, so that blocks are left out, with queries of the last block and widths that no register divides.
const causal = Float32Array.from({ length: places * places }, (_, i) => (i % places > i / places ? -1e9 : 0));
for (const [count, size, mask] of [
  [places, 37, binding.createTensor([1, places, places], binding.TF_FLOAT, causal)],
  [100, 16, tensor(batch, 1, 100)],
]) {
  const own = [tensor(batch, 4, count, size), tensor(batch, 2, count, size), tensor(batch, 2, count, size), mask];
  const seen = run('EquipoiseAttention', 2, own, [number('scale', 0.125)]);
  run('EquipoiseAttentionGradient', 3, [...own, ...seen, tensor(batch, 4, count, size)], [number('scale', 0.125)]);
}
const [heads, cosine, sine] = [tensor(batch, places, 34), tensor(places, 34), tensor(places, 34)];
run('EquipoiseRotary', 1, [heads, cosine, sine]);
run('EquipoiseRotaryGradient', 1, [heads, cosine, sine]);
console.log(JSON.stringify({ all: hash.digest('hex'), found }));
