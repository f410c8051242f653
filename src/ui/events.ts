/** Server-sent events: what changes in one experiment while somebody looks. */
import type { ServerResponse } from 'node:http';
import type { StoredState } from '../runner/results';
import { news, toldAll, type Told } from './follow';
import type { ExperimentPlace, Library } from './library';

/** Milliseconds between two looks while something happens, and when nothing has for a while. */
const pace = { busy: 1000, idle: 4000 };
const idleAfterMs = 60_000;

/** How far a run is. */
interface Progress {
  id: string;
  state: StoredState;
  step: number;
  steps: number;
}

/** What the runs of an experiment have gained since the last look. */
export class Watch {
  private readonly told = new Map<string, Told>();
  private readonly progress = new Map<string, string>();

  constructor(
    private readonly library: Library,
    private readonly place: ExperimentPlace,
    /** a run that is followed although it may not be running */
    private readonly run: string | null,
  ) {}

  /** Looks, and gives what changed since the last look; the first look changes nothing. Null: nothing changed. */
  async look() {
    const isFirst = this.progress.size === 0 && this.told.size === 0;
    const runs = await this.library.storedRuns(this.place);
    const changed: Progress[] = [];
    const points: Record<string, NonNullable<ReturnType<typeof news>>> = {};
    for (const { id, state, step, steps } of runs) {
      const text = `${state} ${step} ${steps}`;
      const was = this.progress.get(id);
      this.progress.set(id, text);
      if (was !== text && !isFirst) changed.push({ id, state, step, steps });
      // One that has just ended still has its last records to tell.
      if (state !== 'running' && id !== this.run && !this.told.has(id)) continue;
      const journal = await this.library.journal(this.place, id);
      const told = this.told.get(id);
      const fresh = told === undefined ? null : news(journal, told);
      if (fresh !== null) points[id] = fresh;
      this.told.set(id, toldAll(journal));
      if (state !== 'running' && id !== this.run) this.told.delete(id);
    }
    return changed.length > 0 || Object.keys(points).length > 0 ? { changed, points } : null;
  }
}

/** Answers with a stream of events until the reader leaves. Nothing is looked at while nobody reads. */
export async function streamEvents(response: ServerResponse, watch: Watch): Promise<void> {
  await watch.look();
  response.write('retry: 2000\n\n');
  let timer: NodeJS.Timeout | undefined;
  let last = performance.now();
  let gone = false;
  response.on('close', () => {
    gone = true;
    clearTimeout(timer);
  });
  const again = (): void => {
    const wait = performance.now() - last > idleAfterMs ? pace.idle : pace.busy;
    timer = setTimeout(() => void tick(), wait);
  };
  const tick = async (): Promise<void> => {
    try {
      const found = await watch.look();
      if (gone) return;
      if (found !== null) last = performance.now();
      // An empty comment keeps the connection, and tells a reader that left unseen.
      response.write(found === null ? ':\n\n' : `data: ${JSON.stringify(found)}\n\n`);
      again();
    } catch {
      // A folder that vanished: the reader asks again, and is told.
      if (!gone) response.end();
    }
  };
  if (!gone) again();
}
