/** The state before the first step of a run. */
import type { RunSpec } from '../manifest/run';
import type { StateValue } from '../tensor/program';
import { alignedState } from './alignment';
import type { Prepared } from './prepare';
import { copiesOfTheta, initialState, trained, type Setting } from './programs';

/**
 * The state before the first step: seeded parameters, and the encoder as the alignment phase leaves it. Throws
 * UserError for a damaged cache file of that phase.
 */
export async function startState(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Record<string, StateValue>> {
  const initial = initialState(setting, spec.seed);
  onStage('alignment');
  if (spec.align.steps > 0)
    Object.assign(initial, await alignedState(spec, setting, prepared, initial, onStage, signal));
  for (const module of trained(setting.model))
    for (const piece of copiesOfTheta(setting)) initial[`${module}/${piece}`] = initial[`${module}/theta`]!;
  return initial;
}
