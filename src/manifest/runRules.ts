/**
 * Rules of a resolved run that go beyond the types of its fields: faults, which forbid it, and warnings, which do not.
 */
import { schedulerFacts, schedulerFaults, schedulerNames, schedulerWarnings } from '../balance/schedulers';
import { connectorFacts, connectorFaults, connectorNames } from '../models/zoo/connectors';
import { lookUp } from '../parts/define';
import { checkpointFindings } from './checkpointRules';
import { pointer } from './content';
import { requiredFields } from './defaults';
import { durationFields } from './fields';
import type { GridRun } from './grid';
import { encoders } from './names';
import { optimiserFindings, optimiserWarnings } from './optimiserRules';
import type { ConnectorSpec, RunSpec, SchedulerSpec } from './run';
import { spellingsOf } from './spellings';
import { taskModality } from './taskManifest';
import { isObject } from '../json';
import { valueAt, type Tree } from './tree';
import { isMoved, tuningFindings, type Finding } from './tuningRules';
import type { Fault } from './faults';
import { runFaults } from './validate';

/**
 * What forbids a run, with the place of the value in the manifest. `wrong`: fields that the file gives a wrong value,
 * which is said elsewhere.
 */
export function faultsOfRun(gridRun: GridRun, wrong: ReadonlySet<string>): Fault[] {
  const { run } = gridRun;
  const missing = requiredFields.filter((field) => run[field] === undefined);
  const absent = missing
    .filter((field) => !wrong.has(field))
    .map((field): Fault => ({
      place: gridRun.grid,
      what: `runs without ${field === 'encoder' ? 'an' : 'a'} ${field}`,
      expected: `"${field}" in axes, zip or fixed`,
    }));
  const types = runFaults(run)
    .filter((fault) => !missing.some((field) => fault.place === `/${field}`) && !broughtAlong(run, fault.place))
    .map((fault) => ({
      ...fault,
      what: `${withKind(run, fault.place)}${fault.what}`,
      place: placeOf(gridRun, fault.place.slice(1).replaceAll('/', '.')),
    }));
  if (types.length > 0) return [...absent, ...types];
  const findings = [
    ...checkpointFindings(run),
    modality(run),
    transferTasks(run),
    withoutItsRegulariser(run),
    optionsOfConnector(run),
    optionsOfScheduler(run),
    ...tuningFindings(run),
    ...optimiserFindings(run),
    gridForConnector(run),
    equalParts(run),
  ].flatMap((finding) => finding ?? []);
  return [...absent, ...findings.map(({ field, ...finding }) => ({ place: placeOf(gridRun, field), ...finding }))];
}

/** What a reader should know before such a run is trained. The run must be free of faults. */
export function warningsOfRun(gridRun: GridRun): Fault[] {
  const run = gridRun.run as unknown as RunSpec;
  return [
    ...ofScheduler(run),
    ...regulariserOnTop(run),
    ...optimiserWarnings(run),
    ...frozenBackbone(run),
    ...onlyWarmup(run),
  ].map(({ field, ...finding }) => ({ place: placeOf(gridRun, field), ...finding }));
}

/** Where the manifest sets a field: the field itself, a part of it, or the whole that contains it; else the grid. */
function placeOf({ given, grid }: GridRun, field: string): string {
  for (let path = field; path !== ''; path = path.split('.').slice(0, -1).join('.')) {
    const names =
      path === 'duration' ? [...Object.keys(durationFields), 'duration'] : [...spellingsOf(path), `${path}.kind`];
    const set = given.filter((each) => names.includes(each.path)).at(-1);
    if (set !== undefined) {
      const inner = field
        .slice(path.length + 1)
        .split('.')
        .filter((part) => part !== '');
      return valueAt(set.value, inner.join('.')) === undefined ? set.place : pointer(set.place, ...inner);
    }
  }
  return grid;
}

/** `with scheduler constant: ` before a fault inside a tagged union. */
function withKind(run: Tree, place: string): string {
  const parts = place.split('/').slice(1, -1);
  const union = valueAt(run, parts.join('.'));
  if (!isObject(union)) return '';
  const kind = union['kind'] ?? union['on'];
  return kind === undefined ? '' : `with ${parts.join('.')} ${String(kind)}: `;
}

function modality(run: Tree): Finding | undefined {
  const modality = taskModality(run['task']);
  const encoder = lookUp(encoders, run['encoder']);
  if (modality === undefined || encoder === undefined || modality === encoder.modality) return undefined;
  const fitting = Object.entries(encoders)
    .filter(([, each]) => each.modality === modality)
    .map(([name]) => name);
  return {
    field: 'encoder',
    what: `task ${String(run['task'])} is about ${modality}, encoder ${String(run['encoder'])} reads ${encoder.modality}`,
    expected: `an encoder for ${modality}: ${fitting.join(', ')}`,
    hint: 'pair tasks with encoders by zip or when, or exclude the combination',
  };
}

/** A checkpoint's name stands for encoder and backbone, too: no name of theirs, and right nevertheless. */
const broughtAlong = (run: Tree, place: string): boolean =>
  run['checkpoint'] !== undefined &&
  ['encoder', 'backbone'].some((field) => place === `/${field}` && run[field] === run['checkpoint']);

function transferTasks(run: Tree): Finding | undefined {
  const others = valueAt(run, 'evaluate.transfer');
  if (!Array.isArray(others)) return undefined;
  const own = taskModality(run['task']);
  for (const task of others as unknown[]) {
    if (task === run['task'])
      return {
        field: 'evaluate.transfer',
        what: `${String(task)} is the task of the run itself`,
        expected: 'other tasks',
      };
    const modality = taskModality(task);
    if (modality === undefined)
      return {
        field: 'evaluate.transfer',
        what: `there is no task ${JSON.stringify(task)}`,
        expected: 'names as under "task"',
      };
    if (own !== undefined && modality !== own)
      return {
        field: 'evaluate.transfer',
        what: `${String(task)} is about ${modality}, task ${String(run['task'])} about ${own}`,
        expected: `tasks about ${own}`,
      };
  }
  return undefined;
}

/** A scheduler that brings a regulariser is called otherwise without it. */
function withoutItsRegulariser(run: Tree): Finding | undefined {
  const scheduler = String(valueAt(run, 'scheduler.kind'));
  const { brings } = schedulerFacts(scheduler);
  if (brings === undefined || valueAt(run, 'regulariser.kind') === brings.regulariser) return undefined;
  return {
    field: 'regulariser',
    what: `scheduler ${scheduler} without its regulariser`,
    expected: `regulariser ${brings.regulariser} (leave "regulariser" out for the default)`,
    hint: `${brings.without} is the scheduler without the regulariser`,
  };
}

/** What the connector itself forbids. */
const optionsOfConnector = (run: Tree): Finding[] =>
  connectorFaults(run['connector'] as ConnectorSpec).map(({ option, ...finding }) => ({
    field: option === null ? 'connector' : `connector.${option}`,
    ...finding,
  }));

/** What the scheduler itself forbids. */
const optionsOfScheduler = (run: Tree): Finding[] =>
  schedulerFaults(run['scheduler'] as SchedulerSpec).map(({ option, ...finding }) => ({
    field: `scheduler.${option}`,
    ...finding,
  }));

/** Some connectors join squares of a picture's grid; sounds have no grid. */
function gridForConnector(run: Tree): Finding | undefined {
  const encoder = lookUp(encoders, run['encoder']);
  const connector = String(valueAt(run, 'connector.kind'));
  if (connectorFacts(connector).needsGrid !== true || encoder === undefined || encoder.modality === 'image')
    return undefined;
  const others = connectorNames((facts) => facts.needsGrid !== true && facts.ofCheckpoint !== true);
  return {
    field: 'connector',
    what: `${connector} needs a grid, encoder ${String(run['encoder'])} gives frames of sound`,
    expected: `${others.slice(0, -1).join(', ')} or ${others.at(-1)}`,
  };
}

/** A batch is taken in equal parts, for each of which the same program is recorded. */
function equalParts(run: Tree): Finding | undefined {
  const [batch, accumulate] = [Number(run['batch']), Number(run['accumulate'])];
  if (batch % accumulate === 0) return undefined;
  const divisors = Array.from({ length: batch }, (_, i) => i + 1).filter((each) => batch % each === 0);
  return {
    field: 'accumulate',
    what: `${accumulate} parts of a batch of ${batch}`,
    expected: `a divisor of ${batch}: ${divisors.join(', ')}`,
  };
}

const ofScheduler = ({ scheduler, measure }: RunSpec): Finding[] =>
  schedulerWarnings(scheduler, measure).map(({ option, ...finding }) => ({ field: `scheduler.${option}`, ...finding }));

function regulariserOnTop({ scheduler, regulariser }: RunSpec): Finding[] {
  const twins = schedulerNames(
    ({ brings }) => brings?.without === scheduler.kind && brings.regulariser === regulariser.kind,
  );
  return twins.map((twin) => ({
    field: 'regulariser',
    what: `${scheduler.kind} with the regulariser trains as ${twin} does, under another identity`,
    expected: `scheduler ${twin}`,
  }));
}

function frozenBackbone(run: RunSpec): Finding[] {
  const { tuning, connectorSide } = run;
  const connector = connectorSide === 'backbone' && isMoved(run as unknown as Tree, 'connector');
  if (tuning.backbone.kind !== 'frozen' || connector) return [];
  return [{ field: 'tuning.backbone', what: 'the backbone is frozen: its divergence is 0 and kappa says nothing' }];
}

function onlyWarmup({ duration, warmup }: RunSpec): Finding[] {
  if (!('steps' in duration) || warmup < duration.steps) return [];
  return [
    {
      field: 'warmup',
      what: `all ${duration.steps} steps are warm-up (${warmup})`,
      expected: 'a warm-up shorter than the run',
    },
  ];
}
