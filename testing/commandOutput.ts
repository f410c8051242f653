/** Commands run in the process of the test, for commands on stubs or on folders that the test has made. */
import { Command } from 'commander';
import { vi } from 'vitest';
import { addCommands, nameOf, type CommandEntry, type Define } from '../src/cli/command';
import { commands } from '../src/cli/commands';
import { jsonOutput } from './outputs';

/**
 * What a command writes to standard output and standard error, whole. `files`: the definitions that the test has
 * loaded, by the command's name. What is printed with --json is held to its schema. Throws what the command throws.
 */
export async function commandOutput(
  files: Readonly<Record<string, Define>>,
  ...argv: string[]
): Promise<{ out: string; err: string }> {
  const loaded = (entries: readonly CommandEntry[]): CommandEntry[] =>
    entries.map((entry) =>
      'commands' in entry
        ? { ...entry, commands: loaded(entry.commands) }
        : { ...entry, load: files[nameOf(entry)] === undefined ? entry.load : () => files[nameOf(entry)]! },
    );
  const program = new Command().exitOverride();
  addCommands(program, loaded(commands), argv, () => {
    throw new Error('this test has no wiring');
  });
  const [out, err] = [
    vi.spyOn(process.stdout, 'write').mockReturnValue(true),
    vi.spyOn(process.stderr, 'write').mockReturnValue(true),
  ];
  const written = ({ mock }: typeof out) => mock.calls.map(([text]) => String(text)).join('');
  try {
    await program.parseAsync(argv, { from: 'user' });
    const found = { out: written(out), err: written(err) };
    if (argv.includes('--json')) jsonOutput(found.out);
    return found;
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
