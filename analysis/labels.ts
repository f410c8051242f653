/**
 * What a run is called in a figure: its panel (task, and whatever else of the model or set-up differs), its method, and
 * its learning-rate setting. Runs share all three only when they differ in nothing but the seed, so that no average
 * ever mixes two set-ups.
 */
import { schedulers } from '../src/balance/schedulers';
import { canonicalJson } from '../src/files';
import { leaveOutDefaults, runDefaults } from '../src/manifest/defaults';
import type { RunSpec } from '../src/manifest/run';
import { grouped } from './grouped';
import { optionsOf } from '../src/parts/define';
import { rivalOptimisers } from '../src/tensor/optimiserKinds';
import { schedulerOrder } from './schedulers';

/** The names of one run in figures and tables. */
export interface RunLabels {
  panel: string;
  method: string;
  setting: string;
}

/** Setting of runs whose modules have the same, default rate. */
export const equalRates = 'equal rates';

type Leaves = Map<string, string>;

/** Every value of a specification by its dotted path, as text. */
export function leaves(value: unknown, path = '', into: Leaves = new Map()): Leaves {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) leaves(inner, path === '' ? key : `${path}.${key}`, into);
  } else if (value !== undefined) into.set(path, typeof value === 'string' ? value : canonicalJson(value));
  return into;
}

/**
 * The path that decides which options lie beside `path`, such as `connector.kind` for `connector.tokens`, if it is
 * among `paths`.
 */
function kindOf(path: string, paths: readonly string[]): string | undefined {
  const parent = path.slice(0, path.lastIndexOf('.') + 1);
  return paths.find((other) => other !== path && (other === `${parent}kind` || other === `${parent}on`));
}

/**
 * Paths whose values differ within the group, sorted; an absent value is a value: the default. What follows from a kind
 * that differs is not named beside it.
 */
export function varying(group: readonly Leaves[]): string[] {
  const differ = (among: readonly Leaves[], path: string) => new Set(among.map((each) => each.get(path))).size > 1;
  const paths = [...new Set(group.flatMap((each) => [...each.keys()]))].sort().filter((path) => differ(group, path));
  return paths.filter((path) => {
    const kind = kindOf(path, paths);
    return kind === undefined || grouped(group, (each) => each.get(kind) ?? '').some((alike) => differ(alike, path));
  });
}

/**
 * What goes without saying: the regulariser that runs have by default, and options of schedulers that say so of their
 * default.
 */
const unsaid: Record<string, string> = {
  'regulariser.kind': runDefaults.regulariser.kind,
  ...Object.fromEntries(
    optionsOf(schedulers).flatMap(([, name, option]) =>
      option.unsaid === true ? [[`scheduler.${name}`, String(option.default)]] : [],
    ),
  ),
};

/** Values in words; an option that the run's kind does not have is left out, and so is what goes without saying. */
function describe(of: Leaves, paths: readonly string[]): string {
  // A published checkpoint's name stands for encoder and backbone, too: it is said once.
  const repeated = (path: string) => path === 'checkpoint' || (path === 'backbone' && of.has('checkpoint'));
  const said = paths.filter(
    (path) =>
      !repeated(path) &&
      (of.has(path) || kindOf(path, paths) === undefined) &&
      (unsaid[path] === undefined || of.get(path) !== unsaid[path]),
  );
  return said
    .map((path) => {
      const value = of.get(path) ?? 'default';
      if (path === 'encoder' || path === 'backbone') return value;
      if (path.endsWith('.kind')) return `${path.slice(0, -'.kind'.length)} ${value}`;
      return `${kindOf(path, paths)?.endsWith('.kind') === true ? path.slice(path.lastIndexOf('.') + 1) : path}=${value}`;
    })
    .join(', ');
}

/** A rate as people write it: `3e-4`. */
const rateText = (rate: number, digits: number): string =>
  Number(rate.toPrecision(digits)).toExponential().replace('e+0', '');

/**
 * What both base rates are, whichever other runs there are: `equal rates` at the default, the multiple of the default
 * for the one that differs from it, else both values; with so many significant digits.
 */
export function settingOf({ learningRate: { encoder, backbone } }: Pick<RunSpec, 'learningRate'>, digits = 3): string {
  const base = runDefaults.learningRate;
  if (encoder === backbone) return encoder === base.encoder ? equalRates : `${equalRates} ${rateText(encoder, digits)}`;
  const factor = (rate: number, of: number) => `×${Number((rate / of).toPrecision(digits))}`;
  if (encoder === base.encoder) return `backbone ${factor(backbone, base.backbone)}`;
  if (backbone === base.backbone) return `encoder ${factor(encoder, base.encoder)}`;
  return `encoder ${rateText(encoder, digits)}, backbone ${rateText(backbone, digits)}`;
}

/** Digits that tell any two numbers apart. */
const allDigits = 17;

/** What the rates of runs are, in as many digits as tell different ones apart: three as a rule. */
function settingsOf(specs: readonly RunSpec[]): string[] {
  const texts = specs.map((spec) => settingOf(spec));
  for (const alike of grouped([...specs.keys()], (i) => texts[i]!)) {
    const pairOf = ({ learningRate: { encoder, backbone } }: RunSpec) => `${encoder} ${backbone}`;
    const rates = new Map(alike.map((i) => [pairOf(specs[i]!), specs[i]!]));
    const apart = (digits: number) => new Set([...rates.values()].map((spec) => settingOf(spec, digits))).size;
    let digits = 3;
    while (digits < allDigits && apart(digits) < rates.size) digits += 1;
    for (const i of alike) texts[i] = settingOf(specs[i]!, digits);
  }
  return texts;
}

/** Options that make the model: named in labels as soon as they vary. */
export const modelPath = /^(encoder|connector|connectorSide|backbone|tuning)(\.|$)/;
const methodPath = /^(scheduler|regulariser)\./;
const ownAxis = /^(task|seed|learningRate\.(encoder|backbone)$)/;

/** Options of scheduler and regulariser in which a run differs from the defaults; the scheduler's kind is its name. */
const ownOptions = (spec: RunSpec): string[] =>
  [...leaves(leaveOutDefaults(spec)).keys()].filter((path) => methodPath.test(path) && path !== 'scheduler.kind');

/**
 * An optimiser that is a method of its own, beside those that a scheduler is tried with: LoRA+ by its ratio, and what
 * chooses or replaces the rates by itself. Absent for the others, which make panels of their own where runs differ in
 * them.
 */
export function rivalOptimiser({ optimiser }: Pick<RunSpec, 'optimiser'>): string | undefined {
  const { kind } = optimiser;
  const ratio = 'loraRatio' in optimiser && optimiser.loraRatio !== 1 ? `LoRA+ ${optimiser.loraRatio}` : null;
  const own = rivalOptimisers.includes(kind) ? kind : null;
  return own === null && ratio === null ? undefined : [own, ratio].filter((part) => part !== null).join(', ');
}

/** Labels for the runs of one experiment, in the order given. */
export function labelRuns(specs: readonly RunSpec[]): RunLabels[] {
  const rows = specs.map((spec) => ({ spec, leaves: leaves(spec), model: '', method: '', setting: '', variant: '' }));
  type Row = (typeof rows)[number];
  const pathsIn = (group: readonly Row[], keep: (path: string) => boolean) =>
    varying(group.map((row) => row.leaves)).filter(keep);

  for (const group of grouped(rows, (row) => row.spec.task)) {
    const paths = pathsIn(group, (path) => modelPath.test(path));
    for (const row of group) row.model = describe(row.leaves, paths);
  }
  for (const group of grouped(rows, (row) => row.spec.scheduler.kind)) {
    // Options that differ only from task to task are not two methods; one that is not the default is always named.
    const paths = [
      ...new Set([
        ...grouped(group, (row) => row.spec.task).flatMap((inTask) => pathsIn(inTask, (path) => methodPath.test(path))),
        ...group.flatMap((row) => ownOptions(row.spec)),
      ]),
    ].sort();
    for (const row of group) {
      const options = describe(row.leaves, paths).replaceAll(/(scheduler|regulariser)\./g, '');
      const all = [options, rivalOptimiser(row.spec) ?? ''].filter((part) => part !== '').join(', ');
      row.method = row.spec.scheduler.kind + (all === '' ? '' : ` (${all})`);
    }
  }
  settingsOf(specs).forEach((setting, i) => (rows[i]!.setting = setting));
  // A value that follows from the method or the setting belongs to it; one that differs beside them makes another
  // panel.
  const variants = new Map<string, Set<string>>();
  for (const group of grouped(rows, (row) => JSON.stringify([row.spec.task, row.model, row.method, row.setting]))) {
    const key = JSON.stringify([group[0]!.spec.task, group[0]!.model]);
    const found = variants.get(key) ?? new Set<string>();
    pathsIn(group, (path) => !modelPath.test(path) && !methodPath.test(path) && !ownAxis.test(path)).forEach((path) =>
      found.add(path),
    );
    variants.set(key, found);
  }
  for (const row of rows)
    row.variant = describe(row.leaves, [...variants.get(JSON.stringify([row.spec.task, row.model]))!].sort());
  return rows.map((row) => ({
    panel: [row.spec.task, row.model, row.variant]
      .filter((part) => part !== '')
      .join(' · ')
      .replaceAll(', ', ' · '),
    method: row.method,
    setting: row.setting,
  }));
}

/** By text, but numbers in it by their size: `probe=4` before `probe=12`. */
export function byText(a: string, b: string): number {
  const parts = (text: string) => text.split(/(\d+(?:\.\d+)?)/);
  const [pa, pb] = [parts(a), parts(b)];
  // Odd parts are the numbers.
  for (let i = 0; i < Math.min(pa.length, pb.length); i++) {
    const apart = i % 2 === 1 ? Number(pa[i]) - Number(pb[i]) : 0;
    if (apart !== 0) return apart;
    if (i % 2 === 0 && pa[i] !== pb[i]) return pa[i]! < pb[i]! ? -1 : 1;
  }
  return pa.length - pb.length || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Methods in the order of every figure and table: that of the list of schedulers, unknown ones last, variants of one
 * method by name.
 */
export function orderMethods(methods: Iterable<string>): string[] {
  const known = schedulerOrder();
  const place = (method: string) => {
    const at = known.indexOf(method.split(' (')[0]!);
    return at === -1 ? known.length : at;
  };
  return [...new Set(methods)].sort((a, b) => place(a) - place(b) || byText(a, b));
}

/**
 * Settings in the order of every figure and table: equal rates, then the backbone's rate changed, the encoder's, both;
 * by number.
 */
export function orderSettings(settings: Iterable<string>): string[] {
  const place = (name: string) => {
    if (name.startsWith(equalRates)) return 0;
    if (name.includes(', ')) return 3;
    return name.startsWith('backbone') ? 1 : 2;
  };
  const numbers = (name: string) => [...name.matchAll(/[0-9.]+(?:e[+-]?\d+)?/g)].map(([text]) => Number(text));
  const key = (name: string) => [place(name), ...numbers(name)];
  return [...new Set(settings)].sort((a, b) => {
    const [ka, kb] = [key(a), key(b)];
    const at = ka.findIndex((value, i) => value !== (kb[i] ?? value));
    return at === -1 ? ka.length - kb.length || byText(a, b) : ka[at]! - kb[at]!;
  });
}

/**
 * The setting that a figure of equal rates shows: the default one where it is among these, else the one with the
 * smallest rate; null where none has equal rates.
 */
export const equalSettingOf = (settings: Iterable<string>): string | null =>
  orderSettings([...settings].filter((setting) => setting.startsWith(equalRates)))[0] ?? null;

/** The same as a condition of SQL on the setting of a run; no run meets it where none has equal rates. */
export const atEqualRates = (runs: readonly Pick<RunLabels, 'setting'>[]): string =>
  `setting = '${equalSettingOf(runs.map(({ setting }) => setting)) ?? ''}'`;
