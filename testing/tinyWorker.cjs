'use strict';
// A worker that trains the toy task with the real trainer, on the cpu backend.
require('./typescript.cjs');
require('../src/runner/serve.ts').serve(require('./tinyRuns.ts').tinyRooms);
