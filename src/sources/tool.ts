/** Runs a program of the user's machine (npm, apt-get) without a shell. */
import { spawn } from 'node:child_process';

export type ToolResult =
  | { kind: 'absent' }
  | {
      kind: 'ended';
      code: number;
      /** standard output and error together, the last 20,000 characters */
      output: string;
    };

/** Runs `command` in `folder` and waits for its end. `absent` when there is no such program; never throws for its failure. */
export function runTool(
  command: string,
  args: string[],
  folder: string,
  environment: Record<string, string> = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-20_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve({ kind: 'absent' }) : reject(error),
    );
    child.on('close', (code) => resolve({ kind: 'ended', code: code ?? 1, output }));
  });
}

/** The lines of a tool's output that tell a person why it failed: its last few that are not empty. */
export function lastLines(output: string, count: number = 3): string {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-count)
    .join(' / ');
}
