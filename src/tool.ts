/**
 * Programs of the user's machine (npm, apt-get, python3, c++): finding them, running them without a shell, and what
 * their failure means in one line.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** How a program ended. */
export interface ToolResult {
  /** there is no such program */
  absent: boolean;
  /** exit code, or null when it was ended by a signal or could not start */
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

interface ToolOptions {
  /** where it runs; by default the working directory */
  folder?: string;
  /** on top of the environment of this process */
  environment?: Record<string, string>;
  /** after these it is ended; by default it may take for ever */
  seconds?: number;
  signal?: AbortSignal;
}

/**
 * Runs a program, named by path or looked for on PATH, and waits for its end; never throws for a failure of the program
 * itself.
 */
export function runTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        cwd: options.folder,
        env: { ...process.env, ...options.environment },
        signal: options.signal,
        timeout: (options.seconds ?? 0) * 1000,
        maxBuffer: 64 << 20,
        encoding: 'utf8',
      },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({
          absent: error?.code === 'ENOENT',
          code,
          signal: error?.signal ?? null,
          out,
          err: err || (code === null && error !== null ? error.message : ''),
        });
      },
    );
    child.stdin?.end();
  });
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

/** The line of a tool's output that says what went wrong: the last with `error:` in it, else the last. */
export function errorLine(result: ToolResult): string {
  if (result.signal !== null) return `ended by ${result.signal}`;
  const lines = linesOf(result);
  return (lines.filter((line) => /error:/i.test(line)).at(-1) ?? lines.at(-1) ?? `exit code ${result.code}`).slice(
    0,
    300,
  );
}

/** The last lines of a tool's output that are not empty, joined: where no single line says why it failed. */
export function lastLines(result: ToolResult, count: number = 3): string {
  return linesOf(result).slice(-count).join(' / ');
}

/** Whether a line says that nobody answered at an address. */
export const saysOffline = (line: string): boolean =>
  /\b(?:ECONN\w+|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/.test(line);

/** The line that says why the network could not be used, if there is one; else the last lines. */
export function causeOf(result: ToolResult): string {
  const lines = linesOf(result);
  return lines.find((line) => /reason: /.test(line)) ?? lines.find(saysOffline) ?? lastLines(result);
}

/** Lines of output and of complaints that are not empty. */
function linesOf({ out, err }: ToolResult): string[] {
  return `${out}\n${err}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
