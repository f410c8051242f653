/**
 * The metadata of a crate as a stranger may have written it: parsed, and everything wrong with its form or its list of
 * files.
 */
import { isObject } from '../../json';
import type { CrateFile } from './container';
import { isCratePath } from './container';
import { crateNames } from './paths';
import { crateFormat, crateProfile, exporterId, type Entity, type Exporter, type Metadata } from './metadata';

/** Metadata that was read, by the @id of its entities. */
export type Graph = ReadonlyMap<string, Entity>;

/** The entities of a crate's metadata, and one sentence for each fault of form. */
export function readGraph(text: string): { graph: Graph; faults: string[] } {
  const graph = new Map<string, Entity>();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { graph, faults: [`is not JSON: ${(error as Error).message}`] };
  }
  const entities = isObject(value) ? value['@graph'] : undefined;
  if (!isObject(value) || !Array.isArray(entities)) return { graph, faults: ['has no list @graph'] };
  const faults: string[] = [];
  const contexts = [value['@context']].flat();
  if (!contexts.includes(`${crateFormat}/context`)) faults.push(`its @context does not name ${crateFormat}/context`);
  entities.forEach((entity: unknown, at) => {
    if (!isObject(entity) || typeof entity['@id'] !== 'string' || typesOf(entity).length === 0)
      faults.push(`entity ${at + 1} has no @id or no @type`);
    else if (graph.has(entity['@id'])) faults.push(`${entity['@id']}: is described twice`);
    else graph.set(entity['@id'], entity as Entity);
  });
  return { graph, faults: [...faults, ...rootFaults(graph), ...actionFaults(graph)] };
}

function rootFaults(graph: Graph): string[] {
  const faults: string[] = [];
  const descriptor = graph.get(crateNames.metadata);
  if (
    descriptor === undefined ||
    !linksOf(descriptor['about']).includes('./') ||
    !linksOf(descriptor['conformsTo']).includes(crateFormat)
  ) {
    faults.push(`${crateNames.metadata}: must be about ./ and conform to ${crateFormat}`);
  }
  const root = graph.get('./');
  if (root === undefined || !typesOf(root).includes('Dataset')) return [...faults, './: there is no root Dataset'];
  for (const key of ['name', 'description', 'datePublished'])
    if (typeof root[key] !== 'string' || root[key] === '') faults.push(`./: has no ${key}`);
  if (root['license'] === undefined) faults.push('./: has no license');
  if (!linksOf(root['conformsTo']).includes(crateProfile)) faults.push(`./: does not conform to ${crateProfile}`);
  return faults;
}

function actionFaults(graph: Graph): string[] {
  const mentioned = new Set(linksOf(graph.get('./')?.['mentions']));
  return [...graph.values()]
    .filter((entity) => typesOf(entity).includes('CreateAction'))
    .flatMap((action) => {
      const id = action['@id'];
      const unknown = ['instrument', 'object', 'result']
        .flatMap((key) => linksOf(action[key]))
        .filter((target) => !graph.has(target));
      return [
        ...(linksOf(action['instrument']).length === 0 ? [`${id}: has no instrument`] : []),
        ...(mentioned.has(id) ? [] : [`${id}: is not mentioned by the root`]),
        ...unknown.map((target) => `${id}: refers to ${target}, which is not described`),
      ];
    });
}

function typesOf(entity: Record<string, unknown>): string[] {
  return [entity['@type']].flat().filter((type) => typeof type === 'string');
}

function linksOf(value: unknown): string[] {
  return [value].flat().flatMap((each) => (isObject(each) && typeof each['@id'] === 'string' ? [each['@id']] : []));
}

/** Every difference between the files that are listed and those that are there. */
export function listingFaults(graph: Graph, files: readonly CrateFile[]): string[] {
  const listed = [...graph.values()].filter((entity) => typesOf(entity).includes('File'));
  const found = new Map(files.map((file) => [file.path, file]));
  const names = new Set(listed.map((entity) => entity['@id']));
  return [
    ...listed.flatMap((entity) => {
      const path = entity['@id'];
      if (!isCratePath(path)) return [`${path}: is no path inside the crate`];
      const file = found.get(path);
      if (file === undefined) return [`${path}: is listed but not there`];
      if (typeof entity['sha256'] !== 'string' || typeof entity['contentSize'] !== 'string')
        return [`${path}: is listed without sha256 or contentSize`];
      if (entity['contentSize'] !== String(file.bytes))
        return [`${path}: has ${file.bytes} bytes, not ${entity['contentSize']}`];
      return entity['sha256'] === file.sha256 ? [] : [`${path}: has sha256 ${file.sha256}, not ${entity['sha256']}`];
    }),
    ...files
      .filter(({ path }) => path !== crateNames.metadata && !names.has(path))
      .map(({ path }) => `${path}: is there but not listed`),
  ];
}

/** Who says to have packed the crate. */
export function exporterOf(graph: Graph): Exporter {
  const { softwareVersion, identifier }: Record<string, unknown> = graph.get(exporterId) ?? {};
  return {
    version: typeof softwareVersion === 'string' ? softwareVersion : 'unknown',
    commit: typeof identifier === 'string' ? identifier : null,
  };
}

/** What a publisher may say of a crate in words of its own. */
const free = ['name', 'description', 'datePublished', 'license'];

/**
 * Where metadata differs from what the content of the crate gives; more entities and more properties are no difference.
 */
export function metadataFaults(expected: Metadata, graph: Graph): string[] {
  return expected['@graph'].flatMap((entity) => {
    const id = entity['@id'];
    const found = graph.get(id);
    if (found === undefined) return [`${id}: is not described`];
    const keys = Object.keys(entity).filter((key) => id !== './' || !free.includes(key));
    return keys
      .filter((key) => !covers(entity[key], found[key]))
      .map((key) => `${id}: its ${key} is not what the files of the crate give`);
  });
}

/**
 * Whether every expected value is among those found; a value of a list that has only this one need not be in a list.
 */
function covers(expected: unknown, found: unknown): boolean {
  const there = new Set([found].flat().map(canonical));
  return [expected].flat().every((each) => there.has(canonical(each)));
}

/** Links and plain values only; deeper values are none of ours and differ. */
function canonical(value: unknown): string {
  if (isObject(value))
    return typeof value['@id'] === 'string' && Object.keys(value).length === 1 ? `@${value['@id']}` : '';
  return `${typeof value} ${String(value)}`;
}
