/**
 * What a finished run predicted for each question of the evaluation split, so that any metric can be computed without
 * the model.
 */
import type { Item } from '../data/types';
import { userError } from '../problems';

/** What was predicted for one question; `likelihoods` in the order of its choices. */
export interface Prediction {
  item: Item;
  loss: number;
  labels: number;
  chosen: string | null;
  likelihoods: number[];
  generated: string | null;
}

/** A line of predictions.jsonl. */
export interface StoredPrediction {
  id: string;
  task: string;
  kind: string;
  slice: string;
  answer: string;
  /** every reference; absent: `answer` alone */
  references?: string[];
  choices: string[];
  /** the likeliest choice; null without choices */
  chosen: string | null;
  /** log-probabilities of the choices, in their order */
  likelihoods: number[];
  /** greedy generation; null where none was asked for */
  generated: string | null;
  /** nats, summed over the label tokens of the answer */
  loss: number;
  labels: number;
}

/** The answer by which a question counts: the likeliest choice, or the generated text where there are no choices. */
export const toldAnswer = ({ choices, chosen, generated }: StoredPrediction): string | null =>
  choices.length > 0 ? chosen : generated;

/** Whether that answer is the reference, letter by letter, as run.json counts it. */
export const isRight = (prediction: StoredPrediction): boolean => toldAnswer(prediction) === prediction.answer;

/** The lines of predictions.jsonl, in the order of the questions. */
export function predictionLines(predictions: readonly StoredPrediction[]): string {
  return predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join('');
}

/** One prediction as it is stored. */
export function stored(
  task: string,
  { item, chosen, likelihoods, generated, loss, labels }: Prediction,
): StoredPrediction {
  return {
    id: item.id,
    task,
    kind: item.kind,
    slice: item.slice,
    answer: item.answer,
    ...(item.references === undefined ? {} : { references: item.references }),
    choices: item.choices,
    chosen,
    likelihoods,
    generated,
    loss,
    labels,
  };
}

/** Reads the lines again. Throws UserError that names the first line that is none. */
export function readPredictions(text: string, where: string): StoredPrediction[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        value = null;
      }
      if (!isPrediction(value))
        throw userError({
          where: `${where}:${index + 1}`,
          what: 'is no prediction',
          hint: 'the file was changed or torn: train the run again',
        });
      return value;
    });
}

const texts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const textOrNull = (value: unknown): boolean => value === null || typeof value === 'string';
const finite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

function isPrediction(value: unknown): value is StoredPrediction {
  if (typeof value !== 'object' || value === null) return false;
  const of = value as Record<string, unknown>;
  return (
    ['id', 'task', 'kind', 'slice', 'answer'].every((name) => typeof of[name] === 'string') &&
    (of['references'] === undefined || texts(of['references'])) &&
    texts(of['choices']) &&
    textOrNull(of['chosen']) &&
    textOrNull(of['generated']) &&
    Array.isArray(of['likelihoods']) &&
    of['likelihoods'].every(finite) &&
    finite(of['loss']) &&
    finite(of['labels'])
  );
}
