/**
 * Whether a finished run's journal is complete: every step that was trained, every measure that was due, and the final
 * evaluation.
 */
import { canonicalJson } from '../../files';
import { stepsOf } from '../../manifest/identity';
import type { RunSpec } from '../../manifest/run';
import type { JournalRecord } from '../../train/records';
import { readJournal } from '../journal';
import type { RunFile } from '../runFile';

/** What is missing, one sentence each. Throws UserError for a line that is no record. */
export function journalFaults(path: string, file: RunFile, spec: RunSpec): string[] {
  const { records, torn } = readJournal(path);
  const faults = torn ? ['its last line is torn'] : [];
  if (file.step !== file.steps) faults.push(`run.json ends at step ${file.step} of ${file.steps}`);
  if (!('epochs' in spec.duration) && stepsOf(spec, 0) !== file.steps)
    faults.push(`run.json has ${file.steps} steps, the manifest ${stepsOf(spec, 0)}`);
  if (records.some(({ step }, at) => at > 0 && step < records[at - 1]!.step))
    faults.push('its records are not in order of step');
  faults.push(
    ...stepFaults('train', records, file.steps, 1),
    ...stepFaults('measure', records, file.steps, spec.measure.every),
  );
  const last = records.at(-1);
  if (last?.kind !== 'evaluate' || last.split !== 'evaluation' || last.step !== file.steps)
    faults.push('it does not end with the final evaluation');
  else if (canonicalJson(last) !== canonicalJson(file.final))
    faults.push('its final evaluation is not the one of run.json');
  return faults;
}

/** Whether records of a kind stand at every so many steps and nowhere else; 0: nowhere. */
function stepFaults(
  kind: JournalRecord['kind'],
  records: readonly JournalRecord[],
  steps: number,
  every: number,
): string[] {
  const found = records.filter((record) => record.kind === kind).map(({ step }) => step);
  const due = every > 0 ? Math.floor(steps / every) : 0;
  if (found.length !== due) return [`it has ${found.length} ${kind} records, ${due} are due`];
  const odd = found.findIndex((step, at) => step !== (at + 1) * every);
  return odd < 0 ? [] : [`its ${kind} record ${odd + 1} is of step ${found[odd]!}, step ${(odd + 1) * every} was due`];
}
