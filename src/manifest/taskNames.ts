/**
 * Names and folders of the tasks made of released files, by their files alone; taskManifest.ts reads what the files
 * say.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lookUp } from '../parts/define';
import { UserError, type Problem } from '../problems';
import { lookedUp } from '../userFolders';
import { tasks } from './names';

/** What a task made of released files may be called, as a part of a pattern. */
export const taskNameForm = '[a-z0-9][a-z0-9-]{0,63}';

const wholeTaskName = new RegExp(`^${taskNameForm}$`);

/** Whether a task manifest may have this name. */
export const isTaskFileName = (name: string): boolean => wholeTaskName.test(name);

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((file) => (file.endsWith('.json') && isTaskFileName(file.slice(0, -5)) ? [file.slice(0, -5)] : []))
    .sort();
}

/**
 * Names of a user's own tasks, by their files, sorted; what the files say is not looked at.
 * Throws UserError for a name that a task of Equipoise has.
 */
export function ownTaskNames(): string[] {
  const names = namesIn(lookedUp().tasks);
  const taken = names.filter((name) => lookUp(tasks, name) !== undefined);
  if (taken.length > 0)
    throw new UserError(
      taken.map((name): Problem => ({
        where: join(lookedUp().tasks, `${name}.json`),
        what: `the name ${name} belongs to a task that comes with Equipoise`,
        expected: 'another name',
      })),
    );
  return names;
}

/** Names of the published sets that have a manifest, sorted. */
export function publishedTaskNames(): string[] {
  return namesIn(lookedUp().publishedTasks);
}
