/**
 * Data manifests: one narrow Croissant-1.0 file per data set or weight set, checked whole before anything is fetched.
 */
import Ajv2020, { type ErrorObject } from 'ajv/dist/2020';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSha256, projectRoot } from '../files';
import { objectIn } from '../json';
import { Problem, UserError } from '../problems';
import { zipFormat } from './archive';
import { addressProblems, isSafePath, parseContentUrl } from './contentUrl';
import schema from './dataManifestSchema.json';

/** One file with its address, size and hash. */
export interface FileObject {
  '@type': 'cr:FileObject';
  '@id': string;
  /**
   * the file's name at its publisher; for `deb:` the path in a Debian mirror, e.g.
   * `pool/main/s/scratch/scratch_1.4_all.deb`
   */
  name?: string;
  description?: string;
  contentUrl: string;
  /**
   * where the rest of the file comes from, in order, when its publisher has cut it into files of several packages; size
   * and hash are those of the whole
   */
  continuedBy?: string[];
  /** bytes, e.g. `1547134 B`; empty in memory while a file is not pinned (pins.ts) */
  contentSize: string;
  /** empty in memory while a file is not pinned */
  sha256: string;
  encodingFormat: string;
}

/** The files of an archive that are used, chosen by globs on their names in the archive. */
export interface FileSet {
  '@type': 'cr:FileSet';
  '@id': string;
  name?: string;
  description?: string;
  containedIn: { '@id': string };
  includes: string[];
  encodingFormat: string;
}

export interface DataManifest {
  '@context': object;
  '@type': 'sc:Dataset';
  conformsTo: string;
  name: string;
  description: string;
  keywords: string[];
  license: string;
  citeAs: string;
  citation?: string;
  url: string;
  version?: string;
  datePublished?: string;
  distribution: (FileObject | FileSet)[];
}

/** What the first fetch of a file found, for files whose manifest states no hash. */
export interface Pin {
  id: string;
  /** as in the manifest */
  contentUrl: string;
  /** commit */
  revision: string;
  bytes: number;
  sha256: string;
}

/** The lock file of a source's pins. */
export const pinsPath = (name: string, folder: string): string => join(folder, 'pins', `${name}.json`);

/** The pins of a source; none when it was never fetched. Throws UserError for a file that is not one of pins. */
export function readPins(name: string, folder: string): Pin[] {
  const path = pinsPath(name, folder);
  if (!existsSync(path)) return [];
  const value = objectIn(readFileSync(path, 'utf8')) ?? {};
  const isPin = (pin: Partial<Pin> | null): boolean =>
    typeof pin?.id === 'string' &&
    typeof pin.contentUrl === 'string' &&
    /^[A-Za-z0-9][\w.-]*$/.test(pin.revision ?? '') &&
    Number.isSafeInteger(pin.bytes) &&
    isSha256(pin.sha256);
  if (
    value['format'] !== 'equipoise-pins/1' ||
    !Array.isArray(value['files']) ||
    !value['files'].every((pin) => isPin(pin as Partial<Pin> | null))
  )
    throw new UserError([
      {
        where: path,
        what: 'is not a lock file of pins',
        expected: 'what `equipoise data fetch` wrote',
        hint: 'restore it, or remove it to pin anew what the hub has now',
      },
    ]);
  return value['files'] as Pin[];
}

/**
 * A manifest whose unpinned files are as the lock file has them: size, hash, and the commit as their revision. A pin of
 * another address does not count.
 */
export function withPins(manifest: DataManifest, folder: string): DataManifest {
  if (fileObjects(manifest).every((file) => file.sha256 !== undefined)) return manifest;
  const pins = new Map(readPins(manifest.name, folder).map((pin) => [pin.id, pin]));
  return {
    ...manifest,
    distribution: manifest.distribution.map((entry) => {
      if (entry['@type'] !== 'cr:FileObject' || entry.sha256 !== undefined) return entry;
      const pin = pins.get(entry['@id']);
      if (pin === undefined || pin.contentUrl !== entry.contentUrl) return { ...entry, sha256: '', contentSize: '0 B' };
      return {
        ...entry,
        sha256: pin.sha256,
        contentSize: `${pin.bytes} B`,
        contentUrl: entry.contentUrl.replace(/@[^@#]+#/, `@${pin.revision}#`),
      };
    }),
  };
}

/** Folder of the manifests that come with the project. */
export const manifestFolder = join(projectRoot, 'data-manifests');

/** Media types of the archives that a FileSet may be contained in. */
const archiveFormats = ['application/gzip', 'application/x-tar', 'application/vnd.debian.binary-package', zipFormat];

const validate = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  discriminator: true,
  validateSchema: false,
  code: { optimize: false },
}).compile<DataManifest>(schema);

/** The FileObjects of a manifest, in its order. */
export function fileObjects(manifest: DataManifest): FileObject[] {
  return manifest.distribution.filter((entry): entry is FileObject => entry['@type'] === 'cr:FileObject');
}

/** The FileSets of a manifest, in its order. */
export function fileSets(manifest: DataManifest): FileSet[] {
  return manifest.distribution.filter((entry): entry is FileSet => entry['@type'] === 'cr:FileSet');
}

/** Bytes of a FileObject as stated by its contentSize. */
export function declaredBytes(file: FileObject): number {
  return Number.parseInt(file.contentSize, 10);
}

/**
 * Checks one parsed manifest. Returns every problem; none means that `value` is a DataManifest. `where` names the file.
 */
export function checkDataManifest(value: unknown, where: string): Problem[] {
  if (!validate(value)) return (validate.errors ?? []).map((error) => schemaProblem(error, where));
  const problems: Problem[] = [];
  const objects = new Map(fileObjects(value).map((file) => [file['@id'], file]));
  const seen = new Set<string>();
  value.distribution.forEach((entry, index) => {
    const at = `${where} /distribution/${index}`;
    if (seen.has(entry['@id']))
      problems.push({ where: at, what: `@id \`${entry['@id']}\` is used twice`, expected: 'an @id of its own' });
    seen.add(entry['@id']);
    if (!isSafePath(entry['@id']))
      problems.push({
        where: `${at}/@id`,
        what: `\`${entry['@id']}\` is no safe file name`,
        expected: 'a relative path without `..`',
      });
    if (entry['@type'] === 'cr:FileObject') {
      const isHub = parseContentUrl(entry.contentUrl)?.kind === 'hf';
      for (const key of ['sha256', 'contentSize'] as const) {
        if (entry[key] === undefined && (!isHub || entry.sha256 !== undefined || entry.contentSize !== undefined))
          problems.push({
            where: at,
            what: `key \`${key}\` is missing`,
            ...(isHub ? { expected: 'size and hash, or neither: then the first fetch pins both' } : {}),
          });
      }
      problems.push(...addressProblems(entry, at));
      return;
    }
    const archive = objects.get(entry.containedIn['@id']);
    if (archive === undefined) {
      problems.push({
        where: `${at}/containedIn`,
        what: `no FileObject has the @id \`${entry.containedIn['@id']}\``,
        expected: [...objects.keys()].map((id) => `\`${id}\``).join(' or ') || 'a FileObject',
      });
    } else if (!archiveFormats.includes(archive.encodingFormat)) {
      problems.push({
        where: `${at}/containedIn`,
        what: `\`${archive['@id']}\` has the encodingFormat ${archive.encodingFormat}`,
        expected: archiveFormats.join(' or '),
      });
    }
    entry.includes.forEach((glob, number) => {
      if (!isSafePath(glob))
        problems.push({
          where: `${at}/includes/${number}`,
          what: `\`${glob}\` is no safe glob`,
          expected: 'a relative pattern such as `images/**/*.png`',
        });
    });
  });
  return problems;
}

function schemaProblem(error: ErrorObject, where: string): Problem {
  const at = error.instancePath === '' ? where : `${where} ${error.instancePath}`;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
      return {
        where: at,
        what: `unknown key \`${String(params['additionalProperty'])}\``,
        ...(known.length > 0 ? { expected: `one of ${known.join(', ')}` } : {}),
      };
    }
    case 'required':
      return { where: at, what: `key \`${String(params['missingProperty'])}\` is missing` };
    case 'enum':
      return {
        where: at,
        what: 'not an allowed value',
        expected: `one of ${(params['allowedValues'] as unknown[]).join(', ')}`,
      };
    case 'const':
      return { where: at, what: 'not the allowed value', expected: JSON.stringify(params['allowedValue']) };
    case 'pattern':
      return { where: at, what: 'has the wrong form', expected: `text that matches ${String(params['pattern'])}` };
    case 'discriminator':
      return { where: at, what: 'unknown @type', expected: 'cr:FileObject or cr:FileSet' };
    default:
      return { where: at, what: error.message ?? error.keyword };
  }
}
