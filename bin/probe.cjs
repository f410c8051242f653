'use strict';
// Starts one backend in a process of its own and prints its facts as JSON: a driver that crashes ends only this process.
//   node probe.cjs NAME
const { load } = require('./load.cjs');

async function probe(name) {
  const { useBackend } = load('src/tensor/backend');
  const tf = require('@tensorflow/tfjs-core');
  const facts = await useBackend({ name });
  const sum = await tf
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
    .data();
  if (Array.from(sum).join() !== '19,22,43,50') throw new Error(`a matrix product came out as ${sum}`);
  return facts;
}

probe(process.argv[2]).then(
  (facts) => {
    console.log(JSON.stringify(facts));
    process.exit(0); // Dawn keeps the event loop alive
  },
  (error) => {
    console.error(`error: ${String(error && error.message ? error.message : error).split('\n')[0]}`);
    process.exit(1);
  },
);
