/** Which parameters of a pretrained module are trained: the kinds that a manifest may choose. Adapters: lora.ts. */
import { kind, type SpecOf } from '../parts/define';
import { above0, names, whole } from '../parts/options';

/** The linear layers of a Llama by their short names. */
const linearLayers = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

export const tunings = {
  lora: kind('low-rank adapters', {
    rank: whole('rank of the adapters', 1, 1024, 8),
    alpha: above0('scale: the adapter is multiplied by alpha / rank', 10_000, 16),
    targets: names('names of the weight matrices that get an adapter', '^[A-Za-z0-9_]{1,64}$', 64, linearLayers),
  }),
  full: kind('every weight', {}),
  frozen: kind('nothing', {}),
};

/** The same, and what only a published checkpoint has: the tuning of its family (docs/models.md). */
export const backboneTunings = {
  ...tunings,
  published: kind('as the family of the checkpoint is usually tuned', {}),
};

/** Which parameters of a module are trained, as in a resolved run. */
export type TuningSpec = SpecOf<typeof tunings>;
export type BackboneTuning = SpecOf<typeof backboneTunings>;
/** What of a run's model is trained. `encoder`: what is trained behind the frozen tower, beside the connector; nothing when absent. */
export interface ModelTuning {
  encoder?: 'scale-shift';
  backbone: BackboneTuning;
}
/** The tuning of one part of a published family, where adapters without targets go to the layers that the family names. */
export type PartTuning =
  | Exclude<TuningSpec, { kind: 'lora' }>
  | (Omit<Extract<TuningSpec, { kind: 'lora' }>, 'targets'> & { targets?: string[] });
