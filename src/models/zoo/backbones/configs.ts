/** Configurations of the small backbones as facts, so that a run can be planned before their weights are there. The weights' own configuration must agree (test/train/runNeeds.test.ts). */
import { userError } from '../../../problems';
import { llamaWeights, type LlamaConfig } from '../../parts/llama';
import type { Backbone } from './backbone';

export const backboneConfigs: Readonly<Record<string, LlamaConfig>> = {
  stories15m: {
    width: 288,
    hiddenWidth: 768,
    layers: 6,
    heads: 6,
    keyValueHeads: 6,
    vocabulary: 32_000,
    context: 256,
    tied: true,
    normEpsilon: 1e-5,
    ropeBase: 10_000,
  },
  'minimind2-small': {
    width: 512,
    hiddenWidth: 1408,
    layers: 8,
    heads: 8,
    keyValueHeads: 2,
    vocabulary: 6400,
    context: 32_768,
    tied: true,
    normEpsilon: 1e-5,
    ropeBase: 1_000_000,
  },
};

/** A backbone with shapes and no values, over a vocabulary of so many tokens. Throws UserError for a name without a configuration here. */
export function backboneWithoutWeights(name: string, vocabulary: number): Backbone {
  const known = Object.hasOwn(backboneConfigs, name) ? backboneConfigs[name] : undefined;
  if (known === undefined)
    throw userError({
      where: 'backbone',
      what: `no configuration of ${JSON.stringify(name)} is known without its weights`,
      expected: Object.keys(backboneConfigs).join(', '),
    });
  const config = { ...known, vocabulary };
  return {
    config,
    beginToken: 0,
    weights: Object.fromEntries(
      llamaWeights(config).map(({ name: weight, shape }) => [weight, { shape, data: new Float32Array(0) }]),
    ),
  };
}
