#!/usr/bin/env node
'use strict';
require('./typescript.cjs');
void require('../src/cli/main.ts').main(process.argv);
