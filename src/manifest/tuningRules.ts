/** Which tunings and rates of their own the parts of a run's model can have. */
import { lookUp } from '../parts/define';
import { encoders } from './names';
import { valueAt, type Tree } from './tree';
import type { Fault } from './faults';

/** A rule's finding: the field it lies in, and what is wrong. */
export type Finding = Omit<Fault, 'place'> & { field: string };

/** What is wrong with the tuning of a run's parts, and with their rates. */
export const tuningFindings = (run: Tree): (Finding | undefined)[] => [
  towerTakesTuning(run),
  connectorTakesTuning(run),
  ratesOfFrozenParts(run),
  encoderWithoutParameters(run),
];

/**
 * What of the encoder moves in a step: its tower, or what is trained behind it, and the connector where it counts to
 * it.
 */
export const isMoved = (run: Tree, part: 'tower' | 'connector'): boolean =>
  valueAt(run, `tuning.${part}.kind`) !== 'frozen' && valueAt(run, `learningRate.${part}`) !== 0;

/** Without anything of the encoder that is trained kappa would mean nothing. */
function encoderWithoutParameters(run: Tree): Finding | undefined {
  if (isMoved(run, 'tower')) return undefined;
  const tuned =
    run['checkpoint'] === undefined
      ? 'a tower that is tuned, such as `"tuning.tower": "scale-shift"`'
      : 'a tower that is tuned, such as `"tuning.tower": "lora"`';
  if (run['connectorSide'] === 'backbone')
    return {
      field: 'connectorSide',
      what: `"backbone" leaves the encoder ${String(run['encoder'])} without trained parameters, because its tower is not trained`,
      expected: `"encoder", or beside it ${tuned}`,
    };
  if (isMoved(run, 'connector')) return undefined;
  return {
    field: valueAt(run, 'tuning.connector.kind') === 'frozen' ? 'tuning.connector' : 'learningRate.connector',
    what: `nothing of the encoder ${String(run['encoder'])} is trained, neither its tower nor the connector`,
    expected: `a connector that is trained, or ${tuned}`,
  };
}

/** Adapters sit on linear layers; a scale and a shift behind the tower are a part of the small zoo. */
function towerTakesTuning(run: Tree): Finding | undefined {
  const field = 'tuning.tower';
  const kind = valueAt(run, `${field}.kind`);
  if (kind === 'scale-shift' && run['checkpoint'] !== undefined)
    return {
      field,
      what: 'the tower of a published checkpoint has no scale and shift behind it',
      expected: 'frozen, lora or full',
    };
  if (kind !== 'lora' || lookUp(encoders, run['encoder'])?.part.adapted.length !== 0) return undefined;
  return {
    field,
    what: `encoder ${String(run['encoder'])} has no linear layers that adapters could sit on`,
    expected: 'frozen, scale-shift or full',
  };
}

/** Connectors of the small zoo start at random, if only in the layer that meets the backbone's width. */
function connectorTakesTuning(run: Tree): Finding | undefined {
  const kind = valueAt(run, 'tuning.connector.kind');
  if (run['checkpoint'] !== undefined || kind === 'full') return undefined;
  const frozen = {
    what: `connector ${String(valueAt(run, 'connector.kind'))} starts at random and would never be trained`,
    hint: '"learningRate.connector": 0 keeps it as the alignment phase leaves it',
  };
  const lora = { what: `connector ${String(valueAt(run, 'connector.kind'))} starts at random: adapters need a base` };
  return { field: 'tuning.connector', ...(kind === 'frozen' ? frozen : lora), expected: 'full' };
}

/** A rate that nothing would learn at is a mistake of the manifest. */
function ratesOfFrozenParts(run: Tree): Finding | undefined {
  const part = ['tower', 'connector'].find(
    (name) => valueAt(run, `learningRate.${name}`) !== undefined && valueAt(run, `tuning.${name}.kind`) === 'frozen',
  );
  return part === undefined
    ? undefined
    : {
        field: `learningRate.${part}`,
        what: `the ${part} is frozen and has no learning rate`,
        expected: `"tuning.${part}" of another kind beside it, or no rate`,
      };
}
