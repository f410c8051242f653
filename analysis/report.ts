/**
 * One experiment on one page: figures, tables, settings, provenance, and the paper's numbers beside ours where a user
 * has entered them.
 */
import { openJournals, type Journals, type Run } from './aggregate';
import { figures } from './figures/registry';
import { exitCode, userError, type UserError } from '../src/problems';
import { figureDrawing, rounded } from './files';
import { leaves } from './labels';
import { besidePaper, paperValuesFile, type PaperValue } from './paperValues';
import { claimsParts } from './reportClaims';
import type { PageFigure } from './reportFigure';
import { withoutEmptyColumns, type PageTable } from './reportHtml';
import { reportPage, type Page } from './reportPage';
import { orderedRuns, runAnchor, runLinks, runList } from './reportRuns';
import { tables } from './tables/registry';

/** What the manifest of the experiment says of it, when it is at hand. */
export interface ReportAbout {
  what: string;
  command: string;
  lookFor: string;
}
export interface ReportOptions {
  about?: ReportAbout;
  paper?: readonly PaperValue[];
  /** folder of the committed runs that these are held against; absent: none */
  committed?: string;
}
export interface MadeReport {
  html: string;
  runs: number;
  notices: string[];
}

/**
 * The page of the experiment whose runs lie in `folder`: one HTML text that needs nothing else, the same bytes for the
 * same runs. Throws UserError when the folder cannot be listed, and when no run of it has finished.
 */
export async function makeReport(
  folder: string,
  { about, paper = [], committed }: ReportOptions = {},
): Promise<MadeReport> {
  const journals = await openJournals(folder);
  try {
    if (journals.runs.length === 0) throw nothingToReport(journals);
    const notices = [...journals.notices];
    const shown = await shownParts(journals, paper, notices);
    const { experiment, ignored } = journals;
    const runs = orderedRuns(journals.runs);
    const anchors = new Map(runs.map(({ id }) => [id, runAnchor(id)]));
    const html = reportPage({
      experiment,
      runs: runs.length,
      ...shown,
      about:
        about === undefined
          ? []
          : [
              ['What', about.what],
              ['Command', about.command],
              ['Look for', about.lookFor],
            ],
      claims: await claimsParts(journals, folder, committed),
      settings: settingsOf(journals.runs),
      provenance: provenanceOf(journals.runs),
      runList: runList(runs),
      runLinks: runLinks(runs),
      runPlace: (id) => anchors.get(id),
      notices: [
        ...notices,
        ...journals.runs.flatMap(({ id, file }) => file.notices.map((notice) => `${id}: ${notice}`)),
        ...ignored.map(({ id, reason }) => `${id} does not count: ${reason}`),
      ],
    });
    return { html, runs: runs.length, notices };
  } finally {
    journals.close();
  }
}

/** Why there is no page: what the folder holds instead of finished runs, and what to do. */
function nothingToReport({ experiment, ignored }: Journals): UserError {
  const some = ignored.slice(0, 3).map(({ id, reason }) => `${id} ${reason}`);
  const more = ignored.length - some.length;
  return userError(
    {
      where: `experiment "${experiment}"`,
      what: `has no finished run to report${some.length === 0 ? '' : `: ${some.join(', ')}${more > 0 ? ` and ${more} more` : ''}`}`,
      hint: `equipoise status ${experiment} says how far its runs are; equipoise run goes on with them`,
    },
    exitCode.unavailable,
  );
}

/** Figures and tables that the runs allow, and one sentence for each of the others. */
async function shownParts(
  journals: Journals,
  paper: readonly PaperValue[],
  notices: string[],
): Promise<Pick<Page, 'figures' | 'tables' | 'missing'>> {
  const drawn: PageFigure[] = [];
  const stated: PageTable[] = [];
  const missing: string[] = [];
  for (const figure of figures) {
    const rows = rounded(await figure.select(journals));
    if (rows.length === 0) missing.push(`${figure.title}: needs ${figure.needs}`);
    else {
      const { name, title, width } = figure;
      drawn.push({ name, title, width, rows, ...(await figureDrawing(figure, journals, rows, notices)) });
    }
  }
  for (const table of tables) {
    const rows = rounded(await table.select(journals));
    if (rows.length === 0) missing.push(`${table.title}: needs ${table.needs}`);
    else {
      const layout = withoutEmptyColumns(table.layout(rows));
      stated.push({ name: table.name, title: table.title, caption: table.caption(rows), layout });
    }
  }
  const beside = besidePaper(await finals(journals), paper);
  if (beside === null)
    missing.push(`Beside the paper: needs the paper's numbers for these tasks and methods in ${paperValuesFile}`);
  else stated.push(beside);
  return { figures: drawn, tables: stated, missing };
}

/** Final choice accuracy of every run, for the comparison with the paper. */
function finals(
  journals: Journals,
): Promise<{ panel: string; task: string; setting: string; method: string; accuracy: number }[]> {
  return journals.rows(
    'select panel, task, setting, method, choice as accuracy from final join runs using (id) where choice is not null order by panel, setting, method, seed, id',
  );
}

/** Distinct texts in order of first appearance. */
const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];

/** Settings that all runs share, then those that vary with their values. */
function settingsOf(runs: readonly Run[]): { shared: [string, string][]; varied: [string, string][] } {
  const all = runs.map((run) => leaves(run.file.spec));
  const paths = distinct(all.flatMap((each) => [...each.keys()])).sort();
  const values = (path: string) => distinct(all.map((each) => each.get(path) ?? '–')).sort(naturally);
  return {
    shared: paths.filter((path) => values(path).length === 1).map((path) => [path, values(path)[0]!]),
    varied: paths.filter((path) => values(path).length > 1).map((path) => [path, values(path).join(', ')]),
  };
}

function naturally(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isFinite(x) && Number.isFinite(y) ? x - y : a < b ? -1 : a > b ? 1 : 0;
}

/** What the runs ran on: each distinct fact with the number of runs that state it. */
function provenanceOf(runs: readonly Run[]): [string, string][] {
  const counted = (of: (run: Run) => string): string => {
    const texts = runs.map(of);
    return distinct(texts)
      .sort()
      .map((text) =>
        texts.every((other) => other === text)
          ? text
          : `${text} (${texts.filter((other) => other === text).length} of ${runs.length} runs)`,
      )
      .join('; ');
  };
  if (runs.length === 0) return [];
  const seconds = runs.reduce((sum, { file }) => sum + file.times.trainSeconds + file.times.evaluateSeconds, 0);
  return [
    [
      'Code',
      counted(
        ({ file: { code } }) =>
          `equipoise ${code.version}, method ${code.method ?? '–'}, commit ${code.commit ?? 'unknown'}${code.dirty ? ' with changes' : ''}`,
      ),
    ],
    ['Lockfile, sha256', counted(({ file }) => file.code.lockfile)],
    [
      'Machine',
      counted(
        ({ file: { machine } }) =>
          `${machine.backend} on ${machine.device}, ${machine.threads} thread${machine.threads === 1 ? '' : 's'} a run, node ${machine.node}, TensorFlow ${machine.tensorflow ?? '–'}`,
      ),
    ],
    ['Data, sha256', counted(({ file }) => `${file.data.task} ${file.data.identity}`)],
    [
      'Weights, sha256',
      counted(({ file }) =>
        Object.entries(file.weights)
          .sort()
          .map(([name, hash]) => `${name} ${hash}`)
          .join(', '),
      ),
    ],
    ['Time in training and evaluation', `${(seconds / 3600).toFixed(2)} h over ${runs.length} runs`],
  ];
}
