/**
 * A-OKVQA 1.0 (Schwenk et al., ECCV 2022). As released in aokvqa_v1p0.tar.gz: `aokvqa_v1p0_{train,val}.json`, a list of
 * {split, image_id, question_id, question, choices: four texts, correct_choice_idx, direct_answers: ten texts,
 * difficult_direct_answer, rationales: three texts}; pictures are COCO 2017 `<split>2017/<image_id in twelve
 * digits>.jpg` (allenai/aokvqa, README.md). Each question is asked twice: `multiple-choice`, and `direct-answer`;
 * outside training the latter is left out where it is marked difficult, as in the published evaluation.
 */
import { isObject } from '../../json';
import { userError } from '../../problems';
import { readJson } from './json';
import type { ReadContext, Reader } from './reader';
import { answeredSlice, longest, mostFrequent, nameOf, textOf, textListOf, type ReleasedRecord } from './record';

export const readAokVqa: Reader = async (context) => {
  const { manifest, files, problems } = context;
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    const data = await readJson(files, file, problems);
    if (!Array.isArray(data)) throw userError({ where: file, what: 'is no list', expected: 'A-OKVQA 1.0 as released' });
    data.forEach((entry: unknown, index) => {
      records.push(...recordsOf(context, `${file} record ${index + 1}`, entry, split ?? null));
    });
  }
  return records;
};

/** The two records of a question; fewer where it is faulty or too difficult to be asked without choices. */
function recordsOf(
  { problems, ids }: ReadContext,
  place: string,
  entry: unknown,
  split: ReleasedRecord['split'],
): ReleasedRecord[] {
  const fault = (kind: string, what?: string): [] => {
    problems.add(place, kind, what);
    return [];
  };
  if (!isObject(entry)) return fault('the record is no object');
  const id = nameOf(entry['question_id'], 'question_id', 100, place, problems);
  const question = textOf(entry['question'], 'question', longest.question, place, problems);
  const image = Number(entry['image_id']);
  if (!Number.isSafeInteger(image) || image < 0 || entry['image_id'] === '' || entry['image_id'] === null)
    return fault('no usable image_id', String(entry['image_id']).slice(0, 40));
  const choices = textListOf(entry['choices'], 'choices', longest.answer, place, problems);
  if (id === undefined || question === undefined || choices === undefined) return [];
  const right = entry['correct_choice_idx'];
  const answer = typeof right === 'number' ? choices[right] : undefined;
  if (answer === undefined)
    return fault('correct_choice_idx names no choice', `${String(right).slice(0, 40)} of ${choices.length} choices`);
  if (!ids.claim('question_id', id, place)) return [];
  const picture = `${String(image).padStart(12, '0')}.jpg`;
  const folders = split === 'train' ? ['train2017'] : ['val2017', 'test2017', 'train2017'];
  const difficult = entry['difficult_direct_answer'] === true;
  const record = {
    place,
    split,
    slice: answeredSlice(split),
    group: picture,
    question,
    media: { parts: [[...folders.map((folder) => `${folder}/${picture}`), picture]] },
    released: { image_id: image, rationales: entry['rationales'] ?? [], difficult_direct_answer: difficult },
  };
  const chosen: ReleasedRecord = {
    ...record,
    id: `a-okvqa/${id}/multiple-choice`,
    kind: 'multiple-choice',
    answer,
    references: [answer],
    choices: [...new Set(choices)],
  };
  if (split !== 'train' && difficult) return [chosen];
  const references = textListOf(entry['direct_answers'], 'direct_answers', longest.answer, place, problems);
  if (references === undefined) return [chosen];
  const said = mostFrequent(references)!.text;
  return [
    chosen,
    { ...record, id: `a-okvqa/${id}/direct-answer`, kind: 'direct-answer', answer: said, references, choices: [] },
  ];
}
