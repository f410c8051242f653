/**
 * The commands of Slurm: sbatch, squeue, scancel, scontrol. Texts in fixed formats, never JSON, whose types change
 * between versions.
 */
import { spawnSync } from 'node:child_process';
import { exitCode, userError } from '../../problems';

/** A task of a job array as squeue tells it. */
export interface QueuedTask {
  /** number of the array's job */
  job: number;
  task: number;
  /** name of the job */
  name: string;
  /** PENDING, RUNNING, COMPLETING, ... */
  state: string;
  /** time used, as Slurm writes it */
  time: string;
  /** empty while it waits */
  node: string;
  /** why it waits; `None` when it does not */
  reason: string;
}

const limit = 60_000;

/** Runs one of Slurm's commands. Throws UserError when it is not installed, does not answer, or refuses. */
function call(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: limit, maxBuffer: 256 * 1024 ** 2, ...options });
  if (result.error !== undefined) {
    const code = (result.error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      throw userError(
        {
          where: command,
          what: 'is not installed here',
          expected: 'the commands of Slurm',
          hint: 'run it on a login node of the cluster',
        },
        exitCode.unavailable,
      );
    throw userError(
      {
        where: command,
        what: code === 'ETIMEDOUT' ? `has not answered for ${limit / 1000} s` : result.error.message,
        hint: 'try again',
      },
      exitCode.unavailable,
    );
  }
  if (result.status === 0) return result.stdout;
  const words = result.stderr.trim().split('\n').slice(0, 5).join('; ').slice(0, 600);
  const absent =
    /unable to contact|connection (refused|timed out)|socket timed out|could not establish a configuration/i.test(
      words,
    );
  throw userError(
    {
      where: command,
      what: words === '' ? `ended with exit code ${result.status}` : words,
      ...(absent ? { hint: 'is the cluster up? try again' } : {}),
    },
    absent ? exitCode.unavailable : exitCode.badInput,
  );
}

/** Submits a script; its relative paths begin in `folder`. Returns the number of the job. */
export function submitScript(script: string, folder: string, env: NodeJS.ProcessEnv): number {
  const answer = call('sbatch', ['--parsable', script], { cwd: folder, env });
  const number = /^(\d+)(;|$)/.exec(answer.trim().split('\n').at(-1) ?? '');
  if (number === null)
    throw userError(
      { where: 'sbatch', what: `answered ${JSON.stringify(answer.slice(0, 200))}`, expected: 'the number of the job' },
      exitCode.failed,
    );
  return Number(number[1]);
}

/** Tasks of job arrays of this user that wait or run, in the order of squeue. */
export function queuedTasks(): QueuedTask[] {
  const user = process.getuid?.() ?? 0;
  const answer = call('squeue', ['--noheader', '--array', `--user=${user}`, '--format=%F|%K|%j|%T|%M|%N|%r']);
  return parseQueue(answer);
}

/**
 * Reads squeue's lines. Jobs that are no arrays, and those with a bar in their name, are left out: they are none of
 * ours.
 */
export function parseQueue(text: string): QueuedTask[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split('|').map((part) => part.trim());
    const [job = '', task = '', name = '', state = '', time = '', node = '', reason = ''] = fields;
    return fields.length === 7 && /^\d+$/.test(job) && /^\d+$/.test(task)
      ? [{ job: Number(job), task: Number(task), name, state, time, node, reason }]
      : [];
  });
}

/** Cancels jobs `12` or tasks `12_3`; those that have ended meanwhile are no fault. */
export function cancelJobs(ids: readonly string[]): void {
  for (let at = 0; at < ids.length; at += 500) call('scancel', ['--quiet', ...ids.slice(at, at + 500)]);
}

/** Most tasks that an array of this cluster may have; Slurm's own default where scontrol cannot be asked. */
export function largestArray(): number {
  const standard = 1001;
  try {
    const found = /^MaxArraySize\s*=\s*(\d+)/m.exec(call('scontrol', ['show', 'config']));
    return found === null ? standard : Math.max(1, Number(found[1]));
  } catch {
    return standard;
  }
}

/**
 * The environment for sbatch: of its own variables, which lie over a script, only those that the script leaves open.
 */
export function submissionEnvironment(env: NodeJS.ProcessEnv, given: readonly string[]): NodeJS.ProcessEnv {
  const open = ['SBATCH_ACCOUNT', 'SBATCH_PARTITION', 'SBATCH_QOS', 'SBATCH_RESERVATION', 'SBATCH_CLUSTERS'].filter(
    (name) => !given.includes(name),
  );
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SBATCH_') || open.includes(name)));
}
