/** `npm run bench -- large`: training steps at the paper's sizes beside PyTorch + PEFT. */
import { type Command, InvalidArgumentError } from 'commander';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeWhole } from '../../src/files';
import { endEnginesWithThisProcess } from '../engineProcess';
import { replaceBetween } from '../markdown';
import { machineClass, thisMachine } from '../record';
import { largeCases } from './cases';
import { checkpointBytes, writeCheckpoint } from './checkpoint';
import { measureCase, prepareFiles, type LargeEffort } from './measure';
import { filesOf } from './model';
import { merged, type LargeCaseResult, type LargeRecord } from './record';
import type { LargeSizeName } from './sizes';
import { largeMarkers, renderLarge } from './table';

/** How the names of these records end. */
export const largeEnd = '.large.json';

const sizes = [...new Set(largeCases.map(({ size }) => size))];

/** `135m,1.1b`: sizes to measure. Throws InvalidArgumentError for another. */
export function sizesOf(text: string): LargeSizeName[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(sizes as string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is no size; there are ${sizes.join(', ')}.`);
  return sizes.filter((size) => names.includes(size));
}

interface LargeOptions {
  sizes: LargeSizeName[];
  folder?: string;
  keep?: boolean;
  quick?: boolean;
  write?: boolean;
  record?: string;
  threads: number;
}

/** Where records go, and the document that shows them. */
export interface Places {
  results: string;
  document: string;
  /** every record of this kind in `results` */
  all(): LargeRecord[];
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Folders of checkpoints that are there when they are asked for, and gone when this process ends, unless they are kept. */
function checkpoints(folder: string | undefined, keep: boolean): (size: LargeSizeName) => string {
  const parent = folder === undefined ? mkdtempSync(join(tmpdir(), 'equipoise-bench-')) : resolve(folder);
  const made: string[] = folder === undefined && !keep ? [parent] : [];
  process.on('exit', () => made.forEach((path) => rmSync(path, { recursive: true, force: true })));
  return (size) => {
    const path = join(parent, size);
    const file = join(path, 'model.safetensors');
    // Of another length: an earlier process was ended while it wrote.
    if (existsSync(join(path, 'adapter')) && statSync(file).size > checkpointBytes(size)) return path;
    say(`${size}: writing ${(checkpointBytes(size) / 1e9).toFixed(1)} GB of random weights to ${path}`);
    if (!keep) made.push(path);
    writeCheckpoint(path, size);
    if (!keep) made.push(filesOf(path));
    return path;
  };
}

async function benchLarge(options: LargeOptions, places: Places): Promise<void> {
  if (options.write && options.quick)
    throw new InvalidArgumentError('--write records a whole measurement: it does not go with --quick.');
  const effort: LargeEffort = options.quick
    ? { rounds: 1, seconds: 0, threads: options.threads }
    : { rounds: 3, seconds: 6, threads: options.threads };
  endEnginesWithThisProcess();
  const folderOf = checkpoints(options.folder, options.keep === true);
  const cases: LargeCaseResult[] = [];
  for (const given of largeCases.filter(({ size }) => options.sizes.includes(size))) {
    const name = `${given.size} batch ${given.batch} checkpointing ${given.checkpointing}`;
    const folder = folderOf(given.size);
    await prepareFiles(given, folder, options.threads);
    cases.push(await measureCase(given, folder, effort, (line) => say(`${name}: ${line}`)));
  }
  const record: LargeRecord = {
    format: 'equipoise-bench-large/2',
    machine: thisMachine(null),
    node: process.versions.node,
    cases,
  };
  process.stdout.write(`${renderLarge(record)}\n`);
  if (options.record !== undefined) writeWhole(options.record, `${JSON.stringify(record, null, 1)}\n`);
  if (!options.write) return;
  const file = join(places.results, `${machineClass(record.machine)}${largeEnd}`);
  const older = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LargeRecord) : null;
  writeWhole(file, `${JSON.stringify(merged(older, record, largeCases), null, 1)}\n`);
  const text = places.all().map(renderLarge).join('\n\n');
  writeWhole(places.document, replaceBetween(readFileSync(places.document, 'utf8'), text, largeMarkers));
  say(`wrote ${machineClass(record.machine)}${largeEnd} and docs/performance.md`);
}

/** Adds the command; `wholeNumber` reads a number of at least one. */
export function defineLarge(command: Command, places: Places, wholeNumber: (text: string) => number): void {
  command
    .command('large')
    .description(
      "Times training steps at the paper's sizes (adapters on a Llama, 135 M to 6.7 B parameters) beside PyTorch + PEFT, and tells what they need of memory.",
    )
    .option('--sizes <names>', `of ${sizes.join(', ')}`, sizesOf, ['135m', '1.1b'] satisfies LargeSizeName[])
    .option(
      '--folder <path>',
      'where checkpoints of random weights are written, as many bytes as two for each parameter; default: a new folder for temporary files',
    )
    .option('--keep', 'leave them there; a later call with the same --folder takes them as they are')
    .option('--write', `record to bench/results, beside what is there of other sizes, and write docs/performance.md`)
    .option('--quick', 'few steps: shows that everything works, not how fast')
    .option('--record <file>', 'also write what was measured to this file, as JSON')
    .option('--threads <n>', 'threads of every engine', wholeNumber, 2)
    .addHelpText(
      'after',
      '\nPyTorch is measured where EQUIPOISE_PYTHON, or else python3, has torch, transformers and peft.',
    )
    .action((options: LargeOptions) => benchLarge(options, places));
}
