'use strict';
// A worker process of the runner; started by it, not by hand.
const { load } = require('./load.cjs');
load('src/runner/serve').serve(load('src/runner/rooms').rooms);
