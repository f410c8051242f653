/**
 * Several wordings of the same instruction, as the tasks state them (task.ts of each). A run that asks for them trains every example with one of its wordings,
 * chosen by the run's seed; it is evaluated with the first, so that scores of runs with one wording and with several
 * compare. The answer continues each wording.
 */
import { lookUp } from '../parts/define';
import { random } from '../random';
import { definitionOf } from './tasks';
import type { DataSet, Item } from './types';

/** For released sets and own tasks, whose questions are at hand; captions have an instruction of their own. */
const forQuestions = ['Question: {} Answer:', '{} Short answer:', 'Answer the question: {} Answer:'];
const forCaptions = ['Describe it:', 'Write a caption:', 'What is to be told of this?'];

/** All wordings of a question's prompt, the set's own first. */
export function wordingsOf(
  task: string,
  { prompt, kind, question }: Pick<Item, 'prompt' | 'kind' | 'question'>,
): string[] {
  const known = lookUp(definitionOf(task)?.wordings ?? {}, kind);
  if (known !== undefined) {
    const slot = known.pattern === undefined ? '' : known.pattern.exec(prompt)?.[1];
    return slot === undefined ? [prompt] : [prompt, ...known.others.map((other) => other.replace('{}', () => slot))];
  }
  if (question === undefined) return [prompt];
  return [
    ...new Set([
      prompt,
      ...(kind === 'caption' ? forCaptions : forQuestions.map((other) => other.replace('{}', () => question))),
    ]),
  ];
}

/**
 * The set with a seeded wording for every training question, and one question for each wording besides, so that a
 * vocabulary made from both knows all wordings whatever the seed. Validation and evaluation keep the set's own wording.
 */
export function withWordings(set: DataSet, seed: number): { set: DataSet; all: Item[] } {
  const all = new Map<string, Item>();
  const items = set.items.map((item) => {
    if (item.split !== 'train') return item;
    const prompts = wordingsOf(set.task, item);
    for (const prompt of prompts) if (!all.has(prompt)) all.set(prompt, { ...item, prompt });
    return { ...item, prompt: random(seed, `wording ${item.id}`).pick(prompts) };
  });
  return { set: { ...set, items }, all: [...all.values()] };
}
