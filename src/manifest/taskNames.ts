/**
 * Names and folders of the tasks made of released files, by their files alone; taskManifest.ts reads what the files
 * say.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, workFolder } from '../files';
import { lookUp } from '../parts/define';
import { UserError, type Problem } from '../problems';
import { tasks } from './names';

/** Folder of the manifests of published sets. */
export const publishedTaskFolder = join(projectRoot, 'data-manifests', 'published');

/** Whether a task manifest may have this name. */
export function isTaskFileName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,63}$/.test(name);
}

/** Folder of a user's own tasks: EQUIPOISE_TASKS, else `tasks/` in the project. It need not exist. */
export function ownTaskFolder(): string {
  const given = process.env['EQUIPOISE_TASKS'];
  return given === undefined || given === '' ? join(workFolder, 'tasks') : given;
}

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
  const names = namesIn(ownTaskFolder());
  const taken = names.filter((name) => lookUp(tasks, name) !== undefined);
  if (taken.length > 0)
    throw new UserError(
      taken.map((name): Problem => ({
        where: join(ownTaskFolder(), `${name}.json`),
        what: `the name ${name} belongs to a task that comes with Equipoise`,
        expected: 'another name',
      })),
    );
  return names;
}

/** Names of the published sets that have a manifest, sorted. */
export function publishedTaskNames(): string[] {
  return namesIn(publishedTaskFolder);
}
