/** Programs of the machine that linking uses: finding them, running them, and what their failure means in one line. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { exitCode, userError, UserError } from '../../problems';

export interface ToolResult {
  /** exit code, or null when the tool was ended by a signal or could not start */
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** Absolute path of the first of `names` that is on PATH, or null. */
export function findTool(...names: string[]): string | null {
  for (const name of names) {
    if (isAbsolute(name)) {
      if (isExecutable(name)) return name;
      continue;
    }
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return null;
}

/** Runs a program without a shell and waits for its end; never throws for a failure of the program itself. */
export function runTool(
  path: string,
  args: string[],
  options: { seconds: number; folder?: string; environment?: NodeJS.ProcessEnv; signal?: AbortSignal },
): Promise<ToolResult> {
  return new Promise((resolve) => {
    execFile(
      path,
      args,
      {
        cwd: options.folder,
        env: options.environment ?? process.env,
        signal: options.signal,
        timeout: options.seconds * 1000,
        maxBuffer: 64 << 20,
        encoding: 'utf8',
      },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({
          code,
          signal: error?.signal ?? null,
          out,
          err: err || (code === null && error !== null ? error.message : ''),
        });
      },
    );
  });
}

/** The line of a tool's output that says what went wrong: the last with `error:` in it, else the last. */
export function errorLine(result: ToolResult): string {
  if (result.signal !== null) return `ended by ${result.signal}`;
  const lines = `${result.out}\n${result.err}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.filter((line) => /error:/i.test(line)).at(-1) ?? lines.at(-1) ?? `exit code ${result.code}`).slice(
    0,
    300,
  );
}

/** Whether this machine has an NVIDIA driver. */
export function hasNvidia(): boolean {
  return existsSync('/dev/nvidiactl') || findTool('nvidia-smi') !== null;
}

/** An error of one way to link: shown as one line, after which the next way is tried. */
export function linkError(where: string, what: string, hint?: string): UserError {
  return userError({ where, what, ...(hint === undefined ? {} : { hint }) }, exitCode.unavailable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
