'use strict';
// Starts the benchmark in TypeScript, as bin/equipoise.cjs starts the command line.
const path = require('node:path');
require('ts-node').register({ project: path.join(__dirname, '..', 'tsconfig.json'), swc: true });
require('./main.ts')
  .main(process.argv)
  .catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
