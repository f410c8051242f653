/**
 * BLIP-2's Q-Former (Li et al. 2023, section 3.1) at MiniLM's size: queries that look at the whole grid in every second
 * layer.
 */
import type { ValuesOf } from '../../../parts/options';
import { bertQformerConnector, miniLmFacts, startOption, type BertQformer } from './bertQformer';
import { defineConnector, layersOption, tokensOption } from './connector';

const options = { tokens: tokensOption(4), layers: layersOption, start: startOption };

const sizes = ({ layers, tokens }: ValuesOf<typeof options>): BertQformer => ({
  layers,
  queries: tokens,
  crossEvery: 2,
});

export const blip2Qformer = defineConnector({
  file: __filename,
  about: 'BLIP-2: learned queries look at the whole feature grid; BERT layers, started from MiniLM',
  options,
  facts: { wholeGrid: true, ...miniLmFacts(sizes) },
  make: (chosen) => (shape, start) => bertQformerConnector(shape, sizes(chosen), start),
});
