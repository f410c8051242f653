#!/usr/bin/env node
'use strict';
const { load } = require('./load.cjs');
void load('src/cli/main').main(process.argv);
