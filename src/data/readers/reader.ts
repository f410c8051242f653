/** What the reader of one published format is: from its files to checked records. */
import type { TaskManifest } from '../../manifest/taskManifest';
import type { ReleasedFiles } from './files';
import type { Once, Problems, ReleasedRecord } from './record';

export interface ReadContext {
  manifest: TaskManifest;
  files: ReleasedFiles;
  /** faulty records go here */
  problems: Problems;
  /** ids over all files of the task */
  ids: Once;
  /** an empty folder in the cache for what must lie on the disk while the set is made */
  scratch: string;
}

/**
 * Reads all questions of a release. A faulty record becomes a problem and the others are read on; a file that is
 * missing or cannot be read at all throws UserError.
 */
export type Reader = (context: ReadContext) => Promise<ReleasedRecord[]>;
