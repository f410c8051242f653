/**
 * The records of a run's journal, metrics.jsonl: one JSON object a line, in order of `step`.
 * Units: losses and divergences in nats per label token; norms Euclidean over a module's flat parameter vector.
 */
import type { TextScores } from '../text/metrics/textScores';
import type { PerModule } from '../manifest/run';
import type { Kappa } from '../balance/kappa';
import type { EncoderPart } from './partVectors';

/** Of the encoder's parts of which something is trained, where the tower is run in the step. */
export type OfParts<T> = Partial<Record<EncoderPart, T>>;

/** Written at every logged optimiser step. Step 1 is the first update. */
export interface TrainRecord {
  kind: 'train';
  step: number;
  /** mean cross-entropy over the batch's label tokens, before the update */
  loss: number;
  learningRate: PerModule<number>;
  gradientNorm: PerModule<number>;
  /**
   * norm of the regulariser's gradient over that of the gradient that it joins; only of regularisers whose gradient is
   * found by itself
   */
  regulariserShare?: PerModule<number>;
  /** the estimate d after the step, by which optimiser `prodigy` multiplies the learning rate */
  distance?: PerModule<number>;
  /** only of runs whose tower is tuned by `lora` or `full`; norms before clipping, as those of modules */
  parts?: OfParts<{ gradientNorm: number }>;
}

/** Written at every measured step, after the train record of that step. Symbols: docs/method.md sections 2 and 3. */
export interface MeasureRecord {
  kind: 'measure';
  step: number;
  on: 'batch' | 'probe';
  /** D_X, KL after only the backbone's step */
  dBackbone: number;
  /** D_S, KL after only the encoder's step */
  dEncoder: number;
  kappa: number;
  logKappa: number;
  /** a divergence was under the floor of 1e-8 and set to it */
  floor: boolean;
  /** geometric mean over the scheduler's window */
  kappaAverage: number;
  gradientNorm: PerModule<number>;
  parameterNorm: PerModule<number>;
  /** ||g|| / ||theta|| */
  relativeGradient: PerModule<number>;
  /** ||g|| / its maximum so far */
  normalisedGradient: PerModule<number>;
  /** relativeGradient / its value at the first measured step */
  diminishingIndex: PerModule<number>;
  /** ||dtheta|| / ||theta|| */
  updateRatio: PerModule<number>;
  /** <g, dtheta>, nats, negative when the step descends */
  progress: PerModule<number>;
  /** right-hand side of the bound on |progress|; c = smallest label probability of the batch */
  bound: PerModule<number>;
  /** |progress| / bound */
  tightness: PerModule<number>;
  /** the same right-hand side with c = mean label probability: a scale, not a bound */
  scale: PerModule<number>;
  learningRate: PerModule<number>;
  /** scheduler's factor on the base rate */
  factor: PerModule<number>;
  /** c_t, the smaller factor (method.md section 6) */
  convergenceFactor: number;
  /** |mean log kappa| over the window */
  bias: number;
  /** standard deviation of log kappa over the window; 0 with one measure */
  oscillation: number;
  /** share of sign changes of log kappa over the window */
  signChangeRate: number;
  /** value of the regulariser, lambda included; 0 without one */
  regulariser: number;
  /** the same step on the fixed probe; only with `measure.beside` */
  probe?: Kappa;
  /**
   * the same measure, and the loss of the batch, over the labels that are no end of an answer; only with
   * `measure.withoutEnd`
   */
  withoutEnd?: Kappa & { loss: number };
  /** as in train records; the ratios as those of modules */
  parts?: OfParts<PartMeasure>;
}

/**
 * ||g||, ||theta||, ||g|| / ||theta|| and ||dtheta|| / ||theta|| of one part of the encoder; ratios are 0 where theta
 * is 0.
 */
export interface PartMeasure {
  gradientNorm: number;
  parameterNorm: number;
  relativeGradient: number;
  updateRatio: number;
}

export interface Score {
  correct: number;
  total: number;
  accuracy: number;
}

/** Written after an evaluation. `byKind` keys are question kinds, `bySlice` evaluation slices. */
export interface EvaluateRecord {
  kind: 'evaluate';
  step: number;
  split: 'validation' | 'evaluation';
  /** a task other than the run's own, on which it was not trained; absent for its own */
  task?: string;
  /** mean cross-entropy of the reference answers */
  loss: number;
  /** highest likelihood among the choices */
  choice: Score;
  choiceByKind: Record<string, Score>;
  choiceBySlice: Record<string, Score>;
  /** exact match of the greedy generation; absent on intermediate evaluations */
  generation?: Score;
  generationByKind?: Record<string, Score>;
  /**
   * metrics of the generated texts of questions that have several references or are captions
   * (src/text/metrics/textScores.ts); absent without such questions
   */
  texts?: TextScores;
}

/** Something a reader must know: a clamp, a skipped item, a fallback. */
export interface NoticeRecord {
  kind: 'notice';
  step: number;
  message: string;
}

export type JournalRecord = TrainRecord | MeasureRecord | EvaluateRecord | NoticeRecord;

/** The accuracy that a run is told by: of its choices, or of greedy generation where no question has any. */
export const toldAccuracy = ({ choice, generation }: Pick<EvaluateRecord, 'choice' | 'generation'>): number =>
  choice.total > 0 ? choice.accuracy : (generation?.accuracy ?? choice.accuracy);
