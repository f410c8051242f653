'use strict';
// Lets `require` read the project's TypeScript, as ts-node with swc would, but quicker: it needs no TypeScript compiler, keeps
// what swc made in the cache, and loads large packages when they are first used, so that `plan` does not wait for TensorFlow.
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const util = require('node:util');

const root = path.join(__dirname, '..');
const cache = path.join(
  path.resolve(
    // an empty one is told by the command itself, and nothing is written for it into the folder one stands in
    process.env.EQUIPOISE_CACHE?.trim() ||
      path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'equipoise'),
  ),
  'code',
);
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

/** Packages whose loading does nothing that others could miss. */
const lazy = [
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-core',
  '@duckdb/node-api',
  '@huggingface/tokenizers',
  '@resvg/resvg-js',
  'csv-parse/sync',
  'tar',
  'undici',
  'yaml',
  'yauzl',
];

/** What tsconfig.json says, in swc's words. */
const options = {
  sourceMaps: 'inline',
  swcrc: false,
  module: { type: 'commonjs', strictMode: true, ignoreDynamic: true, lazy },
  jsc: {
    target: 'es2022',
    keepClassNames: true,
    parser: { syntax: 'typescript', dynamicImport: true },
    transform: { useDefineForClassFields: true },
  },
};
const version = JSON.stringify([
  JSON.parse(fs.readFileSync(path.join(root, 'node_modules/@swc/core/package.json'), 'utf8')).version,
  options,
]);

/** JavaScript of a TypeScript file, from the cache when it is whole there. */
function compiled(filename) {
  const source = fs.readFileSync(filename, 'utf8');
  const stored = path.join(cache, `${sha256(`${version}\n${filename}\n${source}`)}.js`);
  try {
    const [, hash, code] = /^\/\/ (\w+)\n([^]*)$/.exec(fs.readFileSync(stored, 'utf8'));
    if (sha256(code) === hash) return code;
  } catch {
    // not there, or not readable: made below
  }
  const { code } = require('@swc/core').transformSync(source, { ...options, filename });
  try {
    fs.mkdirSync(cache, { recursive: true });
    const temporary = `${stored}.${crypto.randomUUID()}.tmp`;
    fs.writeFileSync(temporary, `// ${sha256(code)}\n${code}`);
    fs.renameSync(temporary, stored);
  } catch {
    // a cache that cannot be written costs time and nothing else
  }
  return code;
}

// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
if (!util.isNullOrUndefined) util.isNullOrUndefined = (value) => value === null || value === undefined;
if (process.env.EQUIPOISE_DEBUG === '1') process.setSourceMapsEnabled(true);
require.extensions['.ts'] = (module, filename) => module._compile(compiled(filename), filename);
