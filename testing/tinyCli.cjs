'use strict';
// The command line with workers that train the toy task, and without a network.
const path = require('node:path');
require('./typescript.cjs');
const { localWorkers } = require('../src/runner/local.ts');
void require('../src/cli/main.ts').main(process.argv, () => ({
  entry: __filename,
  start: localWorkers(path.join(__dirname, 'tinyWorker.cjs')),
  prepareData: async () => ({ problems: [], code: 0, someReady: true }),
  analyse: async () => {},
  compare: async () => {},
}));
