/**
 * Made-up journals for tests of the analysis: curves of plausible shape for a grid of tasks, methods, settings and
 * seeds. They are no results and are only ever written to temporary folders.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../src/files';
import { filledRun } from '../src/manifest/defaults';
import type { RunSpec, SchedulerSpec } from '../src/manifest/run';
import { random, type Random } from '../src/random';
import type { RunFile } from '../src/runner/runFile';
import type { EvaluateRecord, JournalRecord, MeasureRecord, Score } from '../src/train/records';

type Setting = 'equal rates' | 'backbone' | 'encoder';
interface GridOptions {
  steps?: number;
  seeds?: number;
  tasks?: string[];
  every?: number;
  /** validation at every so many steps; 0: none */
  validateEvery?: number;
}

const kindsOf: Record<string, string[]> = {
  'emoji-icon-qa': ['category', 'count', 'name'],
  'sound-qa': ['count', 'first', 'present', 'which'],
};
const schedulers: SchedulerSpec['kind'][] = ['constant', 'feature-cd', 'language-cd', 'commit-clr', 'commit'];

/** The specification of one synthetic run. */
export function syntheticSpec(
  task: string,
  scheduler: SchedulerSpec['kind'],
  setting: Setting,
  seed: number,
  steps = 200,
): RunSpec {
  const vision = task !== 'sound-qa';
  return filledRun({
    task,
    encoder: vision ? 'resnet50' : 'whisper-tiny',
    connector: { kind: 'mlp' },
    connectorSide: 'encoder',
    backbone: 'stories15m',
    tuning: { backbone: { kind: 'lora', rank: 8, alpha: 16 } },
    scheduler: { kind: scheduler },
    regulariser: { kind: scheduler === 'commit' ? 'commit' : 'none' },
    learningRate: { encoder: setting === 'encoder' ? 3e-3 : 3e-4, backbone: setting === 'backbone' ? 3e-3 : 3e-4 },
    optimiser: { kind: 'adamw' },
    align: { steps: 120, learningRate: 1e-3 },
    duration: { steps },
    batch: 8,
    warmup: 10,
    measure: { every: 5, on: 'probe', probe: 16 },
    evaluate: { every: 50 },
    device: 'cpu',
    seed,
  });
}

function score(accuracy: number, total: number): Score {
  const correct = Math.round(Math.min(1, Math.max(0, accuracy)) * total);
  return { correct, total, accuracy: correct / total };
}

function evaluation(
  spec: RunSpec,
  step: number,
  split: 'validation' | 'evaluation',
  level: number,
  source: Random,
): EvaluateRecord {
  const kinds = kindsOf[spec.task] ?? ['open'];
  const byKind = Object.fromEntries(
    kinds.map((kind, i) => [kind, score(level + 0.12 * (i - 1) + 0.03 * source.normal(), 130)]),
  );
  const choice = score(
    Object.values(byKind).reduce((sum, each) => sum + each.correct, 0) / (130 * kinds.length),
    130 * kinds.length,
  );
  return {
    kind: 'evaluate',
    step,
    split,
    loss: 2.4 - 1.6 * level,
    choice,
    choiceByKind: byKind,
    choiceBySlice: { 'cross-style': choice },
    ...(split === 'evaluation' ? { generation: score(choice.accuracy - 0.08, 390), generationByKind: byKind } : {}),
  };
}

function measure(spec: RunSpec, step: number, steps: number, setting: Setting, source: Random): MeasureRecord {
  const start = { 'equal rates': 1.9, backbone: 5.6, encoder: 0.2 }[setting];
  const end = { 'equal rates': 0.1, backbone: 3.4, encoder: -2 }[setting];
  const damping = spec.scheduler.kind.startsWith('commit') ? 0.45 : 1;
  const logKappa = damping * (end + (start - end) * Math.exp((-3 * step) / steps)) + 0.35 * source.normal();
  const fall = (rate: number) => Math.min(1, Math.exp((-rate * step) / steps) * (0.9 + 0.15 * source.normal()));
  const normalisedGradient = {
    encoder: fall({ 'equal rates': 0.7, backbone: 2.6, encoder: 1.4 }[setting]),
    backbone: fall({ 'equal rates': 0.5, backbone: 0.9, encoder: 0.5 }[setting]),
  };
  const both = (value: number) => ({ encoder: value, backbone: value });
  return {
    kind: 'measure',
    step,
    on: 'probe',
    dBackbone: 1e-4 * Math.exp(logKappa),
    dEncoder: 1e-4,
    kappa: Math.exp(logKappa),
    logKappa,
    floor: false,
    kappaAverage: Math.exp(logKappa),
    gradientNorm: normalisedGradient,
    parameterNorm: both(40),
    relativeGradient: both(0.02),
    normalisedGradient,
    diminishingIndex: normalisedGradient,
    updateRatio: both(1e-3),
    progress: both(-1e-3),
    bound: both(1),
    tightness: both(1e-3),
    scale: both(0.1),
    learningRate: spec.learningRate,
    factor: both(1),
    convergenceFactor: 1,
    bias: Math.abs(logKappa),
    oscillation: 0.3,
    signChangeRate: 0.1,
    regulariser: 0,
  };
}

/** The records of one synthetic run: a function of its specification. */
export function syntheticRecords(
  spec: RunSpec,
  { steps = 200, every = 5, validateEvery = 50 }: GridOptions = {},
): JournalRecord[] {
  const source = random(spec.seed, `synthetic ${JSON.stringify([spec.task, spec.scheduler, spec.learningRate])}`);
  const setting: Setting =
    spec.learningRate.backbone > 1e-3 ? 'backbone' : spec.learningRate.encoder > 1e-3 ? 'encoder' : 'equal rates';
  const coordinated = spec.scheduler.kind.startsWith('commit');
  const ceiling =
    (spec.task === 'sound-qa' ? 0.74 : 0.69) -
    (setting === 'backbone' ? (coordinated ? 0.12 : 0.27) : 0) -
    (spec.scheduler.kind === 'language-cd' ? 0.06 : 0);
  const floor = 0.9 + 0.06 * schedulers.indexOf(spec.scheduler.kind) + (setting === 'equal rates' ? 0 : 0.7);
  const level = (step: number) =>
    0.33 + (ceiling - 0.33) * (1 - Math.exp((-3.5 * step) / steps)) + 0.015 * source.normal();
  const records: JournalRecord[] = [];
  for (let step = 1; step <= steps; step++) {
    const loss = floor + 3.2 * Math.exp((-5 * step) / steps) + 0.25 * source.normal() ** 2;
    records.push({
      kind: 'train',
      step,
      loss,
      learningRate: spec.learningRate,
      gradientNorm: { encoder: 1, backbone: 1 },
    });
    if (step % every === 0) records.push(measure(spec, step, steps, setting, source));
    if (validateEvery > 0 && step % validateEvery === 0)
      records.push(evaluation(spec, step, 'validation', level(step), source));
  }
  records.push(evaluation(spec, steps, 'evaluation', level(steps), source));
  return records;
}

/** Writes one run's folder and returns its id. `change` alters run.json, `journal` the text of metrics.jsonl. */
export function writeSyntheticRun(
  folder: string,
  spec: RunSpec,
  options: GridOptions = {},
  change: Partial<RunFile> = {},
  journal = (text: string) => text,
): string {
  const steps = options.steps ?? 200;
  const records = syntheticRecords(spec, options);
  const identity = change.identity ?? sha256(JSON.stringify([spec, change.code?.version]));
  const id = change.id ?? identity.slice(0, 16);
  const file: RunFile = {
    format: 'equipoise-run/1',
    id,
    identity,
    experiment: 'synthetic',
    spec,
    status: 'done',
    steps,
    step: steps,
    code: { version: '0.0.0', commit: null, dirty: false, lockfile: '' },
    data: { task: spec.task, identity: '' },
    weights: {},
    machine: { backend: 'cpu', device: 'synthetic', threads: 1, node: '', tensorflow: null, packages: {} },
    notices: [],
    times: {
      started: '1970-01-01T00:00:00Z',
      finished: '1970-01-01T00:01:00Z',
      trainSeconds: 60,
      evaluateSeconds: 1,
      secondsPerStep: 0.3,
    },
    final: records.at(-1) as EvaluateRecord,
    ...change,
  };
  mkdirSync(join(folder, id), { recursive: true });
  writeFileSync(join(folder, id, 'run.json'), JSON.stringify(file));
  writeFileSync(
    join(folder, id, 'metrics.jsonl'),
    journal(records.map((record) => `${JSON.stringify(record)}\n`).join('')),
  );
  return id;
}

/**
 * Specifications of the quickstart's shape: every method at equal rates, `constant` and `commit-clr` also at
 * tenfold rates.
 */
export function syntheticGrid({
  tasks = ['emoji-icon-qa', 'sound-qa'],
  seeds = 3,
  steps = 200,
}: GridOptions = {}): RunSpec[] {
  const seedList = Array.from({ length: seeds }, (_, seed) => seed);
  const settings = (scheduler: string): Setting[] =>
    scheduler === 'constant' || scheduler === 'commit-clr' ? ['equal rates', 'backbone', 'encoder'] : ['equal rates'];
  return tasks.flatMap((task) =>
    schedulers.flatMap((scheduler) =>
      settings(scheduler).flatMap((setting) =>
        seedList.map((seed) => syntheticSpec(task, scheduler, setting, seed, steps)),
      ),
    ),
  );
}

/** Writes the whole grid below `folder`; returns the ids. */
export function writeSyntheticGrid(folder: string, options: GridOptions = {}): string[] {
  return syntheticGrid(options).map((spec) => writeSyntheticRun(folder, spec, options));
}
