#!/usr/bin/env node
'use strict';
const fault = require('./node.cjs').nodeFault();
if (fault !== null) {
  process.stderr.write(`error: ${fault}\n`);
  process.exit(3);
}
const { load } = require('./load.cjs');
void load('src/cli/main').main(process.argv);
