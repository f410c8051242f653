'use strict';
// Starts bench/large/worker.ts in TypeScript, as bin/equipoise.cjs starts the command line.
const path = require('node:path');
require('ts-node').register({ project: path.join(__dirname, '..', '..', 'tsconfig.json'), swc: true });
require('./worker.ts');
