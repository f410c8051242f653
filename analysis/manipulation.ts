/**
 * Did a regulariser do what it is for? Its promise is longer steps and larger divergences. Where neither is there it
 * was switched on in name only, and a comparison of accuracies tests nothing.
 */
import type { Journals } from './aggregate';
import { bySeed } from './scores';
import { mean } from './statistics';
import { both, moduleNames, type PerModule } from '../src/modules';

/** What one run's steps were, over its measured steps. */
export interface StepMeans {
  /** mean of ||dtheta|| / ||theta|| */
  steps: PerModule<number>;
  /** geometric mean of the divergence that a module's own step makes: its values span decades */
  divergences: PerModule<number>;
}

/** Steps and divergences with something over those without it: 1 is no difference. */
export type Manipulation = StepMeans;

/** How much longer the steps of a module must be at least. */
export const leastStepRatio = 1.05;

/** The means of every run that measured kappa, by its id; divergences of 0 are left out. */
export async function stepMeans(journals: Journals): Promise<Map<string, StepMeans>> {
  const rows = await journals.rows<{ id: string; ue: number; ub: number; de: number; db: number }>(
    `select id, avg(updateEncoder order by step) as ue, avg(updateBackbone order by step) as ub,
      exp(avg(ln(dEncoder) order by step) filter (dEncoder > 0)) as de, exp(avg(ln(dBackbone) order by step) filter (dBackbone > 0)) as db
    from measure where updateEncoder is not null and updateBackbone is not null group by id
    having de is not null and db is not null order by id`,
  );
  return new Map(
    rows.map(({ id, ue, ub, de, db }) => [
      id,
      { steps: { encoder: ue, backbone: ub }, divergences: { encoder: de, backbone: db } },
    ]),
  );
}

/**
 * The runs with over the runs without, seeds in the same order: ratio of mean step lengths, and of divergences as the
 * geometric mean over seeds. Throws RangeError without runs.
 */
export function manipulation(having: readonly StepMeans[], without: readonly StepMeans[]): Manipulation {
  const logMean = (runs: readonly StepMeans[], module: 'encoder' | 'backbone') =>
    mean(runs.map(({ divergences }) => Math.log(divergences[module])));
  return {
    steps: both(
      (module) => mean(having.map(({ steps }) => steps[module])) / mean(without.map(({ steps }) => steps[module])),
    ),
    divergences: both((module) => Math.exp(logMean(having, module) - logMean(without, module))),
  };
}

/** The same from runs and the means of runs by id, over the seeds that both sides have; null where there are none. */
export function manipulationBySeed(
  having: readonly { id: string; seed: number }[],
  without: readonly { id: string; seed: number }[],
  means: ReadonlyMap<string, StepMeans>,
): Manipulation | null {
  const base = bySeed(without, ({ id }) => means.get(id));
  const pairs = having.flatMap(({ id, seed }) => {
    const [own, other] = [means.get(id), base.get(seed)];
    return own === undefined || other === undefined ? [] : [{ own, other }];
  });
  return pairs.length === 0
    ? null
    : manipulation(
        pairs.map(({ own }) => own),
        pairs.map(({ other }) => other),
      );
}

/**
 * Whether it acted: on one module at least, the steps are longer by what `least` asks and the divergence is larger. A
 * ratio that is no number, of a module that never moved, says no.
 */
export const hasActed = (found: Manipulation, least = leastStepRatio): boolean =>
  moduleNames.some((module) => found.steps[module] >= least && found.divergences[module] > 1);
