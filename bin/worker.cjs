'use strict';
// A worker process of the runner; started by it, not by hand.
require('./typescript.cjs');
require('../src/runner/serve.ts').serve(require('../src/runner/rooms.ts').rooms);
