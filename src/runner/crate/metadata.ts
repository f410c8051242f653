/**
 * ro-crate-metadata.json: RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) after the Process Run Crate profile 0.5
 * (https://w3id.org/ro/wfrun/process/0.5): one CreateAction a run, made by this program from the manifest and the data
 * manifests. A function of the crate's other files and of who exported it, so that it can be made again and compared.
 */
import { canonicalJson, sha256 } from '../../files';
import type { Manifest } from '../../manifest/content';
import type { DataManifest } from '../../sources/dataManifest';
import type { RunFile } from '../runFile';
import type { CrateFile } from './container';
import { crateNames, experimentOf, lockfilePath, pathOf, runFileNames, sourcesOf, type CrateRun } from './content';

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
  sources: readonly DataManifest[];
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
export function metadataOf({ manifest, runs, sources, files, exporter }: CrateContent): Metadata {
  const experiment = experimentOf(manifest);
  const drawn = files
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`${crateNames.figures}/`) || path.startsWith(`${crateNames.tables}/`));
  const present = new Set(files.map(({ path }) => path));
  const results = (id: string) =>
    runFileNames.map((name) => pathOf(experiment, id, name)).filter((path) => present.has(path));
  const programs = new Map(runs.map(({ file }) => [programId(file), programOf(file, present)]));
  const actions = [
    ...runs.map(({ file, spec, description }): Entity => ({
      '@id': `#run-${file.id}`,
      '@type': 'CreateAction',
      name: description,
      identifier: file.identity,
      description: `trained for ${file.steps} steps${file.notices.length === 0 ? '' : `; ${file.notices.join('; ')}`}`,
      instrument: link(programId(file)),
      object: [crateNames.manifest, ...sourcesOf(spec).map(dataPath)].map(link),
      result: results(file.id).map(link),
      startTime: file.times.started,
      ...(file.times.finished === null ? {} : { endTime: file.times.finished }),
      actionStatus: 'http://schema.org/CompletedActionStatus',
    })),
    ...(drawn.length === 0
      ? []
      : [
          {
            '@id': analysisId,
            '@type': 'CreateAction',
            name: 'figures and tables',
            description: 'drawn from the journals of this crate',
            instrument: link(exporterId),
            object: runs.flatMap(({ file }) => results(file.id)).map(link),
            result: drawn.map(link),
            actionStatus: 'http://schema.org/CompletedActionStatus',
          },
        ]),
  ];
  return {
    '@context': context,
    '@graph': [
      { '@id': crateNames.metadata, '@type': 'CreativeWork', about: link('./'), conformsTo: link(crateFormat) },
      {
        '@id': './',
        '@type': 'Dataset',
        name: `${experiment}: runs, figures and tables`,
        description: manifest.about.what,
        datePublished:
          runs
            .map(({ file }) => file.times.finished ?? file.times.started)
            .sort()
            .at(-1) ?? '',
        license: link(licence),
        conformsTo: link(crateProfile),
        hasPart: files.map(({ path }) => link(path)),
        mentions: actions.map((action) => link(action['@id'])),
      },
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
      ...sources.map((source): Entity => ({
        '@id': `#source-${source.name}`,
        '@type': 'CreativeWork',
        name: source.name,
        description: source.description,
        license: source.license,
        citation: source.citeAs,
        url: source.url,
      })),
      ...files.map((file) => fileEntity(file, experiment)),
    ],
  };
}

/** The text of a crate's metadata. */
export const metadataText = (metadata: Metadata): string => `${JSON.stringify(metadata, null, 1)}\n`;

const dataPath = (source: string): string => `${crateNames.data}/${source}.json`;

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
    ...(path.startsWith(`${crateNames.data}/`)
      ? { about: link(`#source-${path.slice(crateNames.data.length + 1, -'.json'.length)}`) }
      : {}),
  };
}

function nameOf(path: string, experiment: string): string {
  if (path === crateNames.manifest) return `manifest of ${experiment}`;
  const [folder, ...rest] = path.split('/');
  switch (folder) {
    case crateNames.results:
      return `${rest.at(-1) ?? ''} of run ${rest[1] ?? ''}`;
    case crateNames.data:
      return `data manifest ${rest.join('/')}`;
    case crateNames.environment:
      return 'lockfile of the packages';
    default:
      return `${folder ?? ''}: ${rest.join('/')}`;
  }
}
