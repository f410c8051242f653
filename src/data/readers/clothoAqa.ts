/**
 * ClothoAQA (Lipping et al., EUSIPCO 2022). As released (Zenodo 6473207): `clotho_aqa_{train,val,test}.csv` with
 * columns file_name, QuestionText, answer, confidence, one line for each of the three annotators of a question, and the
 * sounds in audio_files.zip. The three lines of a question become one record: `binary` when its answer is yes or no,
 * else `single-word`. Its answer is the one that at least two annotators gave (`agreement` majority, the default) or
 * that all gave (unanimous); a question without such an answer is not asked, and their number is a notice. All answers
 * are kept as references. The rule is ours after the paper's majority and unanimous subsets; its own code was not seen.
 */
import { basename } from 'node:path';
import { readCsv, type CsvRow } from './csv';
import type { Reader } from './reader';
import { longest, mostFrequent, nameOf, officialSlice, textOf, type ReleasedRecord } from './record';

export const readClothoAqa: Reader = async ({ manifest, files, problems }) => {
  const records: ReleasedRecord[] = [];
  const unanimous = manifest.agreement === 'unanimous';
  let disputed = 0;
  for (const { file, split } of manifest.questions) {
    const questions = new Map<
      string,
      { first: CsvRow; sound: string; question: string; answers: string[]; confidence: string[] }
    >();
    for (const row of await readCsv(files, file, ['file_name', 'QuestionText', 'answer', 'confidence'], problems)) {
      const sound = nameOf(row.values['file_name'], 'file_name', 300, row.place, problems);
      const question = textOf(row.values['QuestionText'], 'question', longest.question, row.place, problems);
      const answer = textOf(row.values['answer'], 'answer', longest.answer, row.place, problems);
      if (sound === undefined || question === undefined || answer === undefined) continue;
      const key = JSON.stringify([sound, question]);
      const entry = questions.get(key) ?? { first: row, sound, question, answers: [], confidence: [] };
      entry.answers.push(answer.toLowerCase());
      entry.confidence.push((row.values['confidence'] ?? '').trim().toLowerCase());
      questions.set(key, entry);
    }
    for (const { first, sound, question, answers, confidence } of questions.values()) {
      const best = mostFrequent(answers)!;
      if (best.count < Math.min(answers.length, unanimous ? answers.length : 2)) {
        disputed += 1;
        continue;
      }
      const binary = best.text === 'yes' || best.text === 'no';
      records.push({
        place: first.place,
        id: `clotho-aqa/${first.place.replace(':', '/')}`,
        split: split ?? null,
        slice: officialSlice(split),
        group: sound,
        kind: binary ? 'binary' : 'single-word',
        question,
        answer: best.text,
        references: answers,
        choices: binary ? ['yes', 'no'] : [],
        media: { parts: [[`audio_files/${sound}`, sound, basename(sound)]] },
        released: { confidence },
      });
    }
  }
  if (disputed > 0)
    problems.note(
      `${disputed} questions have no ${unanimous ? 'answer of all' : 'answer of the most'} annotators and are not asked`,
    );
  return records;
};
