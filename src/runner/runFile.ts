/** run.json: what a run was, on what it ran, and how it ended. Written whole by temporary file, fsync and rename. */
import type { RunSpec } from '../manifest/run';

type RunStatus = 'running' | 'done' | 'failed';

export interface RunFile {
  format: 'equipoise-run/1';
  /** first 16 hexadecimal digits of the identity; also the folder's name */
  id: string;
  /** sha256, hexadecimal */
  identity: string;
  experiment: string;
  spec: RunSpec;
  status: RunStatus;
  /** one sentence for a person; only when failed */
  failure?: string;
  /** steps of the whole run */
  steps: number;
  /** last journalled step */
  step: number;
  code: {
    version: string;
    /** methodVersion of src/version.ts, part of the identity; version, commit and lockfile only say which sources ran */
    method?: string;
    commit: string | null;
    /** the program or its packages differed from the commit, as code.diff beside run.json says */
    dirty: boolean;
    lockfile: string;
    /** hashes of the files that define its parts and sets (src/parts/code.ts) */
    files?: Record<string, string>;
    /** what of them is part of the identity; absent where it is nothing */
    said?: Record<string, string>;
  };
  data: { task: string; identity: string };
  weights: Record<string, string>;
  /** sha256 of each part from outside this repository, by kind and name; part of the identity */
  parts?: Record<string, string>;
  machine: {
    backend: string;
    device: string;
    threads: number;
    node: string;
    tensorflow: string | null;
    packages: Record<string, string>;
  };
  notices: string[];
  /** wall-clock facts; the only place where time enters, never part of results */
  times: {
    started: string;
    finished: string | null;
    trainSeconds: number;
    evaluateSeconds: number;
    secondsPerStep: number;
  };
  /** final evaluation record, copied for quick reading */
  final: import('../train/records').EvaluateRecord | null;
}

/** The text of a run.json. */
export function runFileText(file: RunFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
