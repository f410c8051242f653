/** Commands run in the process of the test, for commands on stubs or on folders that the test has made. */
import { Command } from 'commander';
import { vi } from 'vitest';

/** What a command writes to standard output and standard error, whole. Throws what the command throws. */
export async function commandOutput(
  register: (program: Command) => void,
  ...argv: string[]
): Promise<{ out: string; err: string }> {
  const program = new Command().exitOverride();
  register(program);
  const [out, err] = [
    vi.spyOn(process.stdout, 'write').mockReturnValue(true),
    vi.spyOn(process.stderr, 'write').mockReturnValue(true),
  ];
  const written = ({ mock }: typeof out) => mock.calls.map(([text]) => String(text)).join('');
  try {
    await program.parseAsync(argv, { from: 'user' });
    return { out: written(out), err: written(err) };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
