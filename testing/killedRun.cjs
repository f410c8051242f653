'use strict';
require('./typescript.cjs');
require('./killedRun.ts');
