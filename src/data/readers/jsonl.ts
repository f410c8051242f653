/**
 * A user's own task: one JSON object a line with `image` or `audio` (a file's path from the task's folder, or any end
 * of it that only one file has), `question`, `answers` (or `answer`), and optionally `choices`, `kind`, `split` (train,
 * validation, evaluation), `slice`, `group` and `id`. Any other key is a fault, so that a mistyped one is not passed
 * over.
 */
import { isObject } from '../../json';
import type { SplitName } from '../types';
import { readJsonLines } from './json';
import { isInside, shown } from './names';
import type { ReadContext, Reader } from './reader';
import { longest, nameOf, textOf, textListOf, type Problems, type ReleasedRecord } from './record';

const keys = ['image', 'audio', 'question', 'answer', 'answers', 'choices', 'kind', 'split', 'slice', 'group', 'id'];
const splits = ['train', 'validation', 'evaluation'] as const;

export const readJsonl: Reader = async (context) => {
  const { manifest, files, problems } = context;
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    for (const { place, value } of await readJsonLines(files, file, problems)) {
      const record = recordOf(context, place, value, split);
      if (record !== undefined) records.push(record);
    }
  }
  return records;
};

function recordOf(
  { manifest, problems, ids }: ReadContext,
  place: string,
  value: unknown,
  fileSplit: SplitName | undefined,
): ReleasedRecord | undefined {
  if (!isObject(value)) return void problems.add(place, 'the line is no object');
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    return void problems.add(place, `unknown key ${unknown.slice(0, 40)}`, `expected ${keys.join(', ')}`);
  const media = nameOf(value[manifest.modality], manifest.modality, 1000, place, problems);
  const question = textOf(value['question'], 'question', longest.question, place, problems);
  const answered = answerOf(value, place, problems);
  if (media === undefined || question === undefined || answered === undefined) return undefined;
  if (!isInside(media.replace(/^(?:\.\/)+/, '')))
    return void problems.add(
      place,
      `the ${manifest.modality} is no safe name`,
      shown(JSON.stringify(media.slice(0, 80))),
    );
  const split = value['split'] ?? fileSplit ?? null;
  if (!isSplit(split))
    return void problems.add(
      place,
      'unknown split',
      `${JSON.stringify(split)?.slice(0, 40) ?? ''}; expected ${splits.join(', ')}`,
    );
  const optional = <T>(key: string, otherwise: T, read: typeof textOf) =>
    value[key] === undefined ? otherwise : read(value[key], key, 100, place, problems);
  const kind = optional('kind', 'question', textOf);
  const slice = optional('slice', String(split ?? 'divided'), textOf);
  const group = optional('group', null, nameOf);
  const id = optional('id', place.replace(':', '/'), nameOf);
  if (kind === undefined || slice === undefined || group === undefined || id === undefined) return undefined;
  if (!ids.claim('id', id, place)) return undefined;
  return {
    place,
    id: `${manifest.name}/${id}`,
    split,
    slice,
    group,
    kind,
    media: { parts: [[media]] },
    question,
    ...answered,
  };
}

function isSplit(value: unknown): value is SplitName | null {
  return value === null || splits.some((each) => each === value);
}

/** The answer, all references and the choices of a line; undefined after a fault was noted. */
function answerOf(
  value: Record<string, unknown>,
  place: string,
  problems: Problems,
): Pick<ReleasedRecord, 'answer' | 'references' | 'choices'> | undefined {
  const given = value['answers'] ?? (value['answer'] === undefined ? undefined : [value['answer']]);
  const references = textListOf(given, 'answers', longest.answer, place, problems);
  if (references === undefined) return undefined;
  const choices =
    value['choices'] === undefined ? [] : textListOf(value['choices'], 'choices', longest.answer, place, problems);
  if (choices === undefined) return undefined;
  if (new Set(choices).size !== choices.length) return void problems.add(place, 'a choice is there twice');
  const answer = choices.length === 0 ? references[0]! : references.find((each) => choices.includes(each));
  if (answer === undefined)
    return void problems.add(
      place,
      'the answer is none of the choices',
      `${references.join(', ').slice(0, 60)} of ${choices.join(', ').slice(0, 100)}`,
    );
  return { answer, references, choices };
}
