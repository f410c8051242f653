/** Specs of parts of a run with the defaults of whatever is not given. */
import { measureKinds } from '../src/balance/measureKinds';
import { regularisers } from '../src/balance/regularisers';
import { schedulers } from '../src/balance/schedulers';
import type { MeasureSpec } from '../src/manifest/run';
import { connectors } from '../src/models/zoo/connectors';
import { tunings } from '../src/models/tuningKinds';
import { completeSpec, defaultsOfKind, type Given, type SpecOf } from '../src/parts/define';
import { optimisers } from '../src/tensor/optimiserKinds';

export type GivenConnector = Given<typeof connectors>;
export type GivenTuning = Given<typeof tunings>;
export type GivenRegulariser = Given<typeof regularisers>;
export type GivenOptimiser = Given<typeof optimisers>;

export const connectorOf = (given: GivenConnector): SpecOf<typeof connectors> => completeSpec(connectors, given);
export const tuningOf = (given: GivenTuning): SpecOf<typeof tunings> => completeSpec(tunings, given);
export const regulariserOf = (given: GivenRegulariser): SpecOf<typeof regularisers> =>
  completeSpec(regularisers, given);
export const optimiserOf = (given: GivenOptimiser): SpecOf<typeof optimisers> => completeSpec(optimisers, given);
export const schedulerOf = (given: Given<typeof schedulers>): SpecOf<typeof schedulers> =>
  completeSpec(schedulers, given);
export const measureOf = (given: { on: MeasureSpec['on']; every?: number; probe?: number }): MeasureSpec =>
  ({ ...defaultsOfKind(measureKinds, given.on, 'on'), ...given }) as MeasureSpec;
