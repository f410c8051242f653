/** What a command tells, told again and again: the screen is drawn anew on a terminal, elsewhere only what has changed. */
import { exitCode } from '../problems';

const everyMs = 2000;

/** Where it is shown: process.stdout, or a collector in tests. */
export interface Screen {
  write: NodeJS.WriteStream['write'];
  isTTY?: boolean;
  rows?: number;
}

/** What `tell` writes to standard output, whole. */
async function collected(screen: Screen, tell: () => Promise<void>): Promise<string> {
  const { write } = screen;
  let text = '';
  screen.write = ((part: string) => {
    text += part;
    return true;
  }) as typeof write;
  try {
    await tell();
  } finally {
    screen.write = write;
  }
  return text;
}

/** A text that fits on a screen, with its last lines: the sums stand there. */
export function onScreen(text: string, rows: number): string {
  const lines = text.trimEnd().split('\n');
  if (lines.length < rows) return text.trimEnd();
  const last = lines.slice(-2);
  const first = lines.slice(0, Math.max(1, rows - 2 - last.length));
  return [...first, `... ${lines.length - first.length - last.length} more lines`, ...last].join('\n');
}

/**
 * Tells until Ctrl-C or SIGTERM, which end it with exit code 0 and leave the last state on the screen. Rejects with what
 * `tell` rejects with.
 */
export async function watch(tell: () => Promise<void>, screen: Screen = process.stdout): Promise<void> {
  let wake = (): void => undefined;
  let isEnded = false;
  const end = () => {
    isEnded = true;
    wake();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, end);
  let before = '';
  try {
    while (!isEnded) {
      const text = await collected(screen, tell);
      if (screen.isTTY === true) {
        const now = onScreen(text, screen.rows ?? 24);
        screen.write(`\u001b[H${now.replaceAll('\n', '\u001b[K\n')}\u001b[K\u001b[J\n`);
      } else if (text !== before) screen.write(before === '' ? text : `\n${text}`);
      before = text;
      if (!isEnded)
        await new Promise<void>((done) => {
          const timer = setTimeout(done, everyMs);
          wake = () => {
            clearTimeout(timer);
            done();
          };
        });
    }
    process.exitCode = exitCode.ok;
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}
