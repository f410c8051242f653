/** Which questions a run trains on, validates and is evaluated on, and the media that it reads for them. */
import type { DataSet, Item, SplitName } from '../data/types';
import { probeQuestions } from '../balance/measureKinds';
import { stepsOf } from '../manifest/expand';
import type { RunSpec } from '../manifest/run';
import { random } from '../random';
import { batchIndices } from './batches';

/** The questions of a run by what they are for. */
export interface Chosen {
  train: Item[];
  /** the fixed questions on which kappa is measured, or measured as well; none where that is the batch alone */
  probe: Item[];
  validation: Item[];
  evaluation: Item[];
}

/** The questions of a set that a run uses, in its order. */
export function chosenOf(set: DataSet, spec: RunSpec): Chosen {
  const split = (name: SplitName) => set.items.filter((item) => item.split === name);
  const train = split('train');
  return {
    train,
    // The probe is the same for every method and seed: it belongs to the task.
    probe: random(set.identity, 'probe').shuffle(train).slice(0, probeQuestions(spec.measure)),
    // Shuffled, so that the first few stand for all kinds.
    validation: random(set.identity, 'validation').shuffle(split('validation')),
    evaluation: evaluationItems(set, spec),
  };
}

/** The evaluation questions of a set; with `evaluate.limit` the same few for every run. */
export function evaluationItems(set: DataSet, spec: RunSpec): Item[] {
  const questions = set.items.filter((item) => item.split === 'evaluation');
  return spec.evaluate.limit
    ? random(set.identity, 'evaluation').shuffle(questions).slice(0, spec.evaluate.limit)
    : questions;
}

/** What the alignment phase trains on: captions where the set has any, else sounds with their classes. */
export function alignmentItems({ alignment }: Pick<DataSet, 'alignment'>): DataSet['alignment'] {
  const captions = alignment.filter(({ kind }) => kind === 'caption');
  return captions.length > 0 ? captions : alignment;
}

/**
 * The media of a set that a run reads: those of the batches of its alignment and of its training, of its probe, and of
 * the questions that it is validated and evaluated on.
 */
export function askedMedia(set: DataSet, spec: RunSpec, { train, probe, validation, evaluation }: Chosen): Set<string> {
  const { align, seed, batch, evaluate } = spec;
  const validated = evaluate.every > 0 ? validation.slice(0, evaluate.validation) : [];
  const asked = [
    ...seen(train, stepsOf(spec, train.length), batch, seed, 'train'),
    ...seen(alignmentItems(set), align.steps, align.batch, seed, 'align'),
    ...[probe, validated, evaluation].flat(),
  ];
  return new Set(asked.map(({ media }) => media));
}

/** The examples of the first steps' batches; an epoch shows all. */
function seen<T>(examples: readonly T[], steps: number, batch: number, seed: number, purpose: string): readonly T[] {
  if (steps * batch >= examples.length) return steps === 0 ? [] : examples;
  const indices = batchIndices(examples.length, batch, seed, purpose);
  return Array.from({ length: steps }, (_, i) => indices(i + 1).map((at) => examples[at]!)).flat();
}
