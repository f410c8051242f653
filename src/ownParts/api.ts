/**
 * What a part outside this repository may import, as `equipoise/parts`: the functions that state parts, their options,
 * and what regularisers, connectors and towers are computed with. The loader gives it to each file of `--parts`, so nothing has to be
 * installed.
 */
export { defineRegulariser } from '../balance/regulariser';
export { bothActive, defineScheduler } from '../balance/schedulers/scheduler';
export { readPicture, readSoundOf } from '../models/zoo/encoders/media';
export { encoderTower as defineTower } from '../models/zoo/encoders/tower';
export { pooledRows } from '../models/parts/resnet';
export { perceptron } from '../models/parts/perceptron';
export { dense, linearParameters, norm, normParameters } from '../models/parts/part';
export {
  defineConnector,
  linearStart,
  normStart,
  sized,
  sizeParameter,
  tokensByRule,
} from '../models/zoo/connectors/connector';
export { above0, below1, byRule, names, number, oneOf, unsaid, whole } from '../parts/options';
export { userError } from '../problems';
export { random } from '../random';
export { gelu, silu } from '../tensor/ops';
export { need, tf } from '../tensor/tf';

export type { Term } from '../balance/regulariser';
export type { Decision, Observation, Scheduler } from '../balance/schedulers/scheduler';
export type { TowerDefinition } from '../models/zoo/encoders/tower';
export type { Part } from '../models/parts/part';
export type { Connector, ConnectorShape } from '../models/zoo/connectors/connector';
export type { ValuesOf } from '../parts/options';
