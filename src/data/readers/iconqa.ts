/**
 * IconQA (Lu et al., NeurIPS 2021). As released in iconqa_data.zip: `problems.json` (id -> {question, choices, answer, ques_type, grade, label}),
 * `pid_splits.json` (`<ques_type>_<train|val|test>` -> ids), and `iconqa/<split>/<ques_type>/<id>/` with data.json (the same fields), image.png
 * and, for choose_img, the choices' pictures. `answer` is the index of the right choice, or the text for fill_in_blank
 * (lupantech/IconQA, README.md and run_*\/dataset.py).
 * choose_img: the choices are drawn in a row under the picture and answered by their place, because a model sees one picture.
 */
import type { SplitName } from '../types';
import { isObject } from '../../json';
import { readJson } from './json';
import type { ReadContext, Reader } from './reader';
import { longest, textOf, textListOf, type ReleasedRecord } from './record';

const subTasks = ['choose_img', 'choose_txt', 'fill_in_blank'] as const;
type SubTask = (typeof subTasks)[number];
const splits: readonly { name: string; split: SplitName; slice: string }[] = [
  { name: 'train', split: 'train', slice: 'train' },
  { name: 'val', split: 'validation', slice: 'official-validation' },
  { name: 'test', split: 'evaluation', slice: 'official-test' },
];
const places = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];

/** Reads problems.json and pid_splits.json where they are, else every data.json of the folders. */
export const readIconQa: Reader = async (context) => {
  const { files, manifest, problems } = context;
  const [problemFile, splitFile] = ['problems.json', 'pid_splits.json'];
  const wanted = (kind: SubTask) => manifest.kinds === undefined || manifest.kinds.includes(kind);
  const records: ReleasedRecord[] = [];
  if (files.find([problemFile]) !== undefined && files.find([splitFile]) !== undefined) {
    const [all, ids] = [await readJson(files, problemFile), await readJson(files, splitFile)];
    for (const each of splits) {
      for (const kind of subTasks.filter(wanted)) {
        const list = isObject(ids) ? ids[`${kind}_${each.name}`] : undefined;
        if (!Array.isArray(list)) {
          problems.note(`${splitFile} has no list ${kind}_${each.name}`);
          continue;
        }
        for (const id of list as unknown[]) {
          const place = `${problemFile} ${String(id).slice(0, 40)}`;
          const problem = isObject(all) && Object.hasOwn(all, String(id)) ? all[String(id)] : undefined;
          push(records, recordOf(context, place, String(id), problem, kind, each));
        }
      }
    }
    return records;
  }
  const pattern = /(?:^|\/)(train|val|test)\/(choose_img|choose_txt|fill_in_blank)\/([^/]+)\/data\.json$/;
  for (const { name } of files.list()) {
    const [, splitName, kind, id = ''] = pattern.exec(name) ?? [];
    const each = splits.find((one) => one.name === splitName);
    if (each === undefined || !isSubTask(kind) || !wanted(kind)) continue;
    let value: unknown;
    try {
      value = await readJson(files, name);
    } catch (error) {
      problems.add(name, 'data.json cannot be read', (error as Error).message.slice(0, 160));
      continue;
    }
    push(records, recordOf(context, name, id, value, kind, each));
  }
  return records;
};

function isSubTask(name: string | undefined): name is SubTask {
  return subTasks.some((each) => each === name);
}

function push(records: ReleasedRecord[], record: ReleasedRecord | undefined): void {
  if (record !== undefined) records.push(record);
}

function recordOf(
  { problems }: ReadContext,
  place: string,
  id: string,
  problem: unknown,
  kind: SubTask,
  { name, split, slice }: (typeof splits)[number],
): ReleasedRecord | undefined {
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(id)) return void problems.add(place, 'the id is no number');
  if (!isObject(problem)) return void problems.add(place, 'there is no such problem');
  if (problem['ques_type'] !== undefined && problem['ques_type'] !== kind)
    return void problems.add(place, 'its ques_type is not that of its list', String(problem['ques_type']).slice(0, 40));
  const question = textOf(problem['question'], 'question', longest.question, place, problems);
  if (question === undefined) return undefined;
  const folder = `iconqa/${name}/${kind}/${id}`;
  const picture = (file: string) => [`${folder}/${file}`, `${name}/${kind}/${id}/${file}`];
  const record = {
    place,
    id: `iconqa/${kind}/${id}`,
    split,
    slice,
    group: id,
    kind,
    question,
    released: Object.fromEntries(
      ['grade', 'label', 'skills'].flatMap((field) => (problem[field] === undefined ? [] : [[field, problem[field]]])),
    ),
  };
  if (kind === 'fill_in_blank') {
    const answer = textOf(problem['answer'], 'answer', longest.answer, place, problems);
    return answer === undefined
      ? undefined
      : {
          ...record,
          media: { key: `${kind}/${id}`, parts: [picture('image.png')] },
          answer,
          references: [answer],
          choices: [],
        };
  }
  const choices = textListOf(problem['choices'], 'choices', longest.answer, place, problems);
  if (choices === undefined) return undefined;
  const right =
    typeof problem['answer'] === 'string' && /^\d+$/.test(problem['answer'])
      ? Number(problem['answer'])
      : problem['answer'];
  if (!Number.isInteger(right) || choices[right as number] === undefined)
    return void problems.add(
      place,
      'the answer is none of its choices',
      `answer ${String(problem['answer']).slice(0, 40)} of ${choices.length} choices`,
    );
  if (kind === 'choose_txt') {
    if (new Set(choices).size !== choices.length) return void problems.add(place, 'a choice is there twice');
    const answer = choices[right as number]!;
    return {
      ...record,
      media: { key: `${kind}/${id}`, parts: [picture('image.png')] },
      answer,
      references: [answer],
      choices,
    };
  }
  if (choices.length > places.length || choices.some((file) => !/^[A-Za-z0-9_-]+\.(png|jpg)$/.test(file)))
    return void problems.add(place, 'its choices are no picture files', choices.join(', ').slice(0, 80));
  const answer = places[right as number]!;
  return {
    ...record,
    media: { key: `${kind}/${id}`, parts: [picture('image.png'), ...choices.map(picture)] },
    answer,
    references: [answer],
    choices: places.slice(0, choices.length),
  };
}
