/** What the runs of a sweep need, and how many workers fit: for `plan --resources`, `run` and `reproduce`. */
import { compositionOf } from '../manifest/identity';
import { printable } from '../printable';
import { UserError, formatProblem, type Problem } from '../problems';
import { chooseWorkers, type WorkerChoice } from '../runner/local';
import type { PlannedRun } from '../runner/plan';
import { needsOfRuns, type RunNeeds } from '../train/runNeeds';
import { gigabytes, needsHead, needsRow } from './needsTable';
import { columns, note } from './text';

/** Needs by run id. A run whose needs cannot be predicted is left out, and the reason told once. */
export async function needsOfSweep(runs: readonly PlannedRun[]): Promise<Map<string, RunNeeds>> {
  const needs = new Map<string, RunNeeds>(),
    told = new Set<string>(),
    of = new Map<string, ReturnType<typeof needsOfRuns>>();
  for (const { id, spec, arithmetic } of runs) {
    const known = of.get(arithmetic.backend) ?? needsOfRuns(arithmetic.backend);
    of.set(arithmetic.backend, known);
    try {
      needs.set(id, await known(spec));
    } catch (error) {
      // A prediction that fails must not keep a run from training.
      if (error instanceof UserError) for (const problem of error.problems) told.add(formatProblem(problem));
      else told.add(error instanceof Error ? error.message : String(error));
    }
  }
  for (const reason of told) note(`warning: needs are not predicted: ${printable(reason)}`);
  return needs;
}

/** Workers for the runs that are to be trained. On a GPU the host's part of a run's memory counts. */
export function workersOfSweep(
  asked: number | 'auto',
  runs: readonly PlannedRun[],
  needs: ReadonlyMap<string, RunNeeds>,
): WorkerChoice {
  const gpu = runs.some((run) => run.arithmetic.gpu);
  const predicted = runs.flatMap((run) => {
    const found = needs.get(run.id);
    if (found === undefined) return [];
    const shared = run.arithmetic.gpu ? 0 : found.memory.shared;
    return [{ bytes: peakOf(run, found), shared, model: found.model }];
  });
  return chooseWorkers(asked, runs.length, gpu, predicted);
}

/** Peak bytes of a run on the processor's memory. On a GPU that is the host's part. */
const peakOf = ({ arithmetic }: PlannedRun, { memory }: RunNeeds): number =>
  arithmetic.gpu ? memory.process + memory.host : memory.total;

/**
 * Runs of which each is predicted to need more memory than `free` bytes, a problem for each kind of them. The kernel
 * would end them in the middle, and perhaps another process with them.
 */
export function beyondMemory(
  runs: readonly PlannedRun[],
  needs: ReadonlyMap<string, RunNeeds>,
  free: number,
): Problem[] {
  const kinds = new Map<string, { runs: PlannedRun[]; peak: number }>();
  for (const run of runs) {
    const found = needs.get(run.id);
    if (found === undefined || peakOf(run, found) <= free) continue;
    const peak = peakOf(run, found);
    const key = `${compositionOf(run.spec)} ${run.spec.batch} ${gigabytes(peak)}`;
    const kind = kinds.get(key) ?? { runs: [], peak };
    kind.runs.push(run);
    kinds.set(key, kind);
  }
  return [...kinds.values()].map(({ runs: alike, peak }) => {
    const { spec, id } = alike[0]!;
    return {
      where: `${compositionOf(spec)}, batch ${spec.batch} (${alike.length === 1 ? `run ${id}` : `${alike.length} runs, ${id} among them`})`,
      what: `a run is predicted to need ${gigabytes(peak)}, and ${gigabytes(free)} are free`,
      expected: 'more free memory, or a run that needs less',
      hint: `${lessMemory(spec)}; equipoise run --beyond-memory starts it all the same`,
    };
  });
}

/** What of a manifest asks for less. */
const lessMemory = ({ checkpointing, batch, accumulate }: PlannedRun['spec']): string =>
  [
    ...(checkpointing === 'none' ? ['"checkpointing": "layers"'] : []),
    ...(accumulate < batch ? [`"accumulate": ${batch}`] : []),
    'a smaller batch or backbone',
  ].join(', ');

/** A table with one row a kind of run: equal needs stand together. */
export function needsLines(runs: readonly PlannedRun[], needs: ReadonlyMap<string, RunNeeds>): string[] {
  const kinds = new Map<string, { row: string[]; runs: PlannedRun[]; assumed: boolean }>();
  for (const run of runs) {
    const found = needs.get(run.id);
    if (found === undefined) continue;
    const row = needsRow(found),
      { task, regulariser } = run.spec;
    const what = `${task} ${compositionOf(run.spec)}${regulariser.kind === 'none' ? '' : ' regularised'}`;
    const kind = kinds.get(JSON.stringify([what, row])) ?? { row: [what, ...row], runs: [], assumed: found.assumed };
    kind.runs.push(run);
    kinds.set(JSON.stringify([what, row]), kind);
  }
  const all = [...kinds.values()];
  return [
    '',
    columns([
      ['runs', 'kind', ...needsHead],
      ...all.map(({ row, runs: of, assumed }) => [`${of.length}${assumed ? '*' : ''}`, ...row]),
    ]),
    ...(all.some(({ assumed }) => assumed)
      ? ['* the data is not here yet: lengths of texts and number of media are assumed']
      : []),
  ];
}
