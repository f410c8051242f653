/**
 * `equipoise resources MODEL...`: what a training step of a published model needs, from its configuration; with
 * --measure also what it takes.
 */
import { Option } from 'commander';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { jsonLimits, readObject, type JsonObject } from '../json';
import { defaultsTaken, familyOf } from '../models/published';
import type { Family } from '../models/published/family';
import { findPublished, publishedModels } from '../models/published/catalogue';
import { checkpointings } from '../models/tuningKinds';
import { printable } from '../printable';
import { userError } from '../problems';
import { tiledFamily } from '../sources/checkpointNames';
import { kernelNames } from '../tensor/kernels';
import { precisions } from '../tensor/precision';
import { familyNeeds, predictedSeconds, type StepSize } from '../train/familyResources';
import type { Define } from './command';
import { measure, type Measurement, type PlannedStep, type ResourcesOptions } from './measuredSteps';
import { gigabytes, needsHead, needsRow } from './needsTable';
import { wholeNumber } from './options';
import { say, sayJson, sayTable } from './text';

const help = `
Models: ${Object.keys(publishedModels).join(', ')},
or the path of a config.json. Nothing is fetched and no weight is opened. With --measure a step is taken with random weights on this machine; predicted and
measured memory and time stand side by side, the time by the products and sums that the same backend reaches just before and after.

Examples:
  equipoise resources llava-1.5-7b salmonn-13b
  equipoise resources internvl2-1b --batch 4 --text 64 --json
  equipoise resources internvl2-1b --tiles 12
  equipoise resources llava-1.5-7b --checkpointing layers
  equipoise resources blip2-opt-125m --measure --threads 2`;

/** The configuration of a published model, or that in a file. Throws UserError for a name or file that is not there. */
function configOf(model: string): JsonObject {
  if (!isPath(model)) return findPublished(model).config;
  if (!existsSync(model))
    throw userError({ where: model, what: 'there is no such file', expected: 'the path of a config.json' });
  return readObject(model, jsonLimits.config);
}

const isPath = (model: string): boolean => extname(model) === '.json' || model.includes('/');

/**
 * What models are called in a table, each differently: a config.json after its folder, another file after itself, and by
 * the paths as given what would be called the same.
 */
export function rowNames(models: readonly string[]): string[] {
  const short = models.map((model) => {
    if (!isPath(model)) return model;
    return basename(model) === 'config.json' ? basename(dirname(resolve(model))) : basename(model, '.json');
  });
  return models.map((model, i) => (short.filter((name) => name === short[i]).length > 1 ? model : short[i]!));
}

/** Items of the fullest row: the tiles of an image, and the thumbnail that stands beside several. */
function itemsOfRow(name: string, family: Family, tiles: number): number {
  if (tiles === 1) return 1;
  if (family.tiles === undefined)
    throw userError({
      where: '--tiles',
      what: `${name} sees an image whole`,
      expected: `1, or a model of ${tiledFamily}`,
    });
  return tiles + (family.tiles.thumbnail ? 1 : 0);
}

/** What a configuration leaves to the defaults of its published classes, a line for each of its objects. */
function defaultLines(name: string, defaults: Readonly<Record<string, unknown>>): string[] {
  const byObject = new Map<string, string[]>();
  for (const [place, value] of Object.entries(defaults)) {
    const at = place.lastIndexOf('/');
    const object = at < 0 ? 'config.json' : place.slice(0, at);
    const said = `${place.slice(at + 1)} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    byObject.set(object, [...(byObject.get(object) ?? []), said]);
  }
  if (byObject.size === 0) return [];
  return [
    '',
    `${name} does not state these, so they are what its published classes have by default:`,
    ...[...byObject].map(([object, said]) => `  ${object}: ${said.join(', ')}`),
  ];
}

function plan(
  model: string,
  name: string,
  size: StepSize,
  { tiles, backend, precision, checkpointing, kernels }: ResourcesOptions,
): PlannedStep {
  const config = configOf(model);
  const family = familyOf(config, model);
  const items = itemsOfRow(name, family, tiles);
  const needs = familyNeeds(family, size, backend, { items, precision, checkpointing, kernels });
  return { name, family, items, defaults: defaultsTaken(config, model), needs };
}

/** Adds `resources <models...>`. */
export const define: Define = (command) => {
  command
    .option('--batch <n>', 'rows of a batch', wholeNumber(1), 1)
    .option('--text <n>', 'text tokens of a row, beside those of its image or sound', wholeNumber(2), 32)
    .option(
      '--tiles <n>',
      `tiles of an image in a row, with its thumbnail beside several (${tiledFamily})`,
      wholeNumber(1),
      1,
    )
    .option('--labels <n>', 'how many of them are answers', wholeNumber(1), 16)
    .addOption(
      new Option('--checkpointing <what>', 'what a step keeps of its forward pass (docs/manifests.md)')
        .choices(checkpointings)
        .default('none'),
    )
    .addOption(
      new Option('--backend <name>', 'which library computes')
        .choices(['tensorflow', 'wasm', 'webgpu', 'cpu'])
        .default('tensorflow'),
    )
    .addOption(
      new Option('--precision <name>', 'of frozen matrices and of the products of the training pass')
        .choices(precisions)
        .default('float32'),
    )
    .addOption(
      new Option('--kernels <which>', 'fused: kernels of this project, where TensorFlow computes on a processor')
        .choices(kernelNames)
        .default('plain'),
    )
    .option('--measure', 'take steps with random weights and set what they took beside the prediction (one model)')
    .option('--steps <n>', 'steps to measure', wholeNumber(1), 3)
    .option('--threads <n>', 'threads of the measurement; default: all processors', wholeNumber(1))
    .option(
      '--processor-time',
      'count processor time shared among the threads, not the wall clock: for a machine that has other work',
    )
    .option('--beyond-memory', 'measure although more memory is predicted than is free')
    .addOption(new Option('--here', 'measure in this process').hideHelp())
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (models: string[], given: ResourcesOptions) => {
      const options: ResourcesOptions = { ...given, kernels: given.backend === 'tensorflow' ? given.kernels : 'plain' };
      const size = { batch: options.batch, text: options.text, labels: options.labels };
      if (size.labels >= size.text)
        throw userError({ where: '--labels', what: String(size.labels), expected: `fewer than --text ${size.text}` });
      const names = rowNames(models);
      const planned = models.map((model, i) => plan(model, printable(names[i]!), size, options));
      const measured = options.measure === true ? await measure(planned, models, size, options) : null;
      if (options.json === true) tellJson(planned, measured, size, options);
      else tellLines(planned, measured);
    });
};

function tellJson(
  planned: readonly PlannedStep[],
  measured: Measurement | null,
  size: StepSize,
  { tiles, checkpointing, backend, precision, kernels }: ResourcesOptions,
): void {
  sayJson('resources', {
    size: { ...size, ...(tiles === 1 ? {} : { tiles }), ...(checkpointing === 'none' ? {} : { checkpointing }) },
    backend,
    precision,
    kernels,
    models: planned.map(({ name, family, defaults, needs }) => ({ name, family: family.kind, defaults, needs })),
    measured,
  });
}

function tellLines(planned: readonly PlannedStep[], measured: Measurement | null): void {
  sayTable([['model', ...needsHead], ...planned.map(({ name, needs }) => [name, ...needsRow(needs)])]);
  for (const { name, defaults } of planned) for (const line of defaultLines(name, defaults)) say(line);
  if (measured === null) return;
  const { needs } = planned[0]!;
  say('');
  say(
    `peak memory   predicted ${gigabytes(needs.memory.total)}, measured ${gigabytes(measured.peakBytes)}, ratio ${(needs.memory.total / measured.peakBytes).toFixed(3)}`,
  );
  for (const { seconds, speed } of measured.steps)
    say(
      `step          predicted ${predictedSeconds(needs.step, speed).toFixed(2)} s at ${(speed.flops / 1e9).toFixed(0)} GFLOP/s and ${(speed.bytes / 1e9).toFixed(1)} GB/s, measured ${seconds.toFixed(2)} s`,
    );
  say(
    `time          ratio ${measured.timeRatio.toFixed(3)} (median); loss ${measured.loss.toFixed(3)}; ${measured.threads} threads; opened in ${measured.openSeconds.toFixed(1)} s`,
  );
}
