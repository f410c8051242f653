'use strict';
// A runner with in-process workers over the fake trainer: as many runs as argv says, in the results folder that it names.
require('./typescript.cjs');
const { fakeRuns, inProcess, queueOptions } = require('./fakeRuns.ts');
const { runQueue } = require('../src/runner/queue.ts');
const [results, runs, workers] = process.argv.slice(2);
void runQueue(queueOptions(results, fakeRuns(Number(runs), 2), { workers: Number(workers), start: inProcess })).then(
  (endings) => {
    const counts = {};
    for (const { kind } of endings.values()) counts[kind] = (counts[kind] ?? 0) + 1;
    console.log(JSON.stringify(counts));
  },
);
