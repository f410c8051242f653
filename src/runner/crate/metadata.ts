/**
 * ro-crate-metadata.json: RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) after the Process Run Crate profile 0.5
 * (https://w3id.org/ro/wfrun/process/0.5): one CreateAction a run, made by this program from the manifest and the data
 * manifests. A function of the crate's other files and of who exported it, so that it can be made again and compared.
 */
import { canonicalJson, sha256 } from '../../files';
import { experimentOf, type Manifest } from '../../manifest/content';
import type { RunFile } from '../runFile';
import type { CrateFile } from './container';
import { sourcesOf, type CrateRun } from './content';
import { type Inputs, recordsOf } from './inputs';
import { crateNames, lockfilePath, pathOf, runFileNames, sourcePath } from './paths';

/** Something of a crate, by its @id. */
export type Entity = { '@id': string; '@type': string } & Record<string, unknown>;

export interface Metadata {
  '@context': unknown;
  '@graph': Entity[];
}

/** The program that packed a crate and drew its figures. */
export interface Exporter {
  version: string;
  commit: string | null;
}

interface CrateContent {
  manifest: Manifest;
  /** by id */
  runs: readonly CrateRun[];
  inputs: Inputs;
  /** all but the metadata, by path */
  files: readonly CrateFile[];
  exporter: Exporter;
}

export const crateFormat = 'https://w3id.org/ro/crate/1.1';
export const crateProfile = 'https://w3id.org/ro/wfrun/process/0.5';
export const exporterId = '#exporter';
const analysisId = '#analysis';
const licence = 'https://spdx.org/licenses/Apache-2.0';

/** sha256 is newer in schema.org than the context of RO-Crate 1.1. */
const context = [`${crateFormat}/context`, { sha256: 'http://schema.org/sha256' }];

const link = (id: string) => ({ '@id': id });

/** The metadata of a crate. The same content gives the same value. */
export function metadataOf(content: CrateContent): Metadata {
  const { runs, inputs, files, exporter } = content;
  const experiment = experimentOf(content.manifest);
  const present = new Set(files.map(({ path }) => path));
  const actions = actionsOf(content, experiment, present);
  const programs = new Map(runs.map(({ file }) => [programId(file), programOf(file, present)]));
  return {
    '@context': context,
    '@graph': [
      { '@id': crateNames.metadata, '@type': 'CreativeWork', about: link('./'), conformsTo: link(crateFormat) },
      rootOf(content, experiment, actions),
      { '@id': crateProfile, '@type': 'CreativeWork', name: 'Process Run Crate', version: '0.5' },
      {
        '@id': licence,
        '@type': 'CreativeWork',
        name: 'Apache License 2.0',
        description: 'of this program, the journals, figures and tables; data and weights keep their own licences',
      },
      {
        '@id': exporterId,
        '@type': 'SoftwareApplication',
        name: 'equipoise',
        softwareVersion: exporter.version,
        ...(exporter.commit === null ? {} : { identifier: exporter.commit }),
      },
      ...programs.values(),
      ...actions,
      ...worksOf(inputs),
      ...files.map((file) => fileEntity(file, experiment)),
    ],
  };
}

/** One action a run, and one for what was drawn of them. */
function actionsOf({ runs, inputs, files }: CrateContent, experiment: string, present: ReadonlySet<string>): Entity[] {
  const drawn = files
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`${crateNames.figures}/`) || path.startsWith(`${crateNames.tables}/`));
  const results = (id: string) =>
    runFileNames.map((name) => pathOf(experiment, id, name)).filter((path) => present.has(path));
  const actions = runs.map(({ file, spec, description }): Entity => ({
    '@id': `#run-${file.id}`,
    '@type': 'CreateAction',
    name: description,
    identifier: file.identity,
    description: `trained for ${file.steps} steps${file.notices.length === 0 ? '' : `; ${file.notices.join('; ')}`}`,
    instrument: link(programId(file)),
    object: [crateNames.manifest, ...sourcesOf(spec).map(sourcePath), ...recordsOf(spec, inputs)].map(link),
    result: results(file.id).map(link),
    startTime: file.times.started,
    ...(file.times.finished === null ? {} : { endTime: file.times.finished }),
    actionStatus: 'http://schema.org/CompletedActionStatus',
  }));
  if (drawn.length === 0) return actions;
  const drawing = {
    '@id': analysisId,
    '@type': 'CreateAction',
    name: 'figures and tables',
    description: 'drawn from the journals of this crate',
    instrument: link(exporterId),
    object: runs.flatMap(({ file }) => results(file.id)).map(link),
    result: drawn.map(link),
    actionStatus: 'http://schema.org/CompletedActionStatus',
  };
  return [...actions, drawing];
}

function rootOf({ manifest, runs, files }: CrateContent, experiment: string, actions: readonly Entity[]): Entity {
  const ends = runs.map(({ file }) => file.times.finished ?? file.times.started).sort();
  return {
    '@id': './',
    '@type': 'Dataset',
    name: `${experiment}: runs, figures and tables`,
    description: manifest.about.what,
    datePublished: ends.at(-1) ?? '',
    license: link(licence),
    conformsTo: link(crateProfile),
    hasPart: files.map(({ path }) => link(path)),
    mentions: actions.map((action) => link(action['@id'])),
  };
}

const unsaid = 'not stated';

/** What the runs have read, as works of others with licence and citation. */
function worksOf({ sources, tasks, checkpoints }: Inputs): Entity[] {
  return [
    ...sources.map((source): Entity => ({
      '@id': `#source-${source.name}`,
      '@type': 'CreativeWork',
      name: source.name,
      description: source.description,
      license: source.license,
      citation: source.citeAs,
      url: source.url,
    })),
    ...tasks.map(({ task: { manifest } }): Entity => ({
      '@id': `#task-${manifest.name}`,
      '@type': 'CreativeWork',
      name: manifest.name,
      description: manifest.about,
      license: manifest.license,
      citation: manifest.citeAs,
      ...(manifest.url === undefined ? {} : { url: manifest.url }),
    })),
    ...checkpoints.map(({ name, license, citeAs }): Entity => ({
      '@id': `#checkpoint-${name}`,
      '@type': 'CreativeWork',
      name,
      description: `checkpoint ${name}, a folder of the user's own`,
      license: license ?? unsaid,
      citation: citeAs ?? unsaid,
    })),
  ];
}

/** The text of a crate's metadata. */
export const metadataText = (metadata: Metadata): string => `${JSON.stringify(metadata, null, 1)}\n`;

/** Runs by the same code on the same kind of machine share one instrument. */
const programId = ({ code, machine }: RunFile): string =>
  `#equipoise-${sha256(canonicalJson({ code, machine })).slice(0, 12)}`;

function programOf(file: RunFile, present: ReadonlySet<string>): Entity {
  const { code, machine } = file;
  const software = {
    ...machine.packages,
    node: machine.node,
    ...(machine.tensorflow === null ? {} : { tensorflow: machine.tensorflow }),
  };
  const lock = lockfilePath(code.lockfile);
  return {
    '@id': programId(file),
    '@type': 'SoftwareApplication',
    name: 'equipoise',
    softwareVersion: code.version,
    description: `method ${code.method ?? 'unknown'}, ${code.commit === null ? 'no commit is known' : `commit ${code.commit}${code.dirty ? ' with changes' : ''}`}; backend ${machine.backend}`,
    ...(code.commit === null ? {} : { identifier: code.commit }),
    processorRequirements: `${machine.device}, ${machine.threads} thread${machine.threads === 1 ? '' : 's'}`,
    softwareRequirements: [
      ...Object.entries(software)
        .map(([name, version]) => `${name} ${version}`)
        .sort(),
      ...(present.has(lock) ? [link(lock)] : []),
    ],
  };
}

const formats: Record<string, string> = {
  json: 'application/json',
  jsonl: 'application/jsonl',
  csv: 'text/csv',
  svg: 'image/svg+xml',
  pdf: 'application/pdf',
  png: 'image/png',
  md: 'text/markdown',
  tex: 'text/x-tex',
};

function fileEntity({ path, bytes, sha256: hash }: CrateFile, experiment: string): Entity {
  const format = path.endsWith('.vl.json')
    ? 'application/vnd.vegalite.v6+json'
    : formats[path.slice(path.lastIndexOf('.') + 1)];
  return {
    '@id': path,
    '@type': 'File',
    name: nameOf(path, experiment),
    contentSize: String(bytes),
    sha256: hash,
    ...(format === undefined ? {} : { encodingFormat: format }),
    ...aboutOf(path),
  };
}

/** The work that a record of an input is about. */
function aboutOf(path: string): { about?: { '@id': string } } {
  const name = path
    .split('/')
    .at(-1)!
    .replace(/\.json$/, '');
  switch (path.split('/')[0]) {
    case crateNames.data:
      return { about: link(`#source-${name}`) };
    case crateNames.tasks:
    case crateNames.locks:
      return { about: link(`#task-${name}`) };
    case crateNames.checkpoints:
      return { about: link(`#checkpoint-${path.split('/')[1]!}`) };
    default:
      return {};
  }
}

function nameOf(path: string, experiment: string): string {
  if (path === crateNames.manifest) return `manifest of ${experiment}`;
  const [folder, ...rest] = path.split('/');
  switch (folder) {
    case crateNames.results:
      return `${rest.at(-1) ?? ''} of run ${rest[1] ?? ''}`;
    case crateNames.data:
      return rest.length === 1 ? `data manifest ${rest[0]!}` : `pins of ${rest.at(-1) ?? ''}`;
    case crateNames.tasks:
      return `task manifest ${rest.at(-1) ?? ''}`;
    case crateNames.locks:
      return `hashes of the files of task ${rest.join('/')}`;
    case crateNames.checkpoints:
      return `${rest[1] ?? ''} of checkpoint ${rest[0] ?? ''}`;
    case crateNames.bytes:
      return 'data, by their sha256';
    case crateNames.environment:
      return 'lockfile of the packages';
    default:
      return `${folder ?? ''}: ${rest.join('/')}`;
  }
}
