/**
 * A-OKVQA 1.0 (Schwenk et al., ECCV 2022). As released in aokvqa_v1p0.tar.gz: `aokvqa_v1p0_{train,val}.json`, a list of {split, image_id, question_id, question,
 * choices: four texts, correct_choice_idx, direct_answers: ten texts, difficult_direct_answer, rationales: three texts}; pictures are COCO 2017
 * `<split>2017/<image_id in twelve digits>.jpg` (allenai/aokvqa, README.md). Each question is asked twice: `multiple-choice`, and `direct-answer`;
 * outside training the latter is left out where it is marked difficult, as in the published evaluation.
 */
import { userError } from '../../problems';
import { isObject } from '../../json';
import { readJson } from './json';
import type { Reader } from './reader';
import { longest, mostFrequent, textOf, textListOf, type ReleasedRecord } from './record';

export const readAokVqa: Reader = async ({ manifest, files, problems }) => {
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    const data = await readJson(files, file);
    if (!Array.isArray(data)) throw userError({ where: file, what: 'is no list', expected: 'A-OKVQA 1.0 as released' });
    data.forEach((entry: unknown, index) => {
      const place = `${file} record ${index + 1}`;
      if (!isObject(entry)) return problems.add(place, 'the record is no object');
      const id = textOf(entry['question_id'], 'question_id', 100, place, problems);
      const question = textOf(entry['question'], 'question', longest.question, place, problems);
      const image = Number(entry['image_id']);
      if (!Number.isSafeInteger(image) || image < 0 || entry['image_id'] === '')
        return problems.add(place, 'no usable image_id', String(entry['image_id']).slice(0, 40));
      const choices = textListOf(entry['choices'], 'choices', longest.answer, place, problems);
      if (id === undefined || question === undefined || choices === undefined) return undefined;
      const picture = `${String(image).padStart(12, '0')}.jpg`;
      const folders = split === 'train' ? ['train2017'] : ['val2017', 'test2017', 'train2017'];
      const right = entry['correct_choice_idx'];
      const answer = typeof right === 'number' ? choices[right] : undefined;
      if (answer === undefined)
        return problems.add(
          place,
          'correct_choice_idx names no choice',
          `${String(right).slice(0, 40)} of ${choices.length} choices`,
        );
      const record = {
        place,
        split: split ?? null,
        slice: split === 'train' ? 'train' : 'official-validation',
        group: picture,
        question,
        media: { key: picture, parts: [[...folders.map((folder) => `${folder}/${picture}`), picture]] },
        released: {
          image_id: image,
          rationales: entry['rationales'] ?? [],
          difficult_direct_answer: entry['difficult_direct_answer'] === true,
        },
      };
      const distinct = [...new Set(choices)];
      records.push({
        ...record,
        id: `a-okvqa/${id}/multiple-choice`,
        kind: 'multiple-choice',
        answer,
        references: [answer],
        choices: distinct,
      });
      if (split !== 'train' && entry['difficult_direct_answer'] === true) return undefined;
      const references = textListOf(entry['direct_answers'], 'direct_answers', longest.answer, place, problems);
      if (references === undefined) return undefined;
      records.push({
        ...record,
        id: `a-okvqa/${id}/direct-answer`,
        kind: 'direct-answer',
        answer: mostFrequent(references)!.text,
        references,
        choices: [],
      });
      return undefined;
    });
  }
  return records;
};
