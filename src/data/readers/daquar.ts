/**
 * DAQUAR (Malinowski and Fritz, NeurIPS 2014), on photographs of NYU Depth v2. As released: `qa.894.raw.txt` with
 * lines in pairs, a question that names its picture (`what is on the desk in the image3 ?`) and its answer, one or
 * several words or numbers separated by commas, the words of one joined by `_` (`book, tape_dispenser`); `train.txt` and
 * `test.txt` with one picture name a line; the pictures `image3.png`. A file of the manifest's `questions` whose first
 * line is a picture name is such a list, and its `split` is the split of these pictures; the others hold questions,
 * whose split is that of their file (`qa.894.raw.train.txt`) or, without one, of their pictures.
 *
 * Asked is the question without the number of its picture; answers are asked for in words with spaces. The same question
 * may be released several times about a picture, with the same or another answer: all are asked, because published
 * scores count them.
 */
import { exitCode, userError, UserError, type Problem } from '../../problems';
import type { SplitName } from '../types';
import { shown } from './names';
import type { ReadContext, Reader } from './reader';
import { longest, officialSlice, textOf, type Problems, type ReleasedRecord } from './record';

interface Line {
  /** file and line */
  place: string;
  text: string;
}

/** Where the release puts a picture, and which line said so. */
interface Listed {
  split: SplitName;
  place: string;
}

const listed = /^(image\d+)(?:\.(?:png|jpe?g))?$/;
const named = /(?<![\p{L}\p{N}_])image\d+(?![\p{L}\p{N}_])/gu;
/** A word or number, or several words joined by `_`. */
const part = /^[\p{L}\p{N}][\p{L}\p{N}_'.-]*$/u;

export const readDaquar: Reader = async (context) => {
  const { manifest, files, problems } = context;
  const lists: { lines: Line[]; split: SplitName; file: string }[] = [];
  const questions: { lines: Line[]; split: SplitName | undefined }[] = [];
  for (const { file, split } of manifest.questions) {
    const lines = linesOf(file, await files.text(file));
    if (lines.length === 0) throw userError({ where: file, what: 'is empty', expected: 'DAQUAR as released' });
    if (!listed.test(lines[0]!.text)) questions.push({ lines, split });
    else if (split !== undefined) lists.push({ lines, split, file });
    else throw userError({ where: file, what: 'is a list of pictures without a split', expected: '`split` beside it' });
  }
  const pictures = splitOfPictures(context, lists);
  const asked = new Map<string, number>();
  const records = questions.flatMap(({ lines, split }) =>
    pairsOf(lines, problems).flatMap((pair) => recordOf(pair, split, pictures, asked, problems) ?? []),
  );
  requireApart(records);
  const repeated = records.length - new Set(records.map(contentOf)).size;
  if (repeated > 0)
    problems.note(
      `${repeated} questions are released again with the same picture and answer; they are asked as often, as published scores count them`,
    );
  return records;
};

/** Lines with more than spaces, without the spaces at their ends, whatever ends them. */
function linesOf(file: string, text: string): Line[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line, index) => ({ place: `${file}:${index + 1}`, text: line.trim() }))
    .filter((line) => line.text !== '');
}

function splitOfPictures(
  { ids, problems }: ReadContext,
  lists: readonly { lines: Line[]; split: SplitName; file: string }[],
): Map<string, Listed> {
  const pictures = new Map<string, Listed>();
  const twice: Problem[] = [];
  for (const { lines, split, file } of lists) {
    for (const { place, text } of lines) {
      const name = listed.exec(text)?.[1];
      if (name === undefined) problems.add(place, 'the line names no picture', shown(text.slice(0, 80)));
      else if (ids.claim(`picture in ${file}`, name, place)) {
        const before = pictures.get(name);
        if (before !== undefined && before.split !== split) twice.push(inTwoSplits(name, { split, place }, before));
        else pictures.set(name, { split, place });
      }
    }
  }
  requireNone(twice);
  return pictures;
}

const inTwoSplits = (name: string, now: Listed, before: Listed): Problem => ({
  where: now.place,
  what: `${name} is of the ${now.split} split here and of the ${before.split} split in ${before.place}`,
  expected: 'every picture in one split',
});

/** No tolerance excuses a picture that is trained on and evaluated on. */
function requireNone(twice: readonly Problem[]): void {
  const most = 10;
  if (twice.length === 0) return;
  const more = twice.length > most ? [{ where: 'task', what: `and ${twice.length - most} more such pictures` }] : [];
  throw new UserError([...twice.slice(0, most), ...more], exitCode.failed);
}

/** Question files with a split of their own may still ask about the same picture. */
function requireApart(records: readonly ReleasedRecord[]): void {
  const seen = new Map<string, Listed>();
  const twice = new Map<string, Problem>();
  for (const { group, split, place } of records) {
    if (group === null || split === null) continue;
    const before = seen.get(group);
    if (before !== undefined && before.split !== split) twice.set(group, inTwoSplits(group, { split, place }, before));
    else seen.set(group, { split, place });
  }
  requireNone([...twice.values()]);
}

/** A question and the line after it. */
interface Pair {
  question: Line;
  answer: Line;
}

/**
 * Questions with their answers. A line that is missing shifts nothing: a line with a question mark at its end or the name of a
 * picture is a question, wherever it stands.
 */
function pairsOf(lines: readonly Line[], problems: Problems): Pair[] {
  const pairs: Pair[] = [];
  let question: Line | undefined;
  const unanswered = ({ place, text }: Line) =>
    problems.add(place, 'the question has no answer', shown(text.slice(0, 80)));
  for (const line of lines) {
    const asks = line.text.endsWith('?') || line.text.match(named) !== null;
    if (question === undefined && !asks)
      problems.add(line.place, 'the line is neither a question nor its answer', shown(line.text.slice(0, 80)));
    else if (question === undefined) question = line;
    else if (asks) {
      unanswered(question);
      question = line;
    } else {
      pairs.push({ question, answer: line });
      question = undefined;
    }
  }
  if (question !== undefined) unanswered(question);
  return pairs;
}

function recordOf(
  { question, answer }: Pair,
  ownSplit: SplitName | undefined,
  pictures: ReadonlyMap<string, Listed>,
  asked: Map<string, number>,
  problems: Problems,
): ReleasedRecord | undefined {
  const { place } = question;
  const names = [...new Set(question.text.match(named) ?? [])];
  const [picture] = names;
  const about = shown(question.text.slice(0, 120));
  if (picture === undefined) return void problems.add(place, 'the question names no picture', about);
  if (names.length > 1) return void problems.add(place, 'the question names several pictures', about);
  const split = ownSplit ?? pictures.get(picture)?.split;
  if (split === undefined) return void problems.add(place, 'its picture is in no list of pictures of a split', picture);
  const text = textOf(
    question.text.replace(named, 'image').replace(/\s+\?$/, '?'),
    'question',
    longest.question,
    place,
    problems,
  );
  const parts = partsOf(answer, problems);
  if (text === undefined || parts === undefined) return undefined;
  const number = (asked.get(picture) ?? 0) + 1;
  asked.set(picture, number);
  const words = parts.map((each) => each.replace(/_+/g, ' ').trim()).join(', ');
  return {
    place,
    id: `daquar/${picture}/${number}`,
    split,
    slice: officialSlice(split),
    group: picture,
    kind: parts.length === 1 ? 'one-part' : 'several-parts',
    media: { parts: [[`${picture}.png`, `${picture}.jpg`, `${picture}.jpeg`]] },
    question: text,
    answer: words,
    references: [words],
    choices: [],
    released: { answer: parts },
  };
}

/** The parts of an answer as released; undefined after a fault was noted. */
function partsOf({ place, text }: Line, problems: Problems): string[] | undefined {
  const whole = textOf(text, 'answer', longest.answer, place, problems);
  if (whole === undefined) return undefined;
  const parts = whole.split(',').map((each) => each.trim());
  if (parts.length > longest.choices)
    return void problems.add(place, 'too many parts of the answer', `${parts.length}; at most ${longest.choices}`);
  if (parts.includes('')) return void problems.add(place, 'a part of the answer is empty', shown(whole.slice(0, 80)));
  const odd = parts.find((each) => !part.test(each) || each.replaceAll('_', '') === '');
  if (odd !== undefined)
    return void problems.add(
      place,
      'the answer has an unknown separator or sign',
      `${shown(odd.slice(0, 80))}; expected parts separated by commas, the words of one joined by _`,
    );
  return parts;
}

const contentOf = ({ group, question, answer }: ReleasedRecord) => JSON.stringify([group, question, answer]);
