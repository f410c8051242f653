/**
 * What a person calls a manifest, an experiment or a run, alike for every command: by its name or by the path of what says
 * it or holds it. Light: the commands that need no manifest pay nothing for it.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { projectRoot } from '../files';
import { isObject } from '../json';
import { documentEndings, readDocument, standardInput } from '../manifest/parse';
import { nearestName } from '../nearest';
import { printable } from '../printable';
import { exitCode, UserError, userError } from '../problems';
import { projectHome } from '../project';
import { keptManifest, listExperiments, referenceFolder, resultsFolder } from '../runner/folders';

/** A manifest in the project, as its file says it before anything of it is checked. */
interface Listed {
  path: string;
  /** path below experiments/ without its ending */
  place: string;
  name: string;
  /** its own profiles, and the one that every manifest has */
  profiles: readonly string[];
}

/** A manifest that is meant; `profile` where it was named as the experiment of a profile. */
export interface MeantManifest {
  path: string;
  profile?: string;
}

const endingOf = (path: string): string | undefined =>
  documentEndings.find((ending) => path.toLowerCase().endsWith(ending));

const withoutEnding = (path: string): string => path.slice(0, path.length - (endingOf(path)?.length ?? 0));

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Where manifests are found by name: experiments/ of one's own project, then that of this program. */
const manifestFolders = (): string[] =>
  [...new Set([projectHome(), projectRoot])].map((folder) => join(folder, 'experiments'));

/** The manifests of a folder, sorted. */
function manifestsIn(top: string): string[] {
  const walk = (folder: string): string[] =>
    !existsSync(folder)
      ? []
      : readdirSync(folder, { withFileTypes: true })
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .flatMap((entry) =>
            entry.isDirectory()
              ? walk(join(folder, entry.name))
              : endingOf(entry.name) === undefined
                ? []
                : [join(folder, entry.name)],
          );
  return walk(top);
}

/** The manifests that are found by name, paths relative to the working folder, sorted; one's own first. */
export const listManifests = (): string[] =>
  manifestFolders()
    .flatMap(manifestsIn)
    .map((path) => relative(process.cwd(), path));

/** The experiment of a file, unchecked; null for one that cannot be read. */
function saidBy(path: string): Pick<Listed, 'name' | 'profiles'> | null {
  try {
    const { value } = readDocument(path);
    if (!isObject(value) || typeof value['name'] !== 'string') return null;
    const own = isObject(value['profiles']) ? Object.keys(value['profiles']) : [];
    return { name: value['name'], profiles: [...new Set([...own, 'smoke'])] };
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** The profiles of a manifest, the built-in one among them; none of a file that cannot be read. */
export const profilesIn = (path: string): readonly string[] => saidBy(path)?.profiles ?? [];

/** The experiments of a manifest, its own and that of each profile; none of a file that cannot be read. */
export function experimentsIn(path: string): string[] {
  const said = saidBy(path);
  return said === null ? [] : [said.name, ...said.profiles.map((profile) => `${said.name}-${profile}`)];
}

/** All that are found by name; one of one's own hides those of this program that are called so too. */
function listed(): Listed[] {
  const [own, ...more] = manifestFolders().map((folder) =>
    manifestsIn(folder).flatMap((file): Listed[] => {
      const said = saidBy(file);
      const place = withoutEnding(relative(folder, file)).split(sep).join('/');
      return said === null ? [] : [{ path: relative(process.cwd(), file), place, ...said }];
    }),
  );
  const isHidden = (each: Listed) => own!.some(({ name, place }) => name === each.name || place === each.place);
  return [...own!, ...more.flat().filter((each) => !isHidden(each))];
}

/** The experiments of one's own manifests. */
export const ownExperiments = (): string[] =>
  manifestsIn(join(projectHome(), 'experiments')).flatMap((path) => saidBy(path)?.name ?? []);

/** What the manifests that are found by name may be called, shortest first where both mean it. */
export const manifestNames = (): string[] => [...new Set(listed().flatMap(({ name, place }) => [name, place]))].sort();

/** Manifests by ever looser readings of a name; the first reading that finds one counts. */
function meantBy(name: string, all: readonly Listed[]): MeantManifest[] {
  const place = name.replace(/^(?:\.[\\/])?experiments[\\/]/, '');
  const readings: ((each: Listed) => MeantManifest | null)[] = [
    (each) => (each.name === name ? { path: each.path } : null),
    (each) => ([each.place, basename(each.place)].includes(place) ? { path: each.path } : null),
    (each) => {
      const profile = each.profiles.find((one) => `${each.name}-${one}` === name);
      return profile === undefined ? null : { path: each.path, profile };
    },
  ];
  for (const reading of readings) {
    const found = all.flatMap((each) => reading(each) ?? []);
    if (found.length > 0) return found;
  }
  return keptBy(name);
}

/** The manifest that lies beside the runs of an experiment. */
function keptBy(name: string): MeantManifest[] {
  const kept = join(resultsFolder(), name, keptManifest);
  const said = /^[\w.-]+$/.test(name) && isFile(kept) ? saidBy(kept) : null;
  if (said === null) return [];
  const profile = said.profiles.find((one) => `${said.name}-${one}` === name);
  return [{ path: relative(process.cwd(), kept), ...(profile === undefined ? {} : { profile }) }];
}

/**
 * The manifest that is meant: the path of a file, `-`, or the name of an experiment or of a file in experiments/. Throws
 * UserError where none is, with the nearest name, or where several are, with all of them.
 */
export function manifestNamed(typed: string): MeantManifest {
  if (typed === standardInput) return { path: typed };
  const isPath = /[\\/]/.test(typed) || endingOf(typed) !== undefined;
  if (isPath && existsSync(typed) && !isExperimentFolder(typed)) return { path: typed };
  const name = isExperimentFolder(typed) ? basename(resolve(typed)) : typed;
  const found = [...(!isPath && isFile(typed) ? [{ path: typed }] : []), ...meantBy(name, listed())];
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw noManifest(typed);
  throw userError({
    where: `manifest "${printable(typed)}"`,
    what: `may be any of ${found.length}`,
    expected: `the path of one: ${found.map(({ path }) => (dirname(path) === '.' ? `./${path}` : path)).join(', ')}`,
  });
}

function noManifest(typed: string): Error {
  const all = listed();
  const names = [...new Set(all.flatMap(({ name, place }) => [place, basename(place), name]))];
  const word = withoutEnding(basename(typed));
  const near = nearestName(word, names) ?? nearestName(word.replace(/\.[^.]+$/, ''), names);
  const nearest = all.find(({ name, place }) => [place, basename(place), name].includes(near ?? ''))?.path;
  const places = all.map(({ place }) => place);
  const some =
    places.length > 12 ? `${places.slice(0, 12).join(', ')} and ${places.length - 12} more` : places.join(', ');
  return userError({
    where: printable(typed),
    what: existsSync(typed) ? 'is a folder without a manifest' : 'there is no such file or experiment',
    expected: 'the path of a manifest, or the name of one in experiments/',
    hint:
      nearest !== undefined
        ? `did you mean ${nearest}?`
        : some === ''
          ? 'there are none in experiments/'
          : `there are ${some}`,
  });
}

/** Whether a path is the folder of an experiment in the results, one's own or committed. */
function isExperimentFolder(path: string): boolean {
  const parent = dirname(resolve(path));
  const results = resolve(resultsFolder());
  return (
    [results, join(results, referenceFolder)].includes(parent) &&
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  );
}

/**
 * The experiment that is meant, of those that there are (`names`): its name, the path of its folder, or its manifest by
 * path or name. What names none of them comes back as it was typed, for the command to say so. Throws UserError where
 * several manifests are meant.
 */
export function experimentNamed(typed: string, names: readonly string[]): string {
  if (names.includes(typed)) return typed;
  if (isExperimentFolder(typed) && names.includes(basename(resolve(typed)))) return basename(resolve(typed));
  if (isFile(typed) && endingOf(typed) !== undefined) return saidBy(typed)?.name ?? typed;
  const bare = endingOf(typed) === undefined ? typed : withoutEnding(basename(typed));
  const found = meantBy(bare, listed());
  const experiments = found.flatMap(({ path, profile }) => {
    const said = saidBy(path);
    return said === null ? [] : [profile === undefined ? said.name : `${said.name}-${profile}`];
  });
  const there = experiments.filter((name) => names.includes(name));
  if (there.length > 1)
    throw userError({
      where: `experiment "${printable(typed)}"`,
      what: `may be any of ${there.length}`,
      expected: `one of ${there.join(', ')}`,
    });
  return there[0] ?? typed;
}

/** A run as runNamed has it, else an experiment as experimentNamed has it. */
export function runOrExperimentNamed(typed: string, experiments: readonly string[]): string {
  const run = runNamed(typed);
  return run === typed ? experimentNamed(typed, experiments) : run;
}

/**
 * Why an experiment is not there: `typed` as it was given, `names` those that are. `what`: what it has not. Exit code 3
 * where a manifest says the experiment, which then is only not trained; 2 for a name that nothing has.
 */
export function noExperiment(typed: string, names: readonly string[], what: string): Error {
  const name = isFile(typed) ? (saidBy(typed)?.name ?? typed) : typed;
  const profiles = names.filter((each) => each.startsWith(`${name}-`));
  const nearest = profiles[0] ?? nearestName(name, names);
  const [said] = isFile(typed) ? [{ path: typed }] : meantBy(withoutEnding(typed), listed());
  const asked = said?.profile === undefined ? '' : ` --profile ${said.profile}`;
  return userError(
    {
      where: `experiment "${printable(name)}"`,
      what,
      expected:
        names.length === 0
          ? 'an experiment that was trained'
          : names.length > 12 && nearest !== undefined
            ? `one of ${names.length} experiments`
            : `one of ${names.join(', ')}`,
      hint:
        nearest !== undefined
          ? `did you mean ${nearest}?`
          : said === undefined
            ? 'equipoise run trains one'
            : `train it first: equipoise run ${printable(said.path)}${asked}`,
    },
    said === undefined ? exitCode.badInput : exitCode.unavailable,
  );
}

/** A run as `experiment/id` where it was named by the path of its folder; else as it was typed. */
export function runNamed(typed: string): string {
  const [results, path] = [resolve(resultsFolder()), resolve(typed)];
  const inside = relative(results, path);
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder && /^[^.\\/][^\\/]*[\\/][^\\/]+$/.test(inside) && listExperiments(results).includes(dirname(inside))
    ? inside.split(sep).join('/')
    : typed;
}
