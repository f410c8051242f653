/**
 * The sets by task name, generated or released: their identity (offline) and their content (from the cache, or made
 * once).
 */
import type { FoundTask } from '../manifest/taskManifest';
import { exitCode, userError } from '../problems';
import { releasedTask, releasedTaskNames } from './readers/recipe';
import { openSource, sourceIdentity } from '../sources/sources';
import type { DataSet } from './types';
import { emojiIconQa, emojiIconQa2 } from './sets/emojiIconQa';
import type { OnProgress, SetGenerator, SourceProvider } from './sets/generator';
import { grooveCap } from './sets/grooveCap';
import { picKnowQa, picKnowQa2 } from './sets/picKnowQa';
import { readQa } from './sets/readQa';
import { sceneCap } from './sets/sceneCap';
import { soundQa } from './sets/soundQa';
import type { Code } from '../parts/code';
import { codeOfSet, identityOf, materialise, setFolder } from './sets/store';

/**
 * Every generated set. A new one is one more line here and a folder beside sets/emojiIconQa; tasks.ts says what each
 * is.
 */
const generators: ReadonlyMap<string, SetGenerator> = new Map(
  [emojiIconQa, emojiIconQa2, grooveCap, picKnowQa, picKnowQa2, readQa, sceneCap, soundQa].map((generator) => [
    generator.task,
    generator,
  ]),
);

/** Sources as the data manifests describe them, fetched and verified on first use. */
const manifests: SourceProvider = {
  identity: sourceIdentity,
  open: async (name) => {
    const { manifest, folder } = await openSource(name);
    return { name, folder, licence: manifest.license };
  },
};

/** Names of the tasks whose sets are generated, sorted. */
export const setTasks: readonly string[] = [...generators.keys()].sort();

interface Recipe {
  generator: SetGenerator;
  provider: SourceProvider;
  /** the task whose files the user has put in place; undefined for a set that is made from data manifests */
  released?: FoundTask;
}

function recipeOf(task: string): Recipe {
  const generator = generators.get(task);
  if (generator !== undefined) return { generator, provider: manifests };
  const released = releasedTask(task);
  if (released === undefined) {
    throw userError(
      {
        where: 'task',
        what: `there is no set ${JSON.stringify(task)}`,
        expected: [...setTasks, ...releasedTaskNames()].join(', '),
      },
      exitCode.badInput,
    );
  }
  return { generator: released.generator, provider: released.provider, released: released.task };
}

/** What is known elsewhere of what sets are made from, in place of this machine's data manifests, locks and files. */
export interface KnownIdentities {
  /** of a source of a generated set, by name */
  source(name: string): string;
  /** of the files of a released set */
  release(task: FoundTask): string;
}

/**
 * sha256 that decides the set's bytes: generator version, options, hashes of the sources. Uses no network.
 * @throws UserError for an unknown task, or a released set whose files nobody has read yet
 */
export function setIdentity(task: string, known?: KnownIdentities): string {
  const { generator, provider, released } = recipeOf(task);
  if (known === undefined) return identityOf(generator, provider);
  return identityOf(generator, {
    identity: released === undefined ? (name) => known.source(name) : () => known.release(released),
  });
}

/** The code that makes the set of a task, by file; it is part of `setIdentity`. Throws UserError for an unknown task. */
export const setCode = (task: string): Code => codeOfSet(recipeOf(task).generator);

/** The files that define the set of a task, as `__filename` says them. Throws UserError for an unknown task. */
export const setFiles = (task: string): readonly string[] => recipeOf(task).generator.files ?? [];

/**
 * Names of the data manifests that the set of a task is made from; none for a released set. Throws UserError for an
 * unknown task.
 */
export function setSources(task: string): readonly string[] {
  const { generator, released } = recipeOf(task);
  return released === undefined ? generator.sources : [];
}

/**
 * The cache folder of the task's set, with its card.json once `loadSet` has made it. Throws UserError for an unknown
 * task.
 */
export function setPath(task: string): string {
  return setFolder(task, setIdentity(task));
}

/**
 * The set of a task, generated into the cache on first use and read back afterwards. Throws UserError for an unknown
 * task, an unavailable source, a failed check, or a damaged cache.
 */
export async function loadSet(task: string, onProgress?: OnProgress): Promise<DataSet> {
  const { generator, provider } = recipeOf(task);
  return materialise(generator, provider, onProgress);
}
