/** Which parameters of a pretrained module are trained: the kinds that a manifest may choose. Adapters: lora.ts. */
import { kind, type SpecOf } from '../parts/define';
import { above0, byRule, names, whole } from '../parts/options';

/** The linear layers of a Llama by their short names. */
const linearLayers = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

const adapters = {
  rank: whole('rank of the adapters', 1, 1024, 8),
  alpha: above0('scale: the adapter is multiplied by alpha / rank', 10_000, 16),
  targets: names('names of the weight matrices that get an adapter', '^[A-Za-z0-9_]{1,64}$', 64, linearLayers),
};

export const tunings = {
  lora: kind('low-rank adapters', adapters),
  full: kind('every weight', {}),
  frozen: kind('nothing', {}),
};

/** The tuning of a backbone that only a published checkpoint has. */
export const checkpointTuning = 'published';

/** Whether a backbone is tuned as the family of its checkpoint says. */
export const isCheckpointTuning = <T extends { kind: string }>(
  tuning: T,
): tuning is Extract<T, { kind: typeof checkpointTuning }> => tuning.kind === checkpointTuning;

/** The kinds above, and what only a published checkpoint has: the tuning of its family (docs/models.md). */
export const backboneTunings = {
  ...tunings,
  [checkpointTuning]: kind('as the family of the checkpoint is usually tuned', {}),
};

/**
 * Of the encoder's tower. What is tuned inside it is run in every step; a frozen tower is run once, and what it gives
 * is kept.
 */
export const towerTunings = {
  frozen: kind('nothing: its features are computed once and kept', {}),
  'scale-shift': kind('a scale and a shift of each feature channel behind the frozen tower', {}),
  lora: kind('low-rank adapters', { ...adapters, targets: byRule(adapters.targets, 'what the tower names') }),
  full: kind('every weight; statistics of normalisation and constant positions stay', {}),
};

/** Of the connector. One that starts at random is trained in full. */
export const connectorTunings = {
  full: kind('every weight', {}),
  frozen: kind('nothing', {}),
  lora: kind('low-rank adapters', { ...adapters, targets: byRule(adapters.targets, 'all linear layers') }),
};

/** Which parameters of a module are trained, as in a resolved run. */
export type TuningSpec = SpecOf<typeof tunings>;
export type BackboneTuning = SpecOf<typeof backboneTunings>;
export type TowerTuning = SpecOf<typeof towerTunings>;
/** The tuning of one part of a model, where adapters without targets go to the layers that the part names. */
export type PartTuning = SpecOf<typeof connectorTunings>;

/** What a training step keeps of its forward pass: all of it, or of each layer only its input. */
export const checkpointings = ['none', 'layers'] as const;
export type Checkpointing = (typeof checkpointings)[number];

/** What of a run's model is trained, part by part. */
export interface ModelTuning {
  tower: TowerTuning;
  connector: PartTuning;
  backbone: BackboneTuning;
}

/** Whether a tower is run in every step, because something inside it is trained. */
export const isInStep = ({ kind }: TowerTuning): boolean => kind === 'lora' || kind === 'full';
