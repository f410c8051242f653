/**
 * MACS (Martin and Mesaros, DCASE 2021). As released (Zenodo 5114771): `MACS.yaml`, a map whose `files` lists {filename, annotations: [{sentence, tags, annotator_id}]},
 * over sounds of TAU Urban Acoustic Scenes 2019, development (Zenodo 2589280; 48 kHz stereo), in folder `audio/` of its zip archives
 * (fields as aac-datasets reads them, datasets/functional/macs.py). There is no official split: sounds are divided by the place of recording,
 * which their names give as scene-city-place-segment-device. In training each caption is an example; otherwise a sound is one, with all captions as references.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { userError } from '../../problems';
import type { Reader } from './reader';
import { longest, textOf, type ReleasedRecord } from './record';

const captionQuestion = 'What do you hear?';

export const readMacs: Reader = async ({ manifest, files, problems }) => {
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    const lines = new LineCounter();
    const document = parseDocument(await files.text(file), {
      lineCounter: lines,
      uniqueKeys: true,
      merge: false,
      schema: 'core',
    });
    const [error] = document.errors;
    if (error !== undefined)
      throw userError({
        where: file,
        what: `is not YAML (${error.message.split('\n')[0]})`,
        expected: 'MACS.yaml as released',
      });
    const list = document.get('files');
    if (!isSeq(list)) throw userError({ where: file, what: 'has no list `files`', expected: 'MACS.yaml as released' });
    for (const node of list.items as Node[]) {
      const place = `${file}:${lines.linePos(node.range?.[0] ?? 0).line}`;
      if (!isMap(node)) {
        problems.add(place, 'the record is no map');
        continue;
      }
      const name = textOf(scalar(node.get('filename', true)), 'filename', 300, place, problems);
      const annotations = node.get('annotations');
      if (name === undefined) continue;
      if (!isSeq(annotations) || annotations.items.length === 0) {
        problems.add(place, 'no annotations');
        continue;
      }
      const captions: { sentence: string; tags: string[]; annotator: unknown }[] = [];
      for (const annotation of annotations.items as Node[]) {
        const at = `${file}:${lines.linePos(annotation.range?.[0] ?? 0).line}`;
        if (!isMap(annotation)) {
          problems.add(at, 'the annotation is no map');
          continue;
        }
        const sentence = textOf(scalar(annotation.get('sentence', true)), 'caption', longest.answer, at, problems);
        const tags = annotation.get('tags');
        if (sentence !== undefined)
          captions.push({
            sentence,
            tags: isSeq(tags) ? tags.items.map((tag) => String(scalar(tag))).slice(0, longest.choices) : [],
            annotator: scalar(annotation.get('annotator_id', true)) ?? null,
          });
      }
      if (captions.length === 0) continue;
      records.push({
        place,
        id: `macs/${name}`,
        split: split ?? null,
        slice: split ?? 'divided',
        group: name.split('-').slice(0, 3).join('-'),
        kind: 'caption',
        question: captionQuestion,
        answer: captions[0]!.sentence,
        references: captions.map(({ sentence }) => sentence),
        choices: [],
        media: { key: name, parts: [[`audio/${name}`, name]] },
        released: { tags: captions.map(({ tags }) => tags), annotator_id: captions.map(({ annotator }) => annotator) },
      });
    }
  }
  return records;
};

/** The value of a scalar; aliases and everything else have none. */
function scalar(node: unknown): unknown {
  return isScalar(node) ? node.value : undefined;
}
