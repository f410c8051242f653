/** `equipoise run --again`: finished runs trained anew, and whether they came out equal. */
import { UserError, userError, type Problem } from '../problems';
import { againFolder, endAgain, prepareAgain, replaceByAgain, type Comparison } from '../runner/again';
import { planRuns, type PlannedRun } from '../runner/plan';
import { isNamed, onlyRun } from './runNames';
import type { Sweep } from './sweep';
import { count, note, say, sayJson, sayTable } from './text';
import { failuresOf, train, type TrainingOptions } from './train';
import type { Wiring } from './wiring';

interface AgainOptions extends TrainingOptions {
  /** ids or their beginnings; true: all that are done */
  again: true | string[];
  json?: boolean;
}

/** The finished runs that are meant. Throws UserError for names of none, of several, or of one that is not finished. */
function chosenRuns({ plan, experiment }: Sweep, again: true | string[]): PlannedRun[] {
  const isDone = (run: PlannedRun) => run.state === 'done' && run.elsewhere === undefined;
  const problems: Problem[] = [];
  if (again === true) {
    const done = plan.filter(isDone);
    if (done.length === 0)
      throw userError({
        where: '--again',
        what: `no run of ${experiment} is finished here`,
        hint: 'leave --again away',
      });
    return done;
  }
  const chosen = again.flatMap((name) => {
    const run = onlyRun(
      name,
      plan.filter(({ id }) => isNamed(name, experiment, id)),
    );
    const what =
      run === null
        ? 'is no run of this manifest'
        : isDone(run)
          ? null
          : `is ${run.elsewhere === undefined ? run.state : `finished in ${run.elsewhere} only`}`;
    if (what !== null)
      problems.push({ where: `--again ${name}`, what, expected: 'the id of a run that plan calls done' });
    return run === null ? [] : [run];
  });
  if (problems.length > 0) throw new UserError(problems);
  return [...new Set(chosen)];
}

/**
 * Trains the chosen runs in a hidden folder of the results, where an interrupted one goes on next time; each that
 * finishes takes the place of the one before. Prints how they compare, and sets the exit code as `run` does, and to 1
 * when a run came out otherwise. Throws UserError for runs that cannot be meant.
 */
export async function trainAgain(sweep: Sweep, options: AgainOptions, wiring: Wiring): Promise<void> {
  const { results, experiment } = sweep;
  const runs = chosenRuns(sweep, options.again);
  prepareAgain(results, experiment, runs);
  const hidden = againFolder(results);
  const plan = planRuns(hidden, experiment, runs);
  try {
    const { endings, interrupted } = await train({ ...sweep, results: hidden, runs, plan }, options, wiring);
    const compared = runs.flatMap((run) => replaceByAgain(results, experiment, run) ?? []);
    failuresOf(endings, interrupted);
    if (compared.some(({ differs }) => differs.length > 0)) process.exitCode ||= 1;
    tell(sweep, runs.length, compared, options.json === true);
  } finally {
    endAgain(results, experiment, runs);
  }
}

function tell({ experiment }: Sweep, asked: number, compared: readonly Comparison[], json: boolean): void {
  if (json) {
    sayJson('run-again', { experiment, asked, runs: compared });
    return;
  }
  const text = ({ differs }: Comparison) =>
    differs.length === 0 ? 'equal, byte for byte' : `${differs.join(', ')} not as before`;
  if (compared.length > 0)
    sayTable(
      compared.map((each) => [each.id, text(each)]),
      false,
    );
  say(`${experiment}: ${compared.length} of ${count(asked, 'run')} trained again`);
  if (compared.length < asked) note('the others keep what they had; the same command goes on');
}
