/**
 * A step measured in a process of its own: its memory is given back at its end, and where that is short the kernel may
 * end it instead of saying so.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../files';
import { exitCode, userError } from '../problems';
import { isOutOfMemory, largestBatch, memoryAdvice } from '../train/memory';

/** What a process printed as JSON, or how memory ended it. */
type Measured<T> = { kind: 'measured'; printed: T } | { kind: 'short'; how: string };

/**
 * Runs `equipoise` with these arguments, by which it prints JSON; its notes are passed on. Throws Error with its last
 * words when it fails for want of something else than memory.
 */
async function apart<T>(args: readonly string[]): Promise<Measured<T>> {
  const child = spawn(process.execPath, [join(projectRoot, 'bin', 'equipoise.cjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '',
    said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    process.stderr.write(text);
  });
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (ended, by) => resolve({ code: ended, signal: by }));
  });
  if (code === 0) return { kind: 'measured', printed: JSON.parse(printed) as T };
  if (signal === 'SIGKILL') return { kind: 'short', how: 'the process that took it was ended by SIGKILL' };
  const last = said.trim().split('\n').at(-1) ?? '';
  if (isOutOfMemory(last)) return { kind: 'short', how: last };
  throw userError(
    { where: 'the measuring process', what: last === '' ? `ended with ${signal ?? code}` : last },
    code ?? 1,
  );
}

/**
 * What `equipoise` prints with the arguments for a batch. Throws UserError (exit code 3) for one that does not fit, with
 * the largest that does.
 */
export async function measuredBatch<T>(
  where: string,
  batch: number,
  argumentsFor: (batch: number) => readonly string[],
  isRecomputed: boolean,
): Promise<T> {
  const found = await apart<T>(argumentsFor(batch));
  if (found.kind === 'measured') return found.printed;
  const largest = await largestBatch(batch, async (tried) => (await apart(argumentsFor(tried))).kind === 'measured');
  throw userError(
    {
      where,
      what: `a step with a batch of ${batch} does not fit into memory (${found.how})`,
      hint: memoryAdvice(largest, isRecomputed),
    },
    exitCode.unavailable,
  );
}
