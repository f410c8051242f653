/** Which runs a claim is about: by what they are, never by what an experiment calls them. */
import { canonicalJson } from '../../src/files';
import { filledRun } from '../../src/manifest/defaults';
import type { RunSpec } from '../../src/manifest/run';
import { followedSpec } from '../../src/manifest/followed';
import { grouped } from '../grouped';
import { leaves } from '../labels';
import type { Needs, Side } from './claim';

/** A run of any experiment, as far as a claim looks at it. */
export interface ClaimedRun {
  id: string;
  seed: number;
  spec: RunSpec;
}

const methodText = ({ scheduler, regulariser }: Pick<RunSpec, 'scheduler' | 'regulariser'>) =>
  canonicalJson([scheduler, regulariser]);

/**
 * Whether the run has this scheduler, with its defaults for what the claim leaves out, its regulariser, and the optimiser
 * where one is named.
 */
export function hasMethod(spec: RunSpec, { method, regulariser, optimiser }: Side): boolean {
  const { scheduler: own, regulariser: _, ...rest } = spec;
  const scheduler = typeof method === 'string' ? { kind: method } : method;
  if (own.kind !== scheduler.kind || (optimiser !== undefined && spec.optimiser.kind !== optimiser.kind)) return false;
  const given = {
    ...(regulariser === undefined ? {} : { regulariser }),
    ...(optimiser === undefined ? {} : { optimiser }),
  };
  const wanted = filledRun({ ...rest, scheduler, ...given });
  return methodText(wanted) === methodText(spec) && canonicalJson(wanted.optimiser) === canonicalJson(spec.optimiser);
}

/** Everything of a run but what a claim compares: method, rates of both modules, seed. Runs that agree in it are one set-up. */
function setupOf({ scheduler: _s, regulariser: _r, seed: _n, device: _d, ...spec }: RunSpec, needs: Needs): object {
  const { learningRate, optimiser, ...rest } = spec;
  const { encoder: _e, backbone: _b, ...parts } = learningRate;
  return { ...rest, learningRate: parts, ...(needs.a.optimiser === undefined ? { optimiser } : {}) };
}

/**
 * What tells two set-ups apart beside the paths of `less`, and the options that lie beside a kind there: values that
 * both have and that differ, by path.
 */
export function otherDifferences(one: ClaimedRun, other: ClaimedRun, needs: Needs): string[] {
  const [own, theirs] = [leaves(setupOf(one.spec, needs)), leaves(setupOf(other.spec, needs))];
  const meant = Object.keys(needs.less ?? {}).map((path) => path.replace(/(^|\.)kind$/, '$1'));
  const isMeant = (path: string) => meant.some((each) => (each.endsWith('.') ? path.startsWith(each) : path === each));
  return [...own].flatMap(([path, value]) =>
    isMeant(path) || !theirs.has(path) || theirs.get(path) === value ? [] : [path],
  );
}

/** The runs of one side, among those of the claim's task and other conditions. */
export function runsOfSide(runs: readonly ClaimedRun[], needs: Needs, side: Side): ClaimedRun[] {
  const where = Object.entries(needs.where ?? {});
  return runs.filter(({ spec }) => {
    if (needs.task !== undefined && spec.task !== needs.task) return false;
    const { rates } = side;
    if (rates !== undefined && (['encoder', 'backbone'] as const).some((m) => spec.learningRate[m] !== rates[m]))
      return false;
    if (where.length > 0) {
      const values = leaves(spec);
      if (where.some(([path, value]) => values.get(path) !== String(value))) return false;
    }
    return hasMethod(spec, side);
  });
}

/** The needs of what is taken away. */
export const needsOfLess = ({ less, ...needs }: Needs): Needs => ({ ...needs, where: { ...needs.where, ...less } });

/** The runs of either side, those of what is taken away among them. */
export const runsOfSides = (runs: readonly ClaimedRun[], needs: Needs): ClaimedRun[] =>
  [needs, ...(needs.less === undefined ? [] : [needsOfLess(needs)])].flatMap((own) =>
    [own.a, ...(own.b === undefined ? [] : [own.b])].flatMap((side) => runsOfSide(runs, own, side)),
  );

/** A side's scheduler, regulariser and optimiser as words, with the options that the claim gives. */
export const sideWords = ({ method, regulariser, optimiser }: Side): string[] => [
  givenText(method),
  ...(regulariser === undefined ? [] : [`regulariser ${givenText(regulariser)}`]),
  ...(optimiser === undefined ? [] : [`optimiser ${givenText(optimiser)}`]),
];

function givenText(given: Side['method']): string {
  if (typeof given === 'string') return given;
  const { kind, ...options } = given;
  const said = Object.entries(options).map(([name, value]) => `${name}=${String(value)}`);
  return said.length === 0 ? kind : `${kind} (${said.join(', ')})`;
}

/** The run among these that a run follows, on whatever device; undefined for one that follows none of them. */
export function leaderOf({ spec }: ClaimedRun, runs: readonly ClaimedRun[]): ClaimedRun | undefined {
  const text = ({ device: _, ...rest }: RunSpec) => canonicalJson(rest);
  const followed = followedSpec(spec);
  return followed === null ? undefined : runs.find((run) => text(run.spec) === text(followed));
}

/** The runs of one set-up, and where no rates were named of one pair of rates, by side. */
export interface Cell {
  setup: string;
  a: ClaimedRun[];
  b: ClaimedRun[];
}

/** Set-ups that have runs of both sides; where the sides name no rates, apart by rates. */
export function cellsOf(runs: readonly ClaimedRun[], needs: Needs): Cell[] {
  const key = ({ spec }: ClaimedRun, side: Side) =>
    canonicalJson([setupOf(spec, needs), side.rates === undefined ? spec.learningRate : null]);
  const sideB = needs.b ?? needs.a;
  const a = grouped(runsOfSide(runs, needs, needs.a), (run) => key(run, needs.a));
  const b = new Map(
    grouped(runsOfSide(runs, needs, sideB), (run) => key(run, sideB)).map((own) => [key(own[0]!, sideB), own]),
  );
  return a.flatMap((own) => {
    const setup = key(own[0]!, needs.a);
    const other = b.get(setup);
    return other === undefined ? [] : [{ setup, a: own, b: other }];
  });
}
