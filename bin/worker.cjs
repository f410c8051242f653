'use strict';
// A worker process of the runner; started by it, not by hand.
const path = require('node:path');
const util = require('node:util');
// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
if (!util.isNullOrUndefined) util.isNullOrUndefined = (value) => value === null || value === undefined;
require('ts-node').register({ project: path.join(__dirname, '..', 'tsconfig.json'), swc: true });
require('../src/runner/serve.ts').serve(require('../src/runner/rooms.ts').rooms);
