/**
 * `npm run bench`: all engines in turn within one session; prints the tables, and with --write records and documents
 * them.
 */
import { Command, InvalidArgumentError } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, writeWhole } from '../src/files';
import { endEnginesWithThisProcess } from './engineProcess';
import { engines, gpuEngines, type Engine } from './engines';
import { defineLarge, largeEnd, type Places } from './large/command';
import type { LargeRecord } from './large/record';
import { measureSize, type Effort } from './measure';
import type { BenchConfigName } from './model';
import { machineClass, thisMachine, type BenchRecord, type SizeResult } from './record';
import { replaceBetween } from './markdown';
import { benchedConfigs, markers, renderRecord } from './table';

const batches = [4, 16];
const resultsFolder = join(projectRoot, 'bench', 'results');
const document = join(projectRoot, 'docs', 'performance.md');

interface Choice {
  engines: readonly Engine[];
  configs: readonly BenchConfigName[];
  batches: readonly number[];
}

/** `--only recorded,torch,small,4`: engines, configurations and batches; a sort that is not named stays whole. */
export function choose(text: string): Choice {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const named = [...engines, ...gpuEngines];
  const known = [...named.map(({ name }) => name), ...benchedConfigs, ...batches.map(String)] as string[];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown !== undefined || words.length === 0)
    throw new InvalidArgumentError(
      `${unknown === undefined ? 'nothing' : `"${unknown}"`} is no engine, configuration or batch; there are ${known.join(', ')}.`,
    );
  const some = <T>(all: readonly T[], name: (one: T) => string, usual = all) => {
    const found = all.filter((one) => words.includes(name(one)));
    return found.length > 0 ? found : usual;
  };
  return {
    engines: some(named, ({ name }) => name, engines),
    configs: some(benchedConfigs, (name) => name),
    batches: some(batches, String),
  };
}

interface BenchOptions {
  write?: boolean;
  quick?: boolean;
  only?: Choice;
  record?: string;
  threads: number;
}

async function bench(options: BenchOptions): Promise<void> {
  if (options.write && (options.quick || options.only !== undefined))
    throw new InvalidArgumentError('--write records a whole measurement: it goes with neither --quick nor --only.');
  const { engines: chosen, configs, batches: sizes } = options.only ?? { engines, configs: benchedConfigs, batches };
  const effort: Effort = options.quick
    ? { rounds: 2, seconds: 0.2, steps: 3, threads: options.threads, engineSeconds: 5 }
    : { rounds: 7, seconds: 1, steps: 12, threads: options.threads, engineSeconds: 40 };
  endEnginesWithThisProcess();
  const results: SizeResult[] = [];
  const say = (line: string) => process.stderr.write(`${line}\n`);
  for (const config of configs)
    for (const batch of sizes) results.push(await measureSize(config, batch, chosen, effort, say));
  const gpu =
    results
      .flatMap((size) => Object.values(size.engines))
      .flatMap((outcome) => (outcome.ok && outcome.device !== 'cpu' ? [outcome.device] : []))[0] ?? null;
  const record: BenchRecord = {
    format: 'equipoise-bench/1',
    date: new Date().toISOString().slice(0, 10),
    machine: thisMachine(gpu),
    node: process.versions.node,
    threads: options.threads,
    rounds: effort.rounds,
    sizes: results,
  };
  process.stdout.write(`${renderRecord(record)}\n`);
  if (options.record !== undefined) writeWhole(options.record, `${JSON.stringify(record, null, 1)}\n`);
  if (!options.write) return;
  const file = join(resultsFolder, `${machineClass(record.machine)}.json`);
  writeWhole(file, `${JSON.stringify(record, null, 1)}\n`);
  writeWhole(
    document,
    replaceBetween(readFileSync(document, 'utf8'), allRecords().map(renderRecord).join('\n\n'), markers),
  );
  say(`wrote ${machineClass(record.machine)}.json and docs/performance.md`);
}

/** The records in some of the committed files, in the order of their names. */
const recordsIn = (isOne: (name: string) => boolean): unknown[] =>
  readdirSync(resultsFolder)
    .filter((name) => name.endsWith('.json') && isOne(name))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(resultsFolder, name), 'utf8')) as unknown);

const allRecords = () => recordsIn((name) => !name.endsWith(largeEnd)) as BenchRecord[];
const largePlaces: Places = {
  results: resultsFolder,
  document,
  all: () => recordsIn((name) => name.endsWith(largeEnd)) as LargeRecord[],
};

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number of at least 1 is expected.');
  return Number(text);
}

/** Runs the command line. */
export async function main(argv: readonly string[]): Promise<void> {
  const command = new Command('bench');
  defineLarge(command, largePlaces, wholeNumber);
  await command
    .description(
      'Times training steps of every engine side by side. A benchmark, never a test: a busy machine gives useless numbers.',
    )
    .option('--write', 'record to bench/results and write the tables of docs/performance.md')
    .option('--quick', 'few steps: shows that everything works, not how fast')
    .option('--only <names>', 'engines, configurations and batches, e.g. recorded,torch,small,4', choose)
    .option('--record <file>', 'also write what was measured to this file, as JSON')
    .option('--threads <n>', 'threads of the engines that can use several', wholeNumber, 2)
    .enablePositionalOptions()
    .addHelpText('after', '\nPyTorch is measured where EQUIPOISE_PYTHON, or else python3, has torch.')
    .action(bench)
    .parseAsync(argv);
}
