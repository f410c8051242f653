/** What equipoise.json says of what is exported. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileObjects } from '../../sources/dataManifest';
import { findSource, sourceIdentity } from '../../sources/sources';
import { sha256, writeWhole } from '../../files';
import type { ConnectorSpec, RunSpec } from '../../manifest/run';
import { toldAccuracy } from '../../train/records';
import type { RunFile } from '../runFile';
import type { TrainedRun, Which } from './trained';

/** What was written of the backbone: a LoRA adapter, the whole of it, or nothing, since it was frozen. */
export type BackboneForm = 'adapter' | 'whole' | 'frozen';

/** Where base weights come from. */
export interface BaseFacts {
  source: string;
  identity: string;
  license: string;
  url: string;
  citeAs: string;
  files: { name: string; contentUrl: string; sha256: string }[];
}

/** What every exported run says of itself. */
export interface RunFacts {
  format: 'equipoise-export/1';
  run: {
    id: string;
    identity: string;
    experiment: string;
    code: RunFile['code'];
    data: RunFile['data'];
    spec: RunSpec;
  };
  weights: {
    which: Which;
    step: number;
    steps: number;
    /** of the final evaluation, of choices or else of free answers; null for `best`, which it did not see */
    accuracy: number | null;
  };
}

/** A run of the small zoo. */
export interface ExportFacts extends RunFacts {
  backbone: {
    name: string;
    form: BackboneForm;
    base: BaseFacts;
    /** rows of the whole embedding */
    vocabularySize: number | null;
    /** ids whose rows were trained; null where the embedding was not trained */
    trainedRows: readonly number[] | null;
  };
  connector: {
    spec: ConnectorSpec;
    /** prefix tokens for the backbone */
    tokens: number;
    /** features of the encoder, [rows, features] */
    rows: number;
    features: number;
    startsFrom: BaseFacts[];
  };
  /** `trained`: something inside the tower was; `base` is null for a tower without pretrained weights */
  encoder: { name: string; trained: boolean; bases: BaseFacts[] };
}

/** A run from a published checkpoint. */
export interface CheckpointFacts extends RunFacts {
  form: BackboneForm;
  /** whether there is an adapter_model.safetensors: of the language model, or of the tower alone */
  adapter: boolean;
  checkpoint: {
    name: string;
    identity: string;
    /** null for a folder of the user's own */
    published: BaseFacts | null;
  };
  /** whether there is a trained_parameters.safetensors */
  parameters: boolean;
}

/** Where base weights come from, as their data manifest says. */
export function baseFacts(source: string): BaseFacts {
  const manifest = findSource(source);
  return {
    source,
    identity: sourceIdentity(source),
    license: manifest.license,
    url: manifest.url,
    citeAs: manifest.citeAs,
    files: fileObjects(manifest).map(({ '@id': name, contentUrl, sha256: hash }) => ({
      name,
      contentUrl,
      sha256: hash,
    })),
  };
}

/** The part of a run's own. */
export const runFacts = ({ file, step }: TrainedRun, which: Which): RunFacts => ({
  format: 'equipoise-export/1',
  run: {
    id: file.id,
    identity: file.identity,
    experiment: file.experiment,
    code: file.code,
    data: file.data,
    spec: file.spec,
  },
  weights: {
    which,
    step,
    steps: file.steps,
    accuracy: which === 'last' && file.final !== null ? toldAccuracy(file.final) : null,
  },
});

/** Writes equipoise.json with the hashes of all other files, and returns all names. */
export function seal(folder: string, facts: object): string[] {
  const names = readdirSync(folder).sort();
  const files = Object.fromEntries(
    names.map((file) => {
      const bytes = readFileSync(join(folder, file));
      return [file, { bytes: bytes.length, sha256: sha256(bytes) }];
    }),
  );
  writeWhole(join(folder, 'equipoise.json'), `${JSON.stringify({ ...facts, files }, null, 2)}\n`);
  return [...names, 'equipoise.json'].sort();
}
