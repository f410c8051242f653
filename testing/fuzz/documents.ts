/** Manifests, locks, records of runs and configurations of checkpoints, as targets of the fuzz net. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPaperValues } from '../../analysis/paperValues';
import { placesOfLock } from '../../src/data/readers/pin';
import { projectRoot } from '../../src/files';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { readDocument } from '../../src/manifest/parse';
import { findTask } from '../../src/manifest/taskManifest';
import { parametersOf } from '../../src/models/composition';
import { familyOf } from '../../src/models/published';
import { openProcessor } from '../../src/models/published/processors';
import { parseObject } from '../../src/json';
import { metadataFaults, readGraph } from '../../src/runner/crate/shape';
import { readRunFile } from '../../src/runner/folders';
import { readJournal } from '../../src/runner/journal';
import { loadSlurmProfile } from '../../src/runner/slurm/profile';
import { readPins } from '../../src/sources/dataManifest';
import { readDataManifests } from '../../src/sources/manifestFiles';
import { readTokenizerFolder } from '../../src/text/tokenizerJson';
import { readPredictions } from '../../src/train/predictions';
import { checkpointKinds } from '../checkpoints';
import { syntheticRecords, syntheticSpec } from '../syntheticJournals';
import type { Target } from './fuzz';

const about = { what: 'a test', command: 'none', expectedTime: 'none', lookFor: 'nothing' };
const manifest = {
  name: 'test',
  about,
  fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m', 'learningRate.backbone': 1e-3 },
  steps: 20,
  measure: { every: 5, on: 'probe', probe: 8 },
  axes: { scheduler: ['constant', { kind: 'commit', window: 3 }], seed: [1, 2] },
  when: [{ if: { scheduler: 'constant' }, then: { warmup: [1, 2] } }],
  exclude: [{ seed: [2], warmup: 1 }],
  profiles: { brief: { keep: { seed: 1 }, steps: 4 } },
  slurm: { time: '1:00:00', memory: '4G' },
};
const task = {
  name: 'mine',
  about: 'x',
  modality: 'image',
  format: 'jsonl',
  questions: [{ file: 'mine.jsonl', split: 'train' }],
  media: ['pics'],
  license: 'CC0-1.0',
  citeAs: 'x',
  prompt: 'Q: {question} A:',
  divide: { validation: 0.1 },
};

const written = (input: Buffer, ...path: string[]): string => {
  const file = join(...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, input);
  return file;
};
const isList = (read: unknown): boolean => Array.isArray(read);
const project = (...path: string[]): { value: unknown } => ({
  value: JSON.parse(readFileSync(join(projectRoot, ...path), 'utf8')),
});

const manifests: Target[] = [
  {
    name: 'manifest of an experiment',
    sample: { value: manifest },
    read: (input, place) => expand(loadManifest(written(input, place, 'm.json'))).length,
    result: (runs) => typeof runs === 'number' && runs > 0,
  },
  {
    name: 'manifest of a task',
    sample: { value: task },
    read: (input, place) => (written(input, place, 'tasks', 'mine.json'), findTask('mine')?.manifest.name),
    result: (name) => name === 'mine',
  },
  {
    name: 'data manifest',
    sample: project('data-manifests', 'twemoji.json'),
    read: (input, place) => (
      written(input, place, 'sources', 'twemoji.json'),
      readDataManifests(join(place, 'sources')).map(({ name }) => name)
    ),
    result: (names) => (names as string[]).join() === 'twemoji',
  },
  {
    name: 'pins of a source',
    sample: {
      value: {
        format: 'equipoise-pins/1',
        files: [{ id: 'a', contentUrl: 'hf:a/b@main#c', revision: 'abc', bytes: 3, sha256: 'a'.repeat(64) }],
      },
    },
    read: (input, place) => (written(input, place, 'pins', 'x.json'), readPins('x', place)),
    result: isList,
  },
  {
    name: 'lock of a task',
    sample: {
      value: {
        format: 'equipoise-lock/1',
        name: 'x',
        places: [{ name: 'a', files: 1, bytes: 3, sha256: 'a'.repeat(64) }],
      },
    },
    read: (input, place) => placesOfLock(readDocument(written(input, place, 'x.json')).value, 'x.json'),
    result: isList,
  },
  {
    name: 'Slurm profile',
    sample: {
      value: {
        partition: 'gpu',
        time: '2:00:00',
        prologue: ['true'],
        environment: { A: 'b' },
        when: [{ if: { seed: 1 }, then: { gpus: 1 } }],
      },
    },
    read: (input, place) => loadSlurmProfile(written(input, place, 'x.json')),
    result: (read) => typeof read === 'object',
  },
  {
    name: 'paper values',
    sample: { value: { values: [{ task: 'textvqa', method: 'commit', value: 0.4, source: 'table 1' }] } },
    read: (input, place) => readPaperValues(written(input, place, 'x.json')),
    result: isList,
  },
];

const spec = syntheticSpec('emoji-icon-qa', 'commit', 'equal rates', 1, 4);
const records = syntheticRecords(spec, { steps: 4, every: 2, validateEvery: 2 });
const lines = (value: unknown): string =>
  (Array.isArray(value) ? value : [value]).map((line) => `${JSON.stringify(line)}\n`).join('');
const runFile = {
  format: 'equipoise-run/1',
  id: 'a'.repeat(16),
  identity: 'a'.repeat(64),
  experiment: 'x',
  spec,
  status: 'done',
  steps: 4,
  step: 4,
  code: { version: '0.1.0', commit: null, dirty: false, lockfile: '' },
  data: { task: spec.task, identity: 'b' },
  weights: {},
  machine: { backend: 'cpu', device: 'cpu', threads: 1, node: '', tensorflow: null, packages: {} },
  notices: [],
  times: { started: '', finished: null, trainSeconds: 1, evaluateSeconds: 1, secondsPerStep: 1 },
  final: records.at(-1),
};
const prediction = {
  id: 'a',
  task: 't',
  kind: 'k',
  slice: 's',
  answer: 'b',
  choices: ['b', 'c'],
  chosen: 'b',
  likelihoods: [-1, -2],
  generated: null,
  loss: 1,
  labels: 2,
};

const runs: Target[] = [
  {
    name: 'run.json',
    sample: { value: runFile },
    read: (input, place) => readRunFile(written(input, place, 'run.json')).state,
    result: (state) => ['read', 'foreign', 'unreadable'].includes(state as string),
  },
  {
    name: 'journal',
    sample: { value: records, text: lines },
    read: (input, place) => readJournal(written(input, place, 'metrics.jsonl')).records,
    result: (read) => (read as { step: number }[]).every(({ step }) => Number.isInteger(step)),
  },
  {
    name: 'predictions',
    sample: { value: [prediction, prediction], text: lines },
    read: (input) => readPredictions(input.toString('utf8'), 'x'),
    result: isList,
  },
  {
    name: 'metadata of a crate',
    sample: {
      value: {
        '@context': ['https://w3id.org/ro/crate/1.1/context'],
        '@graph': [
          { '@id': './', '@type': 'Dataset', name: 'x' },
          { '@id': '#a', '@type': ['CreateAction'], instrument: { '@id': '#b' }, object: [{ '@id': './' }] },
        ],
      },
    },
    read: (input) => {
      const { graph, faults } = readGraph(input.toString('utf8'));
      return [
        ...faults,
        ...metadataFaults({ '@context': [], '@graph': [{ '@id': './', '@type': 'Dataset', name: 'x' }] }, graph),
      ];
    },
    result: (faults) => (faults as unknown[]).every((fault) => typeof fault === 'string'),
  },
];

const fixtures = join(projectRoot, 'test', 'fixtures', 'processors');
const files = ['config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'] as const;

/** Configurations of each family: what it would be built of, and its processor on a text. */
function checkpoints(): Target[] {
  return checkpointKinds.flatMap((kind) =>
    files.map((name): Target => ({
      name: `${kind}: ${name}`,
      sample: project('test', 'fixtures', 'processors', kind, name),
      read(input, place) {
        for (const file of files)
          if (file === name) writeFileSync(join(place, file), input);
          else copyFileSync(join(fixtures, kind, file), join(place, file));
        if (name.startsWith('tokenizer')) {
          const tokenizer = readTokenizerFolder(place);
          return tokenizer.encode('What is it? é').every((id) => id >= 0 && id < tokenizer.vocabulary);
        }
        if (name === 'config.json')
          parametersOf(familyOf(parseObject(input.toString('utf8'), 'config.json'), 'config.json'));
        const { text } = openProcessor(place);
        return text({ turns: [{ question: 'What is it?', answer: 'it' }] }, [1]).inputIds.length > 0;
      },
      result: (read) => read === true,
    })),
  );
}

/** All documents. */
export const documentTargets = (): Target[] => [...manifests, ...runs, ...checkpoints()];
