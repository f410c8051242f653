#!/usr/bin/env node
'use strict';
const path = require('node:path');
const util = require('node:util');
// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
if (!util.isNullOrUndefined) util.isNullOrUndefined = (value) => value === null || value === undefined;
require('ts-node').register({ project: path.join(__dirname, '..', 'tsconfig.json'), swc: true });
void require('../src/cli/main.ts').main(process.argv);
