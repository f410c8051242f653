/** Runs as a person names them: an id, the beginning of one, or experiment/id. */
import { describeRun } from '../manifest/identity';
import { printable } from '../printable';
import { userError } from '../problems';
import { referenceFolder } from '../runner/folders';

/** Whether a name means this run. */
export function isNamed(name: string, experiment: string, id: string): boolean {
  return name.includes('/') ? `${experiment}/${id}`.startsWith(name) : name !== '' && id.startsWith(name);
}

/** Whether an experiment is one of the committed ones, as `reference/quickstart`. */
export const isCommitted = (experiment: string): boolean => experiment.startsWith(`${referenceFolder}/`);

/** The one run that is meant; the same run in several experiments counts as one. Throws UserError when several are. */
export function onlyRun<T extends { id: string }>(name: string, found: readonly T[]): T | null {
  const ids = [...new Set(found.map(({ id }) => id))];
  if (ids.length > 1)
    throw userError({
      where: `run "${printable(name)}"`,
      what: `may be any of ${ids.length}`,
      expected: `one of ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', ...' : ''}`,
    });
  return found[0] ?? null;
}

/** A run of the results in words; its file may come from another version, which must not end the whole list. */
export function describe(spec: Parameters<typeof describeRun>[0] | undefined): string {
  if (spec === undefined) return '(no run.json)';
  try {
    return printable(describeRun(spec));
  } catch {
    return printable(`${spec.task} ${spec.encoder} ${spec.backbone} seed ${spec.seed} (run.json of another version)`);
  }
}
