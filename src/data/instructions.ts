/**
 * Several wordings of the same instruction. A run that asks for them trains every example with one of its wordings,
 * chosen by the run's seed; it is evaluated with the first, so that scores of runs with one wording and with several
 * compare. The answer continues each wording.
 */
import { random } from '../random';
import type { DataSet, Item } from './types';

/** Other wordings by task and kind of question; what the pattern's first group matches stands for `{}`. */
const wordings: Record<string, Record<string, { pattern?: RegExp; others: string[] }>> = {
  'emoji-icon-qa': {
    name: {
      others: ['What does the picture show? It shows', 'Name what you see. You see', 'What is in the picture? It is'],
    },
    count: { others: ['What is their number? There are', 'Count them. There are', 'How many do you see? You see'] },
    category: {
      others: [
        'Is it nature, food, travel, sport or object? It is',
        'To which kind does it belong: nature, food, travel, sport or object? It is',
      ],
    },
  },
  'sound-qa': {
    present: {
      pattern: /^Do you hear (.+)\? The answer is$/,
      others: ['Is there {} in the sound? The answer is', 'Can {} be heard? The answer is'],
    },
    which: { others: ['What makes the sound? It is', 'What is heard? It is'] },
    count: { others: ['How many different sounds are there? There are', 'Count the sounds. There are'] },
    first: { others: ['Which sound comes first? It is', 'What begins? It is'] },
  },
  'read-qa': {
    word: { others: ['Read the sign. It says', 'What is written there? It says'] },
    letters: { others: ['Count the letters of the word. It has', 'How long is the word, in letters? It has'] },
    digit: { others: ['Read the digit. It is', 'What digit do you see? It is'] },
    number: { others: ['Read both digits. They are', 'What are the two digits? They are'] },
    digits: { others: ['Count the digits. There are', 'What is the number of digits? There are'] },
  },
  'pic-know-qa': {
    object: { others: ['What does the picture show? It is', 'Name the thing in the picture. It is'] },
    hypernym: {
      others: ['To what kind does it belong? It is a kind of', 'How would you classify it? It is a kind of'],
    },
    category: { others: ['What sort of thing do you see? It is', 'Which kind of thing is shown? It is'] },
  },
  'scene-cap': Object.fromEntries(
    ['one', 'two', 'three'].map((kind) => [
      kind,
      { others: ['Describe the sound. You hear', 'What is going on? You hear'] },
    ]),
  ),
  'groove-cap': {
    caption: { others: ['Describe the music. It is', 'What do you hear? It is'] },
    style: { others: ['In which style is the music? It is', 'Name the style of the music. It is'] },
    tempo: { others: ['What is the tempo? It is', 'Is the music slow or fast? It is'] },
  },
};

/** For released sets and own tasks, whose questions are at hand; captions have an instruction of their own. */
const forQuestions = ['Question: {} Answer:', '{} Short answer:', 'Answer the question: {} Answer:'];
const forCaptions = ['Describe it:', 'Write a caption:', 'What is to be told of this?'];

/** All wordings of a question's prompt, the set's own first. */
export function wordingsOf(
  task: string,
  { prompt, kind, question }: Pick<Item, 'prompt' | 'kind' | 'question'>,
): string[] {
  const known = Object.hasOwn(wordings, task) ? wordings[task]![kind] : undefined;
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
