/**
 * IconQA (Lu et al., NeurIPS 2021). As released in iconqa_data.zip: `problems.json` (id -> {question, choices, answer,
 * ques_type, grade, label}), `pid_splits.json` (`<ques_type>_<train|val|test>` -> ids), and
 * `iconqa/<split>/<ques_type>/<id>/` with data.json (the same fields), image.png and, for choose_img, the choices'
 * pictures. `answer` is the index of the right choice, or the text for fill_in_blank (lupantech/IconQA, README.md and
 * run_*\/dataset.py). choose_img: the choices are drawn in a row under the picture and answered by their place, because
 * a model sees one picture.
 */
import { isObject } from '../../json';
import { exitCode, userError } from '../../problems';
import type { SplitName } from '../types';
import { contentsOf } from './files';
import { readJson, readJsonText } from './json';
import { isInside, shown } from './names';
import type { ReadContext, Reader } from './reader';
import { longest, nameOf, textOf, textListOf, type Problems, type ReleasedRecord } from './record';

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
  const { files, manifest } = context;
  const wanted = subTasks.filter((kind) => manifest.kinds === undefined || manifest.kinds.includes(kind));
  if (files.has(problemFile) && files.has(splitFile)) return readLists(context, wanted);
  const records = await readFolders(context, wanted);
  if (records === undefined)
    throw userError(
      {
        where: files.root,
        what: 'neither layout of IconQA is there',
        expected: `${problemFile} with ${splitFile}, or {train,val,test}/{${subTasks.join(',')}}/ID/data.json, in iconqa_data.zip or unpacked, at any depth`,
        hint: contentsOf(files.root),
      },
      exitCode.unavailable,
    );
  return records;
};

const [problemFile, splitFile] = ['problems.json', 'pid_splits.json'];

/**
 * The problems that pid_splits.json lists; one that problems.json holds twice is a fault, because nobody knows which is
 * meant.
 */
async function readLists(context: ReadContext, wanted: readonly SubTask[]): Promise<ReleasedRecord[]> {
  const { files, problems } = context;
  const { value: all, repeated } = await readJsonText(files, problemFile);
  const ids = await readJson(files, splitFile, problems);
  const twice = new Map(repeated.filter(({ depth }) => depth === 1).map(({ key, line }) => [key, line]));
  const records: ReleasedRecord[] = [];
  for (const each of splits) {
    for (const kind of wanted) {
      const list = isObject(ids) ? ids[`${kind}_${each.name}`] : undefined;
      if (!Array.isArray(list)) {
        problems.note(`${splitFile} has no list ${kind}_${each.name}`);
        continue;
      }
      for (const entry of list as unknown[]) {
        const id = String(entry);
        const place = `${problemFile} ${id.slice(0, 40)}`;
        const problem = isObject(all) && Object.hasOwn(all, id) ? all[id] : undefined;
        if (twice.has(id)) problems.add(place, 'the id is there twice', `again in line ${twice.get(id)}`);
        else push(records, recordOf(context, place, id, problem, kind, each));
      }
    }
  }
  return records;
}

/** The problems of all folders with a data.json; undefined when there is no such folder. */
async function readFolders(context: ReadContext, wanted: readonly SubTask[]): Promise<ReleasedRecord[] | undefined> {
  const { files, problems } = context;
  const records: ReleasedRecord[] = [];
  let found = false;
  const pattern = /(?:^|\/)(train|val|test)\/(choose_img|choose_txt|fill_in_blank)\/([^/]+)\/data\.json$/;
  for (const { name } of files.list()) {
    const [, splitName, kind, id = ''] = pattern.exec(name) ?? [];
    const each = splits.find((one) => one.name === splitName);
    if (each === undefined || !isSubTask(kind)) continue;
    found = true;
    if (!wanted.includes(kind)) continue;
    try {
      push(records, recordOf(context, name, id, await readJson(files, name, problems), kind, each));
    } catch (error) {
      problems.add(name, 'data.json cannot be read', (error as Error).message.slice(0, 160));
    }
  }
  return found ? records : undefined;
}

function isSubTask(name: string | undefined): name is SubTask {
  return subTasks.some((each) => each === name);
}

function push(records: ReleasedRecord[], record: ReleasedRecord | undefined): void {
  if (record !== undefined) records.push(record);
}

function recordOf(
  { problems, ids }: ReadContext,
  place: string,
  id: string,
  problem: unknown,
  kind: SubTask,
  { name, split, slice }: (typeof splits)[number],
): ReleasedRecord | undefined {
  if (!isInside(id) || id.includes('/')) return void problems.add(place, 'the id is no name of a folder');
  if (!isObject(problem)) return void problems.add(place, 'there is no such problem');
  if (problem['ques_type'] !== undefined && problem['ques_type'] !== kind)
    return void problems.add(place, 'its ques_type is not that of its list', String(problem['ques_type']).slice(0, 40));
  const question = textOf(problem['question'], 'question', longest.question, place, problems);
  if (question === undefined) return undefined;
  const folder = `iconqa/${name}/${kind}/${id}`;
  const picture = (file: string) => [`${folder}/${file}`, `${name}/${kind}/${id}/${file}`];
  const asked = askedOf(kind, problem, place, problems);
  if (asked === undefined || !ids.claim('id', id, place)) return undefined;
  const { pictures, ...answered } = asked;
  return {
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
    media: { parts: [picture('image.png'), ...pictures.map(picture)] },
    ...answered,
    references: [answered.answer],
  };
}

/**
 * The answer and the choices of a problem, with the pictures that are its choices; undefined after a fault was noted.
 */
function askedOf(
  kind: SubTask,
  problem: Record<string, unknown>,
  place: string,
  problems: Problems,
): { answer: string; choices: string[]; pictures: string[] } | undefined {
  if (kind === 'fill_in_blank') {
    const answer = textOf(problem['answer'], 'answer', longest.answer, place, problems);
    return answer === undefined ? undefined : { answer, choices: [], pictures: [] };
  }
  const named = kind === 'choose_img';
  const choices = textListOf(problem['choices'], 'choices', longest.answer, place, problems, named ? nameOf : textOf);
  if (choices === undefined) return undefined;
  const stated = problem['answer'];
  const right = typeof stated === 'string' && /^\d+$/.test(stated) ? Number(stated) : stated;
  const answer = Number.isInteger(right) ? choices[right as number] : undefined;
  if (answer === undefined)
    return void problems.add(
      place,
      'the answer is none of its choices',
      `answer ${String(stated).slice(0, 40)} of ${choices.length} choices`,
    );
  if (kind === 'choose_txt') {
    if (new Set(choices).size !== choices.length) return void problems.add(place, 'a choice is there twice');
    return { answer, choices, pictures: [] };
  }
  if (choices.length > places.length || choices.some((file) => !isInside(file) || !/\.(?:png|jpe?g)$/i.test(file)))
    return void problems.add(place, 'its choices are no picture files', shown(choices.join(', ').slice(0, 80)));
  return { answer: places[right as number]!, choices: places.slice(0, choices.length), pictures: choices };
}
