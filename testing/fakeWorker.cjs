'use strict';
require('./typescript.cjs');
require('../src/runner/serve.ts').serve(require('./fakeTrainer.ts').fakeRooms);
