'use strict';
// Loads a module of the project: in a checkout its TypeScript, in an installed package what was built from it.
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const isCheckout = fs.existsSync(path.join(root, 'src', 'files.ts'));
if (isCheckout) require('./typescript.cjs');

/** @param {string} name path from the root without its ending, e.g. `src/cli/main` */
exports.load = (name) => require(isCheckout ? path.join(root, `${name}.ts`) : path.join(root, 'dist', `${name}.js`));
