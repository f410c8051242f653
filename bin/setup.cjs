#!/usr/bin/env node
'use strict';
// Makes a fresh clone ready: installs the packages, then links TensorFlow. Needs nothing but Node, since npm runs no
// install scripts here. Says one line for each thing it does and nothing when there is nothing to do. A link that fails
// is no failure of the set-up: the wasm backend is always there.
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const root = path.join(__dirname, '..');
const modules = path.join(root, 'node_modules');
const lockfile = path.join(root, 'package-lock.json');
const cache = path.resolve(
  process.env.EQUIPOISE_CACHE ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'equipoise'),
);
const say = (line) => console.log(`setup: ${line}`);
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Writes a stamp if the folder can be written; without one the next call only looks more closely. */
function writeStamp(file, content) {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(`${file}.${process.pid}`, JSON.stringify(content));
    fs.renameSync(`${file}.${process.pid}`, file);
  } catch {
    return;
  }
}

/** Whether node_modules holds what package-lock.json says: by our stamp, else by npm's own list of what it installed. */
function isInstalled() {
  const wanted = sha256(fs.readFileSync(lockfile));
  const stamp = path.join(modules, '.equipoise-setup.json');
  if (readJson(stamp)?.lockfile === wanted) return true;
  const installed = readJson(path.join(modules, '.package-lock.json'))?.packages;
  if (!installed) return false;
  for (const [name, entry] of Object.entries(readJson(lockfile)?.packages ?? {})) {
    if (name === '' || entry.optional || entry.devOptional || entry.peer) continue;
    if (installed[name]?.version !== entry.version || !fs.existsSync(path.join(root, name))) return false;
  }
  writeStamp(stamp, { lockfile: wanted });
  return true;
}

/** Runs `work` alone among the set-ups of this clone: two `npm ci` at once would tear node_modules. */
function alone(work) {
  const lock = path.join(cache, `setup-${sha256(root).slice(0, 16)}.lock`);
  fs.mkdirSync(cache, { recursive: true });
  for (let told = false; ;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(lock)) {
      fs.rmSync(lock, { force: true });
      continue;
    }
    if (!told) say('waiting for another set-up of this folder');
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function isAbandoned(lock) {
  try {
    if (Date.now() - fs.statSync(lock).mtimeMs > 3600_000) return true;
    const pid = Number(fs.readFileSync(lock, 'utf8'));
    if (!(pid > 0)) return Date.now() - fs.statSync(lock).mtimeMs > 5000; // its writer was killed between two system calls
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function install() {
  if (isInstalled()) return true;
  say('installing the packages (npm ci)');
  const arguments_ = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = process.env.npm_execpath
    ? spawnSync(process.execPath, [process.env.npm_execpath, ...arguments_], { cwd: root, encoding: 'utf8' })
    : spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', arguments_, {
        cwd: root,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      });
  if (result.status === 0) {
    removeSourceMaps();
    writeStamp(path.join(modules, '.equipoise-setup.json'), { lockfile: sha256(fs.readFileSync(lockfile)) });
    return true;
  }
  const lines = `${result.error ? result.error.message : ''}\n${result.stderr ?? ''}`
    .split('\n')
    .filter((line) => line.replace('npm error', '').trim() !== '');
  for (const line of lines.slice(0, 5)) console.error(line); // npm gives the cause first and its help after it
  say('the packages could not be installed; mend the above, then run: npm run setup');
  return false;
}

/** Source maps, which nothing here reads, are a third of what npm installs. */
function removeSourceMaps() {
  for (const name of fs.readdirSync(modules, { recursive: true }))
    if (name.endsWith('.map')) fs.rmSync(path.join(modules, name), { force: true });
}

/** Whether some link lies in the cache, also one that another command made after a set-up had failed. */
function someLink() {
  try {
    return fs
      .readdirSync(path.join(cache, 'tensorflow'))
      .some((name) => fs.existsSync(path.join(cache, 'tensorflow', name, 'link.json')));
  } catch {
    return false;
  }
}

async function link() {
  if (process.env.EQUIPOISE_LINK === 'off') return;
  const addon = readJson(path.join(modules, '@tensorflow', 'tfjs-node-gpu', 'package.json'))?.version;
  const key = sha256(
    JSON.stringify([
      addon,
      process.platform,
      process.arch,
      process.env.EQUIPOISE_TENSORFLOW ?? '',
      fs.existsSync('/dev/nvidiactl'),
    ]),
  );
  const stampFile = path.join(cache, 'setup.json');
  const stamp = readJson(stampFile);
  if (stamp?.key === key) {
    if (typeof stamp.folder === 'string' && fs.existsSync(path.join(stamp.folder, 'link.json'))) return;
    if (stamp.folder === null && !someLink()) return say(stamp.line); // tried once on this machine: that is enough
  }
  require('ts-node').register({ project: path.join(root, 'tsconfig.json'), swc: true });
  const { linkTensorFlow } = require('../src/tensor/link/link.ts');
  const report = await linkTensorFlow({ say });
  for (const { source, problem, hint } of report.attempts) say(`${source}: ${problem}${hint ? ` (${hint})` : ''}`);
  if (report.link !== null) {
    writeStamp(stampFile, { key, folder: report.link.folder });
    if (report.made) say(`TensorFlow ${report.link.tensorflow} is linked`);
    return;
  }
  const line =
    'TensorFlow is not linked, runs use the slower backend wasm; to try again: npm run equipoise -- doctor --link';
  writeStamp(stampFile, { key, folder: null, line });
  say(line);
}

async function main() {
  const fault = require('./node.cjs').nodeFault();
  if (fault !== null) {
    say(fault);
    return 1;
  }
  if (!isInstalled() && !alone(install)) return 1;
  try {
    await link();
  } catch (error) {
    say(`TensorFlow is not linked: ${String(error?.message ?? error).split('\n')[0]}; runs use the backend wasm`);
  }
  return 0;
}

main().then((code) => {
  process.exitCode = code;
});
