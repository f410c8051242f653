/** The `equipoise` command: one file a command, problems as lines, exit codes of problems.ts. */
import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, storageFault } from '../files';
import { exitCode, formatProblem, UserError } from '../problems';
import { cancelCommand } from './cancel';
import { lazy } from './lazy';
import { planCommand } from './plan';
import { reproduceCommand } from './reproduce';
import { runCommand } from './run';
import { statusCommand } from './status';
import { note, printable } from './text';
import { whyCommand } from './why';
import { realWiring, type Wiring } from './wiring';
import { workerRunCommand } from './workerRun';

const help = `
Exit codes: 0 done; 1 a run, check or file failed; 2 bad input (command line, manifest, names); 3 something is not
available here (backend, data, network, results); 130 interrupted.
Environment: EQUIPOISE_CACHE, EQUIPOISE_RESULTS, EQUIPOISE_DEBUG=1 for stack traces.

Begin with:
  equipoise doctor
  equipoise plan experiments/quickstart.json
  equipoise reproduce`;

/** Commands of this room; a call of one of them need not load the others' rooms. */
const own: readonly string[] = ['plan', 'run', 'status', 'cancel', 'why', 'worker-run'];

/** Builds the command line; `only` names the command that will be called, when it is known. */
export function createProgram(wiring: () => Wiring = realWiring, only?: string): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  const program = new Command('equipoise')
    .description(
      'Reproducible experiments on the balance between encoder and backbone in multimodal instruction tuning',
    )
    .version(version)
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .addHelpText('after', help);
  reproduceCommand(program, wiring);
  planCommand(program);
  runCommand(program, wiring);
  statusCommand(program);
  cancelCommand(program);
  whyCommand(program);
  workerRunCommand(program, wiring);
  if (only === undefined || !own.includes(only)) {
    lazy.figures().figuresCommand(program);
    lazy.tables().tablesCommand(program);
    lazy.report().reportCommand(program);
    lazy.keep().keepCommand(program);
    lazy.score().scoreCommand(program);
    lazy.evaluate().evaluateCommand(program);
    lazy.landscape().landscapeCommand(program);
    lazy.exportCrate().exportCommand(program);
    lazy.verify().verifyCommand(program);
    lazy.data().dataCommand(program);
    lazy.doctor().doctorCommand(program);
    lazy.checkModel().checkModelCommand(program);
    lazy.resources().resourcesCommand(program);
  }
  return program;
}

/** Runs the command line of `argv` (as process.argv). Never rejects: failures become lines and an exit code. */
export async function main(argv: readonly string[], wiring: () => Wiring = realWiring): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.ok); // the reader, e.g. head, has seen enough
    throw error;
  });
  try {
    const program = createProgram(wiring, argv[2]);
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = tell(error);
  }
}

/** Prints an error for a person and gives the exit code. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.badInput; // commander has printed it
  if (process.env['EQUIPOISE_DEBUG'] === '1')
    note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof UserError) {
    for (const problem of error.problems) note(`error: ${printable(formatProblem(problem))}`);
    return error.code;
  }
  const storage = storageFault(error);
  if (storage !== null) {
    note(`error: ${printable(storage)}; what was written before is whole`);
    return exitCode.unavailable;
  }
  const message = error instanceof Error ? error.message : String(error);
  note(`error: ${printable(message)}`);
  note('This is a fault of the program, not of your input. EQUIPOISE_DEBUG=1 shows where it happened.');
  return exitCode.failed;
}
