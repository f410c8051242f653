/**
 * MACS (Martin and Mesaros, DCASE 2021). As released (Zenodo 5114771): `MACS.yaml`, a map whose `files` lists
 * {filename, annotations: [{sentence, tags, annotator_id}]}, over sounds of TAU Urban Acoustic Scenes 2019, development
 * (Zenodo 2589280; 48 kHz stereo), in folder `audio/` of its zip archives (fields as aac-datasets reads them,
 * datasets/functional/macs.py). There is no official split: sounds are divided by the place of recording, which their
 * names give as scene-city-place-segment-device. In training each caption is an example; otherwise a sound is one, with
 * all captions as references.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import { userError } from '../../problems';
import type { ReadContext, Reader } from './reader';
import { isInside, shown } from './names';
import { longest, nameOf, textOf, type ReleasedRecord } from './record';

const captionQuestion = 'What do you hear?';

/** Maps that one takes keys from by `<<`, one inside the other. */
const deepestMerge = 8;

/** A YAML file with what its aliases mean and the lines of its nodes. */
interface Release {
  root: unknown;
  /** what a node stands for: itself, or for an alias the node of its anchor; undefined for one without */
  meant(node: unknown): unknown;
  /** file and line */
  place(node: unknown): string;
}

export const readMacs: Reader = async (context) => {
  const records: ReleasedRecord[] = [];
  for (const { file, split } of context.manifest.questions) {
    const release = parseRelease(file, await context.files.text(file));
    const list = isMap(release.root) ? release.meant(valueOf(release, release.root, 'files')) : undefined;
    if (!isSeq(list)) throw userError({ where: file, what: 'has no list `files`', expected: 'MACS.yaml as released' });
    for (const item of list.items as Node[]) {
      const record = recordOf(context, release, item, split ?? null);
      if (record !== undefined) records.push(record);
    }
  }
  return records;
};

function parseRelease(file: string, text: string): Release {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
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
  // An alias means the last anchor of its name before it. One walk finds all: asking the library for each would walk
  // the file each time.
  const anchors = new Map<string, Node>();
  const meaning = new Map<unknown, Node | undefined>();
  visit(document, {
    Node: (_, node) => void (!isAlias(node) && node.anchor !== undefined && anchors.set(node.anchor, node)),
    Alias: (_, node) => void meaning.set(node, anchors.get(node.source)),
  });
  return {
    root: document.contents,
    meant: (node) => (isAlias(node) ? meaning.get(node) : node),
    place: (node) => `${file}:${lines.linePos((node as Node | undefined)?.range?.[0] ?? 0).line}`,
  };
}

/** The value of a key: the map's own, else one of the maps that it merges (`<<`). */
function valueOf(release: Release, map: YAMLMap, key: string, depth = 0): unknown {
  const of = (name: string) => map.items.find((pair) => isScalar(pair.key) && pair.key.value === name);
  const own = of(key);
  if (own !== undefined) return own.value;
  const merged = release.meant(of('<<')?.value);
  if (depth >= deepestMerge || merged === undefined) return undefined;
  for (const each of isSeq(merged) ? merged.items.slice(0, deepestMerge) : [merged]) {
    const from = release.meant(each);
    const found = isMap(from) ? valueOf(release, from, key, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function recordOf(
  { problems, ids }: ReadContext,
  release: Release,
  item: Node,
  split: ReleasedRecord['split'],
): ReleasedRecord | undefined {
  const place = release.place(item);
  const map = release.meant(item);
  if (map === undefined) return void problems.add(place, 'the alias has no anchor');
  if (!isMap(map)) return void problems.add(place, 'the record is no map');
  const repeated = map.items
    .map(({ key }) => (isScalar(key) ? key.value : undefined))
    .find((key, i, all) => key !== undefined && all.indexOf(key) !== i);
  if (repeated !== undefined) return void problems.add(place, 'a key is there twice', String(repeated).slice(0, 80));
  const name = nameOf(written(release, valueOf(release, map, 'filename')), 'filename', 300, place, problems);
  if (name === undefined) return undefined;
  if (!isInside(name)) return void problems.add(place, 'the filename is no safe name', shown(name));
  const captions = captionsOf({ problems }, release, valueOf(release, map, 'annotations'), place);
  if (captions === undefined || !ids.claim('filename', name, place)) return undefined;
  return {
    place,
    id: `macs/${name}`,
    split,
    slice: split ?? 'divided',
    group: name.split('-').slice(0, 3).join('-'),
    kind: 'caption',
    question: captionQuestion,
    answer: captions[0]!.sentence,
    references: captions.map(({ sentence }) => sentence),
    choices: [],
    media: { parts: [[`audio/${name}`, name]] },
    released: { tags: captions.map(({ tags }) => tags), annotator_id: captions.map(({ annotator }) => annotator) },
  };
}

interface Caption {
  sentence: string;
  tags: string[];
  annotator: unknown;
}

/**
 * The captions of a sound; undefined after a fault was noted. At most as many as a list may have: aliases make long
 * lists cheap.
 */
function captionsOf(
  { problems }: Pick<ReadContext, 'problems'>,
  release: Release,
  value: unknown,
  place: string,
): Caption[] | undefined {
  const list = release.meant(value);
  if (isAlias(value) && list === undefined) return void problems.add(place, 'the alias has no anchor', value.source);
  if (!isSeq(list) || list.items.length === 0) return void problems.add(place, 'no annotations');
  if (list.items.length > longest.choices)
    return void problems.add(place, 'too many annotations', `${list.items.length}; at most ${longest.choices}`);
  const captions: Caption[] = [];
  for (const item of list.items as Node[]) {
    const at = release.place(item);
    const annotation = release.meant(item);
    if (!isMap(annotation)) {
      problems.add(at, annotation === undefined ? 'the alias has no anchor' : 'the annotation is no map');
      continue;
    }
    const sentence = textOf(
      written(release, valueOf(release, annotation, 'sentence')),
      'caption',
      longest.answer,
      at,
      problems,
    );
    if (sentence === undefined) continue;
    const tagNode = valueOf(release, annotation, 'tags');
    const tags = release.meant(tagNode);
    if (isAlias(tagNode) && tags === undefined) problems.add(at, 'the alias has no anchor', tagNode.source);
    captions.push({
      sentence,
      tags: isSeq(tags) ? tags.items.slice(0, longest.choices).map((tag) => String(written(release, tag))) : [],
      annotator: plain(release, valueOf(release, annotation, 'annotator_id')) ?? null,
    });
  }
  return captions.length === 0 ? undefined : captions;
}

/**
 * The text of a scalar as it is written: a name `0123` or `1.10` is no number. Null stays null; everything else has
 * none.
 */
function written(release: Release, node: unknown): unknown {
  const scalar = release.meant(node);
  if (!isScalar(scalar)) return undefined;
  return typeof scalar.value === 'string' || scalar.value === null
    ? scalar.value
    : (scalar.source ?? String(scalar.value));
}

/** The value of a scalar; a whole number beyond 2^53 as it is written. */
function plain(release: Release, node: unknown): unknown {
  const scalar = release.meant(node);
  if (!isScalar(scalar)) return undefined;
  const { value } = scalar;
  return typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER) ? written(release, node) : value;
}
