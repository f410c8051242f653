/** Where tasks and checkpoints are looked up: in the folders of the project, or in those that a crate brings. */
import { join } from 'node:path';
import { projectRoot } from './files';
import { projectPath } from './project';

/** What is looked up by a name that a manifest gives. */
export interface LookedUp {
  /** manifests of a user's own tasks */
  tasks: string;
  /** manifests of the published sets */
  publishedTasks: string;
  /** a user's own checkpoints, one folder each */
  checkpoints: string;
}

let brought: LookedUp | undefined;

/** The folders of now; none of them need exist. */
export function lookedUp(): LookedUp {
  return (
    brought ?? {
      tasks: projectPath('tasks'),
      publishedTasks: join(projectRoot, 'data-manifests', 'published'),
      checkpoints: projectPath('checkpoints'),
    }
  );
}

/**
 * What `work` gives while names are looked up in these folders alone. `work` must not wait for anything: others would
 * look there too.
 */
export function lookingUpIn<T>(folders: LookedUp, work: () => T): T {
  const before = brought;
  brought = folders;
  try {
    return work();
  } finally {
    brought = before;
  }
}
