/**
 * What lies in the results, as the page may ask for it: experiments and runs by listed names alone, each file read again only
 * when it has changed. Nothing here writes, and no claim is taken.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openJournals, type Journals } from '../../analysis/aggregate';
import { unpackedRuns } from '../../analysis/keep';
import type { IgnoredRun } from '../../analysis/runs';
import type { About } from '../manifest/content';
import type { RunSpec } from '../manifest/run';
import { listExperiments, listRunIds, referenceFolder, runFolder, type RunFolder } from '../runner/folders';
import { readRun, type StoredRun } from '../runner/results';
import { FollowedJournal } from './follow';
import { foldRuns, type Folded } from './fold';
import { KappaReader, signatureOf, type LogKappas } from './kappas';

/** What a manifest says of an experiment. */
export interface Described {
  about: About;
  /** path of the file, as a command names it */
  file: string;
  profile: string | null;
  /** every run that it names */
  planned: readonly RunSpec[];
}

export interface LibraryOptions {
  results: string;
  /** folder of committed runs; a kept experiment is unpacked into the cache */
  committed: string;
  /** the manifest of an experiment; undefined where there is none */
  describe(experiment: string): Described | undefined;
}

/** An experiment that the page may name. `key`: its name, with `reference/` before it for a committed one. */
export interface ExperimentPlace {
  key: string;
  name: string;
  folder: string;
  own: boolean;
}

/** What was asked for is not among what is listed. */
export class NotListed extends Error {}

interface Opened {
  signature: string;
  journals: Promise<Journals>;
}

/** Opened journals that are kept at once: each is a database in memory. */
const mostOpened = 2;
const retireAfterMs = 60_000;

export class Library {
  private readonly runs = new Map<string, { signature: string; run: StoredRun | null }>();
  private readonly followed = new Map<string, FollowedJournal>();
  private readonly folded = new Map<string, { signature: string; folded: Folded }>();
  private readonly opened = new Map<string, Opened>();
  private readonly made = new Map<string, { signature: string; value: Promise<unknown> }>();
  private readonly kappas = new KappaReader();
  /** runs that finished and whose journals cannot be used, once these were read */
  private readonly unsound = new Map<string, readonly IgnoredRun[]>();
  private readonly described = new Map<string, Described | undefined>();

  constructor(readonly options: LibraryOptions) {}

  /** One's own experiments, then the committed ones. */
  experiments(): ExperimentPlace[] {
    const { results, committed } = this.options;
    const below = (folder: string, own: boolean) =>
      listExperiments(folder).map((name) => ({
        key: own ? name : `${referenceFolder}/${name}`,
        name,
        folder: join(folder, name),
        own,
      }));
    return [...below(results, true), ...(existsSync(committed) ? below(committed, false) : [])];
  }

  /** The experiment of a key. Throws NotListed. */
  place(key: string): ExperimentPlace {
    const found = this.experiments().find((place) => place.key === key);
    if (found === undefined) throw new NotListed('there is no such experiment');
    return found;
  }

  /** What its manifest says; read once. */
  about({ name }: ExperimentPlace): Described | undefined {
    if (!this.described.has(name)) this.described.set(name, this.options.describe(name));
    return this.described.get(name);
  }

  /** Where the runs of an experiment lie: a kept one is unpacked first. */
  folder(place: ExperimentPlace): Promise<string> {
    return unpackedRuns(place.folder);
  }

  /** All runs of an experiment, by id, as they are now. */
  async storedRuns(place: ExperimentPlace): Promise<StoredRun[]> {
    const folder = await this.folder(place);
    return listRunIds(dirname(folder), basename(folder)).flatMap((id) => this.readRun(folder, id) ?? []);
  }

  /** One of them, with its files. Throws NotListed. */
  async run(place: ExperimentPlace, id: string): Promise<{ run: StoredRun; paths: RunFolder }> {
    const folder = await this.folder(place);
    const run = listRunIds(dirname(folder), basename(folder)).includes(id) ? this.readRun(folder, id) : null;
    if (run === null) throw new NotListed('there is no such run');
    return { run, paths: runFolder(dirname(folder), basename(folder), id) };
  }

  private readRun(folder: string, id: string): StoredRun | null {
    const key = join(folder, id);
    const signature = signatureOf(key);
    const known = this.runs.get(key);
    // A claim dies without a change of any file: a run that may be running is asked again.
    if (known?.signature === signature && known.run !== null && known.run.state !== 'running') return known.run;
    const run = readRun(dirname(folder), basename(folder), id);
    this.runs.set(key, { signature, run });
    return run;
  }

  /** The journal of a run, read to its end. */
  async journal(place: ExperimentPlace, id: string): Promise<FollowedJournal> {
    const { paths } = await this.run(place, id);
    const journal = this.followed.get(paths.journal) ?? new FollowedJournal(paths.journal);
    this.followed.set(paths.journal, journal);
    journal.read();
    return journal;
  }

  /** Runs folded into settings, with the numbers of `equipoise tables`; made again when a run has changed. */
  async settings(place: ExperimentPlace): Promise<Folded> {
    const stored = await this.storedRuns(place);
    const unsound = this.unsound.get(place.key) ?? [];
    const states = stored.map(({ id, state, step, file }) => `${id} ${state} ${step} ${file?.times.finished}`);
    const signature = JSON.stringify([states, unsound]);
    const known = this.folded.get(place.key);
    if (known?.signature === signature) return known.folded;
    const folded = foldRuns(await this.folder(place), stored, unsound);
    this.folded.set(place.key, { signature, folded });
    return folded;
  }

  /** Mean log kappa of the finished runs, and which of them do not count for their journals. */
  async logKappas(place: ExperimentPlace): Promise<LogKappas> {
    const finished = (await this.storedRuns(place)).filter(({ state }) => state === 'done');
    const found = await this.kappas.read(await this.folder(place), finished);
    this.unsound.set(place.key, found.ignored);
    return found;
  }

  /** What is made of the finished runs, by name: made again when one more has finished. */
  async whileSame<T>(place: ExperimentPlace, name: string, make: () => Promise<T>): Promise<T> {
    const key = `${name} ${place.key}`;
    const { signature } = await this.finished(place);
    const known = this.made.get(key);
    if (known?.signature === signature) return known.value as Promise<T>;
    const value = make();
    this.made.set(key, { signature, value });
    return value;
  }

  /** Ids of the finished runs, and a text that changes when one more has finished. */
  private async finished(place: ExperimentPlace): Promise<{ ids: ReadonlySet<string>; signature: string }> {
    const runs = (await this.storedRuns(place)).filter(({ state }) => state === 'done');
    return {
      ids: new Set(runs.map(({ id }) => id)),
      signature: runs.map(({ id, file }) => `${id} ${file?.times.finished}`).join(),
    };
  }

  /** The finished runs as tables to query, as figures and tables read them; opened again when one more has finished. */
  async journals(place: ExperimentPlace): Promise<Journals> {
    const { ids, signature } = await this.finished(place);
    const known = this.opened.get(place.key);
    if (known?.signature === signature) return known.journals;
    const journals = openJournals(place.folder);
    this.retire(place.key);
    this.opened.set(place.key, { signature, journals });
    for (const key of [...this.opened.keys()].slice(0, -mostOpened)) this.retire(key);
    const { ignored } = await journals;
    this.unsound.set(
      place.key,
      ignored.filter(({ id }) => ids.has(id)),
    );
    return journals;
  }

  /** Closes journals a while later: a question may still be under way. */
  private retire(key: string): void {
    const old = this.opened.get(key);
    this.opened.delete(key);
    if (old === undefined) return;
    const close = () =>
      old.journals.then(
        (journals) => journals.close(),
        () => undefined,
      );
    setTimeout(close, retireAfterMs).unref();
  }
}
