/** The `equipoise` command: the table of commands.ts, problems as lines, exit codes of problems.ts. */
import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot, storageFault } from '../files';
import { printable } from '../printable';
import { exitCode, formatProblem, UserError, type Problem } from '../problems';
import { addCommands } from './command';
import { commands } from './commands';
import { environmentFaults } from './environment';
import { hasColours, painted } from './colour';
import { wrapLines } from './layout';
import { note, sayJsonError, terminalWidth } from './text';
import type { Wiring } from './wiring';

const help = `
Exit codes: 0 done; 1 a run, check or file failed; 2 bad input (command line, manifest, names); 3 something is not
available here (backend, data, network, results); 130 interrupted.
Environment: EQUIPOISE_CACHE, EQUIPOISE_RESULTS, EQUIPOISE_FIGURES, EQUIPOISE_DEBUG=1 for stack traces, and others
(docs/commands.md).

Begin with:
  equipoise                 what to do next here
  equipoise init my-study   a project of your own
  equipoise doctor
  equipoise plan experiments/quickstart.json
  equipoise reproduce`;

const load = createRequire(__filename);

/** What commands reach the outside world with, loaded by those that do. */
const realWiring = (): Wiring => (load('./realWiring') as typeof import('./realWiring')).realWiring();

/** Builds the command line; `words` are those that were typed. */
function createProgram(words: readonly string[], wiring: () => Wiring): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  const program = new Command('equipoise')
    .description(
      'Reproducible experiments on the balance between encoder and backbone in multimodal instruction tuning',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => process.stdout.write(wrapLines(text, terminalWidth(process.stdout))),
      writeErr: (text) => note(text.trimEnd()),
    })
    .configureHelp({
      ...(hasColours(process.stdout) ? { styleTitle: (title: string) => painted('bold', title) } : {}),
      sortSubcommands: false,
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
    })
    .addHelpText('after', help);
  addCommands(program, commands, words, wiring);
  return program;
}

/** Runs the command line of `argv` (as process.argv). Never rejects: failures become lines and an exit code. */
export async function main(argv: readonly string[], wiring: () => Wiring = realWiring): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.ok); // the reader, e.g. head, has seen enough
    throw error;
  });
  try {
    const faults = environmentFaults(process.env);
    if (faults.length > 0) throw new UserError(faults);
    const program = createProgram(argv.slice(2), wiring);
    if (argv.length <= 2) (load('./next') as typeof import('./next')).tellNext();
    else await program.parseAsync(argv);
  } catch (error) {
    const asked = argv.slice(2);
    const end = asked.indexOf('--');
    const { code, problems } = told(error);
    process.exitCode = code;
    if (asked.slice(0, end < 0 ? undefined : end).includes('--json') && problems.length > 0)
      sayJsonError(code, problems);
  }
}

/** Prints an error for a person on standard error, and gives the exit code and the problems for a program. */
function told(error: unknown): { code: number; problems: Problem[] } {
  // The command line has printed it, or only help was asked for.
  if (error instanceof CommanderError)
    return error.exitCode === 0
      ? { code: exitCode.ok, problems: [] }
      : { code: exitCode.badInput, problems: [{ where: 'command line', what: error.message.replace(/^error: /, '') }] };
  if (process.env['EQUIPOISE_DEBUG'] === '1')
    note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof UserError) {
    for (const problem of error.problems) note(`error: ${printable(formatProblem(problem))}`);
    return { code: error.code, problems: error.problems };
  }
  const storage = storageFault(error);
  if (storage !== null) {
    note(`error: ${printable(storage)}; what was written before is whole`);
    return { code: exitCode.unavailable, problems: [{ where: 'storage', what: storage }] };
  }
  const message = error instanceof Error ? error.message : String(error);
  note(`error: ${printable(message)}`);
  note('This is a fault of the program, not of your input. EQUIPOISE_DEBUG=1 shows where it happened.');
  return { code: exitCode.failed, problems: [{ where: 'equipoise', what: message }] };
}
