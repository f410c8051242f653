/** Small releases in the format of DAQUAR. */
import { picture, put } from './releases';

/** A question of DAQUAR and its answer, as two lines. */
export const daquarPair = (name: string, question: string, answer: string): string =>
  `${question} in the ${name} ?\n${answer}\n`;

/**
 * DAQUAR: 24 training pictures and four test pictures with two questions each; `extra` lines follow the questions,
 * `train` and `test` are more lines of the lists. No line end after the last line, as in the release. `change` is done to
 * the text of every file.
 */
export async function writeDaquar(
  root: string,
  { extra = '', train = [] as string[], test = [] as string[], change = (text: string) => text } = {},
): Promise<void> {
  const names = Array.from({ length: 28 }, (_, i) => `image${i + 1}`);
  const pairs = names.map((name, i) =>
    [
      daquarPair(name, 'what is on the desk', i % 3 === 0 ? 'book, tape_dispenser' : 'telephone'),
      daquarPair(name, 'how many chairs are there', String(i % 4)),
    ].join(''),
  );
  put(root, 'qa.894.raw.txt', change(`${pairs.join('')}${extra}`.trimEnd()));
  put(root, 'train.txt', change([...names.slice(0, 24), ...train].join('\n')));
  put(root, 'test.txt', change([...names.slice(24), ...test].join('\n')));
  for (const [i, name] of names.entries())
    put(root, `images/${name}.jpg`, await picture([200 - 5 * i, 40, 40 + 7 * i]));
}
