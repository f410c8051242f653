/** Which optimisers fit the rates, the tuning and the scheduler of a run: what forbids one, and what a reader should know. */
import { schedulerFacts } from '../balance/schedulers';
import { checkpointTuning } from '../models/tuningKinds';
import type { RunSpec } from './run';
import { valueAt, type Tree } from './tree';
import type { Finding } from './tuningRules';

const tuned = ['tuning.tower', 'tuning.connector', 'tuning.backbone'];

/** What forbids an optimiser. */
export const optimiserFindings = (run: Tree): (Finding | undefined)[] => [oneRateAModule(run), adaptersForRatio(run)];

/** Prodigy estimates one distance a module; its authors' code refuses groups with different rates, too. */
function oneRateAModule(run: Tree): Finding | undefined {
  const part = ['tower', 'connector'].find((name) => valueAt(run, `learningRate.${name}`) !== undefined);
  if (valueAt(run, 'optimiser.kind') !== 'prodigy' || part === undefined) return undefined;
  return {
    field: `learningRate.${part}`,
    what: `optimiser prodigy finds one rate for each module, and the ${part} cannot have another`,
    expected: 'another optimiser, or no rate of its own for a part',
  };
}

/** A published tuning may have adapters, which only its checkpoint says. */
function adaptersForRatio(run: Tree): Finding | undefined {
  const ratio = valueAt(run, 'optimiser.loraRatio');
  const kinds = tuned.map((path) => valueAt(run, `${path}.kind`));
  if (ratio === undefined || ratio === 1 || kinds.includes('lora') || kinds.includes(checkpointTuning))
    return undefined;
  return {
    field: 'optimiser.loraRatio',
    what: 'no part is tuned by adapters, so there are no matrices A and B whose rates could differ',
    expected: '"tuning" with kind lora for a part, or no `loraRatio`',
  };
}

/** What a reader should know of a run's optimiser before it is trained. */
export function optimiserWarnings({ optimiser, scheduler, learningRate, warmup }: RunSpec): Finding[] {
  const found: Finding[] = [];
  const slow = (['encoder', 'backbone'] as const).find((module) => learningRate[module] < 0.01);
  if (optimiser.kind === 'prodigy' && slow !== undefined)
    found.push({
      field: `learningRate.${slow}`,
      what: `prodigy multiplies the rate that it finds by ${learningRate[slow]}`,
      expected: '1, as published; a number near it',
    });
  if (optimiser.kind === 'prodigy' && optimiser.safeguard === 'off' && warmup > 0)
    found.push({
      field: 'optimiser.safeguard',
      what: 'during warm-up prodigy takes small rates for small distances and finds a rate that is too high',
      expected: '"on", or "warmup": 0',
    });
  if (optimiser.kind === 'schedule-free' && schedulerFacts(scheduler.kind).decays === true)
    found.push({
      field: 'scheduler',
      what: 'schedule-free averages the parameters in the place of a decay of the rates, and gets both',
      expected: 'scheduler constant',
    });
  return found;
}
