/** The view *Answers*: what a run answered, beside the question and its picture or sound, and where two runs disagree. */
import { existsSync, readFileSync } from 'node:fs';
import { mcNemar } from '../../../analysis/comparison';
import { byText } from '../../../analysis/labels';
import { probabilityText } from '../../../analysis/table';
import { storedSet, type ShownItem } from '../../data/sets/store';
import { UserError } from '../../problems';
import { isRight, readPredictions, toldAnswer, type StoredPrediction } from '../../train/predictions';
import type { StoredRun } from '../../runner/results';
import { NotListed, type ExperimentPlace, type Library } from '../library';
import { wordsOf } from './now';

type Stored = NonNullable<ReturnType<typeof storedSet>>;

/** One choice with the share that it has of all choices' likelihoods. */
interface Choice {
  text: string;
  share: number;
}

/** One question with what a run, or two, answered. */
export interface Question {
  id: string;
  kind: string;
  slice: string;
  /** as the backbone sees it; null where the set is not on this machine */
  prompt: string | null;
  answer: string;
  references: string[];
  choices: Choice[];
  said: string | null;
  generated: string | null;
  right: boolean;
  /** share of the chosen answer; null without choices */
  confidence: number | null;
  other: { said: string | null; right: boolean; choices: Choice[] } | null;
  media: 'image' | 'audio' | null;
  origins: ShownItem['origins'];
}

const mostSets = 4;
const mostConfused = 8;
const sets = new Map<string, Stored | null>();

/** The prepared set that a run was evaluated on, from the cache; null where it is not there. */
export function setOf({ file }: StoredRun): Stored | null {
  const { task, identity } = file?.data ?? { task: '', identity: '' };
  const key = `${task} ${identity}`;
  const known = sets.get(key);
  if (known !== undefined && known !== null) return known;
  const found = storedSet(task, identity);
  sets.set(key, found);
  for (const old of [...sets.keys()].slice(0, -mostSets)) sets.delete(old);
  return found;
}

/** Shares of the choices: their likelihoods, which need not add up to one, divided by their sum. */
export function sharesOf({ choices, likelihoods }: StoredPrediction): Choice[] {
  const highest = Math.max(...likelihoods);
  const weights = choices.map((_, i) => Math.exp((likelihoods[i] ?? -Infinity) - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return choices.map((text, i) => ({ text, share: sum > 0 ? weights[i]! / sum : 0 }));
}

function readOf(paths: { predictions: string }, task: string | undefined): StoredPrediction[] | null {
  if (!existsSync(paths.predictions)) return null;
  return readPredictions(readFileSync(paths.predictions, 'utf8'), paths.predictions).filter(
    (prediction) => prediction.task === task,
  );
}

function questionOf(own: StoredPrediction, other: StoredPrediction | undefined, set: Stored | null): Question {
  const item = set?.items.get(own.id);
  const choices = sharesOf(own);
  return {
    id: own.id,
    kind: own.kind,
    slice: own.slice,
    prompt: item?.prompt ?? null,
    answer: own.answer,
    references: own.references ?? [],
    choices,
    said: toldAnswer(own),
    generated: own.generated,
    right: isRight(own),
    confidence: choices.find(({ text }) => text === own.chosen)?.share ?? null,
    other: other === undefined ? null : { said: toldAnswer(other), right: isRight(other), choices: sharesOf(other) },
    media: item !== undefined && set!.media.has(item.media) ? (set!.modality === 'image' ? 'image' : 'audio') : null,
    origins: item?.origins ?? [],
  };
}

/** What is right and wrong of each kind, and which answer was taken for which, most often first. */
export function countsOf(questions: readonly Question[]) {
  const kinds = [...new Set(questions.map(({ kind }) => kind))].sort();
  const taken = new Map<string, { kind: string; answer: string; said: string; times: number }>();
  for (const { kind, answer, said, right } of questions) {
    if (right || said === null) continue;
    const key = JSON.stringify([kind, answer, said]);
    taken.set(key, { kind, answer, said, times: (taken.get(key)?.times ?? 0) + 1 });
  }
  return {
    kinds: kinds.map((kind) => {
      const own = questions.filter((question) => question.kind === kind);
      return { kind, right: own.filter(({ right }) => right).length, total: own.length };
    }),
    confused: [...taken.values()]
      .sort((a, b) => b.times - a.times || (a.answer < b.answer ? -1 : 1))
      .slice(0, mostConfused),
  };
}

/** How two runs differ on the same questions. */
export function disagreement(questions: readonly Question[]) {
  const both = questions.filter(({ other }) => other !== null);
  const first = both.filter(({ right, other }) => right && !other!.right).length;
  const second = both.filter(({ right, other }) => !right && other!.right).length;
  return { questions: both.length, first, second, p: probabilityText(mcNemar(first, second)) };
}

/** Runs of the experiment that kept what they answered, of one task where it is given. */
async function answering(library: Library, place: ExperimentPlace) {
  const runs = await library.storedRuns(place);
  const found = await Promise.all(
    runs.map(async (run) => {
      const { paths } = await library.run(place, run.id);
      if (run.file === null || !existsSync(paths.predictions)) return [];
      return [{ id: run.id, task: run.file.spec.task, words: wordsOf(run.file.spec), state: run.state }];
    }),
  );
  return found.flat().sort((a, b) => byText(a.words, b.words));
}

/**
 * What a run answered, beside another run where one is named. Without a run the first that kept its answers. Throws
 * NotListed.
 */
export async function answersView(library: Library, place: ExperimentPlace, id: string | null, otherId: string | null) {
  const runs = await answering(library, place);
  const chosen = id ?? runs.find(({ state }) => state === 'done')?.id ?? null;
  const none = { experiment: place.key, runs, run: chosen, other: otherId, questions: [] as Question[], sources: [] };
  if (chosen === null) return { ...none, missing: 'No run of this experiment kept its answers.' };
  const { run, paths } = await library.run(place, chosen);
  const task = run.file?.spec.task;
  const other = otherId === null ? null : await library.run(place, otherId);
  if (other !== null && other.run.file?.data.identity !== run.file?.data.identity)
    throw new NotListed('the two runs answered different questions');
  let own: StoredPrediction[] | null;
  let theirs: StoredPrediction[] | null;
  try {
    own = readOf(paths, task);
    theirs = other === null ? null : readOf(other.paths, task);
  } catch (error) {
    if (error instanceof UserError) return { ...none, missing: error.message };
    throw error;
  }
  if (own === null)
    return { ...none, missing: 'This run kept no answers: committed runs do not, nor do unfinished ones.' };
  const set = setOf(run);
  const byId = new Map(theirs?.map((prediction) => [prediction.id, prediction]));
  const questions = own.map((prediction) => questionOf(prediction, byId.get(prediction.id), set));
  return {
    ...none,
    questions,
    ...countsOf(questions),
    disagreement: theirs === null ? null : disagreement(questions),
    sources: set?.sources ?? [],
    missing:
      set === null
        ? `The questions, pictures and sounds of ${task} are not on this machine as the run saw them (its data ${run.file?.data.identity.slice(0, 16)}); shown is what the run wrote down.`
        : null,
  };
}

/** The file of a question's picture or sound. Throws NotListed. */
export async function mediaFile(library: Library, place: ExperimentPlace, id: string, item: string) {
  const { run } = await library.run(place, id);
  const set = setOf(run);
  const path = set?.media.get(set.items.get(item)?.media ?? '');
  if (set === null || path === undefined) throw new NotListed('there is no such picture or sound');
  return { path, type: set.modality === 'image' ? 'image/png' : 'audio/wav' };
}
