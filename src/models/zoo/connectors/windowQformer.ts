/**
 * SALMONN's window-level Q-Former (Tang et al. 2024, section 3.1) at MiniLM's size: queries that look at one window of
 * frames at a time.
 */
import { whole, type ValuesOf } from '../../../parts/options';
import { bertQformerConnector, miniLmFacts, startOption, type BertQformer } from './bertQformer';
import { defineConnector, layersOption } from './connector';

const options = {
  layers: layersOption,
  start: startOption,
  window: whole('feature rows in a window', 1, 1024, 5),
  queries: whole('learned queries, and so tokens, a window', 1, 64, 1),
};

const sizes = ({ layers, queries, window }: ValuesOf<typeof options>): BertQformer => ({
  layers,
  queries,
  crossEvery: 1,
  window,
});

export const windowQformer = defineConnector({
  file: __filename,
  about: 'SALMONN: learned queries look at one window of feature rows at a time; BERT layers, started from MiniLM',
  options,
  facts: miniLmFacts(sizes),
  make: (chosen) => (shape, start) => bertQformerConnector(shape, sizes(chosen), start),
});
