/**
 * Claims as data: what is stated, by whom, what it takes to evaluate it, and by which rule. They lie in claims/*.json,
 * one file a subject, and are hostile until checked against claims.schema.json.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { schedulers } from '../../src/balance/schedulers';
import { projectRoot } from '../../src/files';
import { readObject } from '../../src/json';
import { nearestName } from '../../src/nearest';
import { lookUp } from '../../src/parts/define';
import type { PerModule } from '../../src/modules';
import type { TextScore } from '../../src/text/metrics/textScores';
import { UserError, type Problem } from '../../src/problems';
import schema from './claims.schema.json';

/** A kind with its options, those left out at their defaults. */
type Given = { kind: string } & Record<string, unknown>;

/** One side of a comparison: a scheduler, by name or with options, and the true base rates. */
export interface Side {
  method: string | Given;
  /** without it the one that the scheduler brings */
  regulariser?: Given;
  /** the same on both sides without it; where the sides name theirs, runs that differ in it are compared */
  optimiser?: Given;
  /** any rates without it */
  rates?: PerModule<number>;
}

export interface Needs {
  /** where the runs are, all of these together; any other experiment with such runs does as well */
  experiments: string[];
  task?: string;
  /** values that the resolved run must have, by dotted path, e.g. `measure.on` */
  where?: Record<string, string | number | boolean>;
  /** of an interaction and of set-ups: the values in place of those of `where` at which the same is taken away */
  less?: Record<string, string | number | boolean>;
  a: Side;
  b?: Side;
  /** seeds, those in common for a comparison; of a meta-claim, in each cell */
  seeds: number;
  /** cells of a meta-claim */
  cells?: number;
}

export type Quantity =
  | `texts.${TextScore}`
  | 'final.choice'
  | 'final.loss'
  | 'validation.best'
  | 'train.mean'
  | 'train.end'
  | 'logKappa.mean'
  | 'logKappa.end'
  | 'logKappa.early'
  | 'logKappa.error'
  | 'logKappa.ofEnd'
  | 'gradient.encoder'
  | 'gradient.backbone'
  | 'signChanges'
  | 'tightness';

/**
 * `paired`: a minus b, seed by seed. `level`: a alone. `slope`: a over the log of backbone's over encoder's rate, one
 * slope a seed. `meta`: paired differences of every cell, combined. `count`: share of a's values above 1. `setups`: a less
 * a at the values of `needs.less`, seed by seed. `interaction`: a minus b, less the same there.
 */
export type ComparisonKind = 'paired' | 'level' | 'slope' | 'meta' | 'count' | 'setups' | 'interaction';

export type Rule =
  | { kind: 'above' | 'below'; margin: number; level: number }
  | { kind: 'equivalent'; margin: number; level: number; around?: number }
  | { kind: 'countZero'; level: number };

/**
 * What must hold before a claim is tested. `acted`: the steps of a are longer than those of b by this factor, and the
 * divergence larger, on one module at least. `sameRates`: over the runs of b and those of a that they follow, the mean factors
 * on the base rates are alike within this share. `supported`: another claim is. `paused`: every run of b has steps in which
 * a module rests. `estimated`: in every run of b the distances that Prodigy estimates have left their start, of both modules.
 */
export type Check =
  | { kind: 'acted'; atLeast: number }
  | { kind: 'sameRates'; within: number }
  | { kind: 'supported'; claim: string }
  | { kind: 'paused' }
  | { kind: 'estimated' };

/** `not tested`: a check of the claim failed; `not evaluable`: the runs that it needs are not there. */
export type Verdict = 'supported' | 'contradicted' | 'undecided' | 'not tested' | 'not evaluable';

/** What the committed runs say; `low` and `high` at the rule's level. */
export interface Reference {
  estimate: number | null;
  low: number | null;
  high: number | null;
  sd: number | null;
  n: number;
  verdict: Verdict;
}

export interface Claim {
  id: string;
  by: 'paper' | 'project';
  /** as in docs/method.md */
  label: 'paper' | 'derived' | 'chosen';
  tier: 'confirmatory' | 'exploratory';
  statement: string;
  needs: Needs;
  quantity: Quantity;
  comparison: ComparisonKind;
  rule: Rule;
  checks?: Check[];
  /** absent until committed runs can evaluate it */
  reference?: Reference;
}

/** The claims of one file. */
export interface ClaimsFile {
  path: string;
  claims: Claim[];
}

/** Where the project's own claims lie. */
export const claimsFolder = join(projectRoot, 'claims');

/** Confirmatory claims at most: a list corrected together stays short, or nothing on it can be found. */
const mostConfirmatory = 10;
const mostBytes = 2 ** 20;

let compiled: ValidateFunction | undefined;
const validator = (): ValidateFunction =>
  (compiled ??= new Ajv2020({
    strict: true,
    strictRequired: false,
    discriminator: true,
    allowUnionTypes: true,
    allErrors: true,
  }).compile(schema));

/** What the schema cannot say of one claim. */
function faultsOf(claim: Claim, ids: ReadonlySet<string>, checked: ReadonlySet<string>): Omit<Problem, 'where'>[] {
  const { needs, comparison, rule, quantity } = claim;
  const sides = [needs.a, ...(needs.b === undefined ? [] : [needs.b])];
  const kinds = sides.map(({ method }) => (typeof method === 'string' ? method : method.kind));
  const twoSided = ['paired', 'meta', 'interaction'].includes(comparison);
  const oneCell = ['paired', 'level', 'setups', 'interaction'].includes(comparison);
  const takesAway = ['setups', 'interaction'].includes(comparison);
  const less = Object.keys(needs.less ?? {});
  const faults: (Omit<Problem, 'where'> | false)[] = [
    ...kinds
      .filter((kind) => lookUp(schedulers, kind) === undefined)
      .map((kind) => ({
        what: `there is no scheduler ${JSON.stringify(kind)}`,
        hint: `did you mean ${nearestName(kind, Object.keys(schedulers)) ?? 'another'}?`,
      })),
    twoSided !== (needs.b !== undefined) && {
      what: `the comparison ${comparison} ${twoSided ? 'needs a second side, needs.b' : 'has one side, not needs.b'}`,
    },
    oneCell &&
      (needs.task === undefined || sides.some(({ rates }) => rates === undefined)) && {
        what: `the comparison ${comparison} needs a task and the rates of each side`,
      },
    takesAway !== less.length > 0 && {
      what: takesAway
        ? `the comparison ${comparison} needs needs.less: what is taken away`
        : `the comparison ${comparison} takes nothing away, so needs.less says nothing`,
    },
    ...less
      .filter((path) => needs.where?.[path] === undefined || needs.where[path] === needs.less?.[path])
      .map((path) => ({ what: `needs.less gives ${path}, of which needs.where gives no other value` })),
    new Set(sides.map(({ optimiser }) => optimiser === undefined)).size > 1 && {
      what: 'one side names its optimiser, the other does not',
    },
    (comparison === 'count') !== (rule.kind === 'countZero') && {
      what: `the rule ${rule.kind} does not fit the comparison ${comparison}`,
      expected: 'countZero for count, and for nothing else',
    },
    (comparison === 'count') !== (quantity === 'tightness') && {
      what: `the quantity ${quantity} does not fit the comparison ${comparison}`,
      expected: 'tightness for count, and for nothing else',
    },
    ...(claim.checks ?? []).map((check) => {
      if (check.kind !== 'supported') return comparison !== 'paired' && { what: `the check ${check.kind} needs pairs` };
      if (!ids.has(check.claim)) return { what: `its check names no claim: ${JSON.stringify(check.claim)}` };
      return checked.has(check.claim) && { what: `its check ${check.claim} has such a check itself` };
    }),
  ];
  return faults.filter((fault) => fault !== false);
}

/**
 * All claims of a folder, in order of file and place. Throws UserError with every fault: of form, an id twice, a method
 * that is not there, a rule that does not fit, or more than ten confirmatory ones.
 */
export function readClaims(folder: string = claimsFolder): ClaimsFile[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort();
  const problems: Problem[] = [];
  const files = names.flatMap((name): ClaimsFile[] => {
    const path = join(folder, name);
    const where = relative(process.cwd(), path);
    const content = readObject(path, mostBytes);
    const validate = validator();
    if (validate(content)) return [{ path, claims: content['claims'] as Claim[] }];
    for (const { instancePath, message } of validate.errors ?? [])
      problems.push({ where: `${where} ${instancePath}`, what: message ?? 'is not as described' });
    return [];
  });
  const all = files.flatMap(({ path, claims }) => claims.map((claim) => ({ path, claim })));
  const ids = all.map(({ claim }) => claim.id);
  const checked = new Set(
    all.filter(({ claim }) => claim.checks?.some(({ kind }) => kind === 'supported')).map(({ claim }) => claim.id),
  );
  for (const [i, { path, claim }] of all.entries()) {
    const where = `${relative(process.cwd(), path)} ${claim.id}`;
    if (ids.indexOf(claim.id) !== i) problems.push({ where, what: 'another claim has this id' });
    problems.push(...faultsOf(claim, new Set(ids), checked).map((fault) => ({ where, ...fault })));
  }
  const confirmatory = all.filter(({ claim }) => claim.tier === 'confirmatory').length;
  if (confirmatory > mostConfirmatory)
    problems.push({
      where: relative(process.cwd(), folder),
      what: `${confirmatory} confirmatory claims`,
      expected: `at most ${mostConfirmatory}`,
    });
  if (problems.length > 0) throw new UserError(problems);
  return files;
}
