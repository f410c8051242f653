/**
 * Mean log kappa of finished runs, by the code of the claims: each journal is read once, of its records no more than that
 * needs, and one number of each run is kept.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { mixedMethods, openKappas } from '../../analysis/aggregate';
import { valuesOf } from '../../analysis/claims/quantities';
import type { IgnoredRun } from '../../analysis/runs';
import type { StoredRun } from '../runner/results';

/** What the journal of one run said. */
interface Read {
  signature: string;
  /** null where it has no measures in which kappa is defined */
  value: number | null;
  /** why the run does not count; null when it does */
  fault: string | null;
  notices: string[];
}

/** What the journals of runs say together. */
export interface LogKappas {
  /** mean log kappa over the steps of each run, by id */
  values: Map<string, number>;
  /** runs that figures and tables leave out for their journals */
  ignored: IgnoredRun[];
  notices: string[];
}

/** Changes with run.json, journal and claim of a run's folder. */
export function signatureOf(folder: string): string {
  return ['run.json', 'metrics.jsonl', 'claim']
    .map((name) => {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      return found === undefined ? '-' : `${found.mtimeMs} ${found.size} ${found.ino}`;
    })
    .join(' ');
}

export class KappaReader {
  private readonly known = new Map<string, Read>();
  private last: Promise<unknown> = Promise.resolve();

  /** Of the finished runs of a folder; those whose journals were not read yet are read, one question after the other. */
  async read(folder: string, runs: readonly StoredRun[]): Promise<LogKappas> {
    const mine = this.last.then(() => this.readNew(folder, runs));
    this.last = mine.catch(() => undefined);
    await mine;
    const found = runs.flatMap(({ id }) => {
      const read = this.known.get(join(folder, id));
      return read === undefined ? [] : [{ id, ...read }];
    });
    const counted = runs.filter(({ id }) => this.known.get(join(folder, id))?.fault === null);
    return {
      values: new Map(found.flatMap(({ id, value }) => (value === null ? [] : [[id, value]]))),
      ignored: found.flatMap(({ id, fault }) => (fault === null ? [] : [{ id, reason: fault }])),
      notices: [
        ...mixedMethods(counted.flatMap(({ file }) => (file === null ? [] : [{ file }]))),
        ...found.flatMap(({ notices }) => notices),
      ],
    };
  }

  private async readNew(folder: string, runs: readonly StoredRun[]): Promise<void> {
    const signatures = new Map(runs.map(({ id }) => [id, signatureOf(join(folder, id))]));
    const ids = [...signatures.keys()].filter(
      (id) => this.known.get(join(folder, id))?.signature !== signatures.get(id),
    );
    if (ids.length === 0) return;
    const journals = await openKappas(folder, new Set(ids));
    try {
      const values = await valuesOf(journals, 'logKappa.mean');
      const faults = new Map(journals.ignored.map(({ id, reason }) => [id, reason]));
      for (const id of ids)
        this.known.set(join(folder, id), {
          signature: signatures.get(id)!,
          value: values.get(id) ?? null,
          fault: faults.get(id) ?? null,
          notices: journals.notices.filter((notice) => notice.startsWith(`${id}: `)),
        });
    } finally {
      journals.close();
    }
  }
}
