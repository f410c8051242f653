/** An experiment as one HTML file that needs no server: the page with the answers to its questions inside. */
import { readFileSync } from 'node:fs';
import { grouped } from '../../analysis/grouped';
import { sha256 } from '../files';
import type { ExperimentPlace, Library } from './library';
import { standalonePage } from './page';
import { answers } from './routes';
import { mediaFile } from './views/answers';
import { drawnFile } from './views/statements';

/** Bytes of answers, which take a tenth of that packed, and of pictures and sounds, that one file takes; the rest is left to `equipoise ui`. */
const most = { answers: 24_000_000, media: 16_000_000 };

export interface Standalone {
  html: string;
  runs: number;
  /** what did not fit, one sentence each */
  notices: string[];
}

/** The questions and files of a page, by the names under which the page asks for them. */
class Collected {
  readonly answers: Record<string, unknown> = {};
  /** by the name of a file, which of the contents it is: many runs show the same pictures */
  readonly files: Record<string, string> = {};
  /** where each content lies among the bytes of all */
  readonly contents: Record<string, { type: string; from: number; to: number }> = {};
  private readonly parts: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly library: Library,
    private readonly experiment: string,
  ) {}

  private query(values: Record<string, string>): URLSearchParams {
    const all = Object.entries({ experiment: this.experiment, ...values });
    return new URLSearchParams(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Keeps the answer to a question, and gives it. */
  async keep<T>(name: string, values: Record<string, string> = {}): Promise<T> {
    const query = this.query(values);
    const found = shortened(await answers[name]!(this.library, query));
    this.answers[`${name}?${query}`] = found;
    return found as T;
  }

  /** Keeps a file; gives the bytes that it adds to the page, or null where these are more than there is room for. */
  keepFile(
    name: string,
    values: Record<string, string>,
    { type, content }: { type: string; content: Uint8Array | string },
    room = Infinity,
  ): number | null {
    const key = sha256(content).slice(0, 16);
    const part = Buffer.from(content);
    const isNew = this.contents[key] === undefined;
    if (isNew && part.length > room) return null;
    this.files[`${name}?${this.query(values)}`] = key;
    if (!isNew) return 0;
    this.contents[key] = { type, from: this.bytes, to: this.bytes + part.length };
    this.parts.push(part);
    this.bytes += part.length;
    return part.length;
  }

  /** The page. */
  html(): string {
    const { answers, files, contents } = this;
    return standalonePage({ answers, files, contents }, Buffer.concat(this.parts));
  }
}

/** Points of a curve with five significant digits: more than a screen shows, in half the bytes. */
function shortened(value: unknown, key = ''): unknown {
  if (typeof value === 'number' && !Number.isInteger(value) && ['values', 'mean', 'low', 'high'].includes(key))
    return Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map((each) => shortened(each, key));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortened(inner, name)]));
}

/** The page of one experiment. Throws UserError for runs that cannot be read. */
export async function makeStandalone(library: Library, place: ExperimentPlace): Promise<Standalone> {
  const page = new Collected(library, place.key);
  const notices: string[] = [];
  page.answers['experiments'] = [{ key: place.key, name: place.name, own: place.own, counts: null }];
  for (const name of ['now', 'plan', 'runs', 'kappa', 'claims', 'rerun', 'compare']) await page.keep(name);
  const { settings } = await library.settings(place);
  const runs = settings.flatMap((setting) => setting.runs);
  for (const { id } of runs) await page.keep('run', { run: id });
  for (const members of grouped(settings, ({ panel, setting }) => JSON.stringify([panel, setting])))
    await page.keep('compare', {
      settings: members
        .slice(0, 8)
        .map(({ key }) => key)
        .join(),
    });
  for (const { key } of settings) await page.keep('compare', { settings: key });
  const { names } = await page.keep<{ names: string[] }>('figures');
  for (const name of names) {
    const { missing, layout } = await page.keep<{ missing: string | null; layout: unknown }>('figure', { name });
    if (missing !== null || layout !== null) continue;
    page.keepFile('drawn', { kind: 'svg', name }, await drawnFile(library, place, name, 'svg'));
  }
  await keepAnswers(library, place, page, notices);
  return {
    html: page.html(),
    runs: runs.length,
    notices,
  };
}

type Answered = {
  run: string | null;
  questions: { id: string; right: boolean; media: string | null }[];
  runs: { id: string }[];
};

/** Wrong answers first, and of each sort one of every run after the other, so that none takes all the room. */
function inTurn<T extends { run: string; right: boolean }>(shown: readonly T[]): T[] {
  const lists = (right: boolean) =>
    grouped(
      shown.filter((each) => each.right === right),
      ({ run }) => run,
    );
  return [false, true].flatMap((right) => {
    const runs = lists(right);
    const longest = Math.max(0, ...runs.map((list) => list.length));
    return Array.from({ length: longest }, (_, i) => runs.flatMap((list) => list[i] ?? [])).flat();
  });
}

/** Answers of as many runs as fit, and the pictures and sounds of their questions, wrong answers first. */
async function keepAnswers(
  library: Library,
  place: ExperimentPlace,
  page: Collected,
  notices: string[],
): Promise<void> {
  const first = await page.keep<Answered>('answers');
  const room = { ...most };
  const shown: { run: string; item: string; right: boolean }[] = [];
  let left = 0;
  for (const { id } of first.runs) {
    const answered = (await answers['answers']!(
      library,
      new URLSearchParams({ experiment: place.key, run: id }),
    )) as Answered;
    room.answers -= JSON.stringify(answered).length;
    if (room.answers < 0) {
      left += 1;
      continue;
    }
    page.answers[`answers?${new URLSearchParams({ experiment: place.key, run: id })}`] = answered;
    shown.push(
      ...answered.questions.flatMap(({ id: item, media, right }) => (media === null ? [] : [{ run: id, item, right }])),
    );
  }
  let without = 0;
  for (const { run, item } of inTurn(shown)) {
    const { path, type } = await mediaFile(library, place, run, item);
    const added = page.keepFile('media', { item, run }, { type, content: readFileSync(path) }, room.media);
    if (added === null) without += 1;
    else room.media -= added;
  }
  if (left > 0)
    notices.push(`the answers of ${left} runs are left out: the file would be too large; equipoise ui shows them`);
  if (without > 0)
    notices.push(
      `${without} of ${shown.length} answers are without their picture or sound: the file would be too large`,
    );
}
