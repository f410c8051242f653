'use strict';
// The command line with fake workers and without a network.
const path = require('node:path');
require('./typescript.cjs');
const { localWorkers } = require('../src/runner/local.ts');
void require('../src/cli/main.ts').main(process.argv, () => ({
  entry: __filename,
  start: localWorkers(path.join(__dirname, 'fakeWorker.cjs')),
  prepareData: async () => ({ problems: [], code: 0, someReady: true }),
  analyse: async (experiment) => console.log(`figures and tables of ${experiment}`),
  compare: async (experiment, strict) =>
    console.log(`${experiment} against the committed runs${strict ? ', strictly' : ''}`),
}));
