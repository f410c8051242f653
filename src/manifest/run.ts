/**
 * The resolved description of one run: everything that decides what is trained and how, as plain data.
 * A manifest expands to a list of these (expand.ts); the identity of a run is a hash over one of them (identity.ts).
 * Options that a manifest leaves out take the values of `runDefaults` and stay out of the identity, so that a new
 * option with a default leaves finished runs valid.
 */
import type { ModuleName } from '../modules';

export type { ModuleName, PerModule } from '../modules';

/** A length, as exactly one of optimiser steps, passes over the training split, or training examples. */
export type Duration = { steps: number } | { epochs: number } | { examples: number };

/** How the encoder's feature grid becomes prefix tokens of the backbone's width. */
export type ConnectorSpec =
  | {
      kind: 'mlp';
      /** tokens given to the backbone */
      tokens?: number;
      /** hidden width */
      width?: number;
    }
  | {
      kind: 'qformer';
      /** learned queries = tokens given to the backbone */
      tokens?: number;
      width?: number;
      layers?: number;
      heads?: number;
    }
  | {
      kind: 'pixel-shuffle';
      /** side of the squares that become one token */
      factor?: number;
      /** hidden width */
      width?: number;
    }
  | {
      kind: 'blip2-qformer';
      /** learned queries = tokens given to the backbone */
      tokens?: number;
      layers?: number;
      start?: QformerStart;
    }
  | {
      kind: 'window-qformer';
      /** feature rows in a window */
      window?: number;
      /** learned queries, and tokens, a window */
      queries?: number;
      layers?: number;
      start?: QformerStart;
    }
  | {
      /** that of the checkpoint */
      kind: 'published';
    };

/** What the layers of a published kind of Q-Former start from. */
export type QformerStart = 'minilm' | 'random';

/** Which parameters of a pretrained module are trained. */
export type TuningSpec =
  | {
      kind: 'lora';
      rank: number;
      alpha: number;
      /** weight names, e.g. `q`, `k`, `v`, `o`, `gate`, `up`, `down` */
      targets?: string[];
    }
  | { kind: 'full' }
  | { kind: 'frozen' };

/** How the family of a published checkpoint is usually tuned (docs/models.md). */
export type PublishedTuning = { kind: 'published' };

/** Update rule of the coordinated scheduler, method.md section 4. */
export type CoordinationRule = 'symmetric' | 'lagging' | 'integral';

/** Learning-rate schedulers, one file each in src/balance/schedulers. */
export type SchedulerSpec =
  | { kind: 'constant' }
  | {
      kind: 'feature-cd' | 'language-cd';
      /** share of the run in which the named module trains alone, 0..1 */
      warm?: number;
      /** steps between alternations afterwards */
      period?: number;
    }
  | {
      kind: 'commit-clr' | 'commit';
      rule?: CoordinationRule;
      /** steps between updates of the rates (the paper's L_lr) */
      interval?: number;
      /** measured kappas in the moving average */
      window?: number;
      /** exponent p */
      exponent?: number;
      /** clip c: factors stay within [1/c, c] */
      clip?: number;
    }
  | {
      kind: 'ogm-ge';
      /** how strongly the dominating module is slowed, above 0 */
      strength?: number;
    }
  | {
      kind: 'warmup-cosine';
      /** factor at the last step, 0..1 */
      final?: number;
    }
  | {
      kind: 'gradnorm';
      /** exponent a of a gradient's decay */
      exponent?: number;
      /** share of the way to the new weights in each step, 0..1 */
      rate?: number;
    };

/** Regulariser of method.md section 5. The scheduler `commit` requires kind `commit`; with others it is an ablation. */
export type RegulariserSpec =
  | { kind: 'none' }
  | {
      kind: 'commit';
      /** weight lambda */
      lambda: number;
      /** each KL is capped here, nats */
      cap?: number;
    };

export type OptimiserSpec = {
  kind: 'adamw' | 'adam' | 'sgd';
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  weightDecay?: number;
  momentum?: number;
  /** each module's gradient is scaled down to this norm; 0 switches it off */
  clip?: number;
};

/** When and on which examples kappa is measured, method.md section 2. */
export type MeasureSpec = {
  /** steps between measurements */
  every: number;
  on: 'batch' | 'probe';
  /** questions in the fixed probe, drawn from the training split */
  probe?: number;
  /** (a) one module steps from the old state; (b) one module is reverted from the new state */
  variant?: 'a' | 'b';
};

/** Alignment phase: only the encoder is trained on captions (vision) or contained classes (audio), once per seed, shared by all methods. */
export type AlignSpec = { steps: number; learningRate: number; batch?: number };

export type EvaluateSpec = {
  /** steps between evaluations on the validation slice; 0: only at the end */
  every: number;
  /** at most this many questions of the evaluation split; 0: all */
  limit?: number;
  /** at most this many questions of the validation slice at each intermediate evaluation */
  validation?: number;
  /** other tasks of the same modality, evaluated once at the end without having trained on them */
  transfer?: string[];
};

/** Which arithmetic a run asks for. `any` takes a GPU when there is one and says so in run.json. */
export type DeviceRequest = 'cpu' | 'gpu' | 'any';

export interface RunSpec {
  task: string;
  /** wordings of the instructions in training: the set's own, or several by seeded choice (src/data/instructions.ts) */
  instructions?: 'one' | 'several';
  /** a published checkpoint, in place of encoder, connector and backbone, which then bear its name */
  checkpoint?: string;
  encoder: string;
  connector: ConnectorSpec;
  connectorSide: ModuleName;
  backbone: string;
  /** `encoder`: what is trained behind the frozen tower, beside the connector; nothing when absent */
  tuning: { encoder?: 'scale-shift'; backbone: TuningSpec | PublishedTuning };
  scheduler: SchedulerSpec;
  regulariser: RegulariserSpec;
  learningRate: Record<ModuleName, number>;
  optimiser: OptimiserSpec;
  align: AlignSpec;
  duration: Duration;
  /** examples in a batch */
  batch: number;
  /** steps of linear warm-up from 0, on top of the scheduler */
  warmup: number;
  measure: MeasureSpec;
  evaluate: EvaluateSpec;
  device: DeviceRequest;
  seed: number;
}
