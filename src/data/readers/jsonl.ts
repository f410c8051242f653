/**
 * A user's own task: one JSON object a line with `image` or `audio` (a name in the media folders), `question`, `answers` (or `answer`), and optionally `choices`, `kind`,
 * `split` (train, validation, evaluation), `slice`, `group` and `id`. Any other key is a fault, so that a mistyped one is not passed over.
 */
import { isSafePath } from '../../sources/contentUrl';
import { isObject } from '../../json';
import { readJsonLines } from './json';
import type { Reader } from './reader';
import { longest, textOf, textListOf, type ReleasedRecord } from './record';

const keys = ['image', 'audio', 'question', 'answer', 'answers', 'choices', 'kind', 'split', 'slice', 'group', 'id'];
const splits = ['train', 'validation', 'evaluation'] as const;

export const readJsonl: Reader = async ({ manifest, files, problems }) => {
  const records: ReleasedRecord[] = [];
  const ids = new Set<string>();
  for (const { file, split: fileSplit } of manifest.questions) {
    for (const { place, value } of await readJsonLines(files, file, problems)) {
      if (!isObject(value)) {
        problems.add(place, 'the line is no object');
        continue;
      }
      const unknown = Object.keys(value).filter((key) => !keys.includes(key));
      if (unknown.length > 0) {
        problems.add(place, `unknown key ${unknown[0]!.slice(0, 40)}`, `expected ${keys.join(', ')}`);
        continue;
      }
      const media = textOf(value[manifest.modality], manifest.modality, 500, place, problems);
      const question = textOf(value['question'], 'question', longest.question, place, problems);
      const references = textListOf(
        value['answers'] ?? (value['answer'] === undefined ? undefined : [value['answer']]),
        'answers',
        longest.answer,
        place,
        problems,
      );
      if (media === undefined || question === undefined || references === undefined) continue;
      if (!isSafePath(media)) {
        problems.add(place, `the ${manifest.modality} is no safe name`, JSON.stringify(media.slice(0, 80)));
        continue;
      }
      const choices =
        value['choices'] === undefined ? [] : textListOf(value['choices'], 'choices', longest.answer, place, problems);
      if (choices === undefined) continue;
      if (new Set(choices).size !== choices.length) {
        problems.add(place, 'a choice is there twice');
        continue;
      }
      const answer = choices.length === 0 ? references[0]! : references.find((each) => choices.includes(each));
      if (answer === undefined) {
        problems.add(
          place,
          'the answer is none of the choices',
          `${references.join(', ').slice(0, 60)} of ${choices.join(', ').slice(0, 100)}`,
        );
        continue;
      }
      const split = value['split'] ?? fileSplit ?? null;
      if (split !== null && !splits.some((each) => each === split)) {
        problems.add(
          place,
          'unknown split',
          `${JSON.stringify(split)?.slice(0, 40) ?? ''}; expected ${splits.join(', ')}`,
        );
        continue;
      }
      const optional = (key: string, otherwise: string) =>
        value[key] === undefined ? otherwise : textOf(value[key], key, 100, place, problems);
      const [kind, slice, group, id] = [
        optional('kind', 'question'),
        optional('slice', String(split ?? 'divided')),
        optional('group', media),
        optional('id', place.replace(':', '/')),
      ];
      if (kind === undefined || slice === undefined || group === undefined || id === undefined) continue;
      if (ids.has(id)) {
        problems.add(place, 'the id is there twice', id.slice(0, 40));
        continue;
      }
      ids.add(id);
      records.push({
        place,
        id: `${manifest.name}/${id}`,
        split: split as ReleasedRecord['split'],
        slice,
        group,
        kind,
        media: { key: media, parts: [[media]] },
        question,
        answer,
        references,
        choices,
      });
    }
  }
  return records;
};
