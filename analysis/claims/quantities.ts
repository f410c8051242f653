/** The quantities that claims are about: one number a run, from its journal. */
import { both, type PerModule } from '../../src/modules';
import { factorOf } from '../../src/runner/followed';
import type { TextScore } from '../../src/text/metrics/textScores';
import type { Journals } from '../aggregate';
import { literal } from '../database';
import { early } from '../figures/slopeLaw';
import { signChangeRate } from '../signChanges';
import { mean } from '../statistics';
import { consecutive } from '../table';
import { endOf, lossesOf } from '../tables/convergence';
import type { Quantity } from './claim';

/** Share of the steps at the end of a run that `...end` and `gradient...` are about. */
const late = 0.25;

/** The first steps, warm-up among them, are left out of what `distanceTo` compares. */
const underWay = 20;

/** Measures in which kappa is defined and above the floor. */
const sound = 'bothTrained and not floor';
const ends = 'with last as (select id, max(step) as steps from train group by id)';

type Value = { id: string; value: number };
type Read = (journals: Pick<Journals, 'rows'>) => Promise<Map<string, number>>;

/** A number a run from a query that gives `id` and `value`. */
const queried =
  (sql: string): Read =>
  async (journals) =>
    new Map(
      (await journals.rows<Value>(`select id, value from (${sql}) where isfinite(value) order by id`)).map((row) => [
        row.id,
        row.value,
      ]),
    );

/** A number a run from its training losses. */
const ofLosses =
  (of: (losses: readonly number[]) => number): Read =>
  async (journals) =>
    new Map([...(await lossesOf(journals))].map(([id, losses]) => [id, of(losses)]));

/** Mean log kappa over the measures for which the condition holds. */
const logKappa = (condition: string) =>
  queried(`${ends}, first as (select id, min(step) as measured from measure group by id)
    select id, avg(logKappa order by measure.step) as value from measure join last using (id) join first using (id)
    where ${sound} and ${condition} group by id`);

const gradient = (column: string) =>
  queried(`${ends} select id, ln(avg(${column} order by measure.step)) as value from measure join last using (id)
    where measure.step > steps * ${1 - late} group by id having avg(${column}) > 0`);

/** Median distance of log kappa to another log kappa of the same steps, once training is under way. */
const distanceTo = (other: string) =>
  queried(`select id, median(abs(logKappa - ${other})) as value from measure
    where ${sound} and step >= ${underWay} and ${other} is not null group by id`);

/** Share of consecutive measures between which log kappa changes sign. */
const signChanges: Read = async (journals) => {
  const found = await journals.rows<{ id: string; values: string }>(
    `select id, to_json(list(logKappa order by step))::varchar as values from measure where ${sound} group by id having count(*) > 1 order by id`,
  );
  return new Map(found.map((row) => [row.id, signChangeRate(JSON.parse(row.values) as number[])]));
};

/** A score of generated text. */
const isText = (quantity: string): quantity is `texts.${TextScore}` => quantity.startsWith('texts.');
const textScore = (quantity: `texts.${TextScore}`): Read =>
  queried(`select id, value from texts where metric = ${literal(quantity.slice('texts.'.length))}`);

const reads: Record<Exclude<Quantity, 'tightness' | `texts.${TextScore}`>, Read> = {
  'final.choice': queried('select id, choice as value from final where choice is not null'),
  'final.loss': queried('select id, loss as value from final where loss is not null'),
  'validation.best': queried("select id, max(choice) as value from evaluate where split = 'validation' group by id"),
  'train.mean': ofLosses(mean),
  'train.end': ofLosses(endOf),
  'logKappa.mean': logKappa('true'),
  'logKappa.end': logKappa(`measure.step > steps * ${1 - late}`),
  'logKappa.early': logKappa(`measure.step <= greatest(steps * ${early}, measured)`),
  'logKappa.error': distanceTo('probeLogKappa'),
  'logKappa.ofEnd': distanceTo('withoutEndLogKappa'),
  'gradient.encoder': gradient('normalisedEncoder'),
  'gradient.backbone': gradient('normalisedBackbone'),
  signChanges,
};

/** The quantity of every run that has it, by id. */
export const valuesOf = (
  journals: Pick<Journals, 'rows'>,
  quantity: Exclude<Quantity, 'tightness'>,
): Promise<Map<string, number>> => (isText(quantity) ? textScore(quantity) : reads[quantity])(journals);

/** Of every run, how many of its bounds (two a measure) were exceeded, and how many there are. */
export async function exceededBounds(journals: Journals): Promise<Map<string, { above: number; total: number }>> {
  const rows = await journals.rows<{ id: string; above: number; total: number }>(
    `with each as (
      select id, tightnessEncoder as tightness from measure where bothTrained
      union all select id, tightnessBackbone from measure where bothTrained)
    select id, count(*) filter (tightness > 1) as above, count(*) as total from each where isfinite(tightness) and tightness > 0 group by id order by id`,
  );
  return new Map(rows.map(({ id, above, total }) => [id, { above, total }]));
}

/** Of every run, whether there are steps in which one of its modules has no rate. */
export const pausedRuns = async (journals: Journals): Promise<Map<string, boolean>> =>
  flags(journals, 'bool_or(least(rateEncoder, rateBackbone) = 0)');

/** Of every run, whether the distances that Prodigy estimates for its modules ended above where they began. */
export const grownDistances = async (journals: Journals): Promise<Map<string, boolean>> =>
  flags(
    journals,
    ['distanceEncoder', 'distanceBackbone']
      .map((name) => `arg_max(${name}, step) > arg_min(${name}, step)`)
      .join(' and '),
  );

async function flags(journals: Journals, sql: string): Promise<Map<string, boolean>> {
  const rows = await journals.rows<{ id: string; holds: number }>(
    `select id, coalesce(${sql}, false)::integer as holds from train group by id order by id`,
  );
  return new Map(rows.map(({ id, holds }) => [id, holds === 1]));
}

/**
 * The mean factors of every run over its steps, by id: what its scheduler made of the base rates. Mean rates would say
 * another thing, since the steps of the warm-up weigh less in them.
 */
export async function meanFactors(journals: Journals): Promise<Map<string, PerModule<number>>> {
  const specs = new Map(journals.runs.map(({ id, file }) => [id, file.spec]));
  const rows = await journals.rows<{ id: string; step: number } & PerModule<number>>(
    'select id, step, rateEncoder as encoder, rateBackbone as backbone from train order by id, step',
  );
  return new Map(
    consecutive(rows, ({ id }) => id).map((own) => {
      const { id } = own[0]!;
      const factors = own.map(({ step, ...learningRate }) => factorOf(specs.get(id)!, { step, learningRate }));
      return [id, both((module) => mean(factors.map((factor) => factor[module])))] as const;
    }),
  );
}
