/**
 * One experiment on one page: figures, tables, settings, provenance, and the paper's numbers beside ours where a user
 * has entered them.
 */
import { openJournals, type Journals, type Run } from './aggregate';
import { figures } from './figures/registry';
import { toldAccuracy } from '../src/train/records';
import { figureFiles, rounded } from './files';
import { leaves, orderMethods, orderSettings } from './labels';
import { besidePaper, type PaperValue } from './paperValues';
import { reportPage, type PageTable } from './reportPage';
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
}
export interface MadeReport {
  html: string;
  runs: number;
  notices: string[];
}

/**
 * The page of the experiment whose runs lie in `folder`: one HTML text that needs nothing else, the same bytes for the
 * same runs. Throws UserError when the folder cannot be listed.
 */
export async function makeReport(folder: string, { about, paper = [] }: ReportOptions = {}): Promise<MadeReport> {
  const journals = await openJournals(folder);
  try {
    const notices = [...journals.notices];
    const drawn: { name: string; title: string; caption: string; svg: string }[] = [];
    const stated: PageTable[] = [];
    const missing: string[] = [];
    for (const figure of figures) {
      const rows = rounded(await figure.select(journals));
      if (rows.length === 0) missing.push(`${figure.title}: needs ${figure.needs}`);
      else
        drawn.push({
          name: figure.name,
          title: figure.title,
          caption: figure.caption(rows),
          svg: svgOf(await figureFiles(figure, journals, rows, notices)),
        });
    }
    for (const table of tables) {
      const rows = rounded(await table.select(journals));
      if (rows.length === 0) missing.push(`${table.title}: needs ${table.needs}`);
      else
        stated.push({ name: table.name, title: table.title, caption: table.caption(rows), layout: table.layout(rows) });
    }
    const { experiment, runs, ignored } = journals;
    const html = reportPage({
      experiment,
      runs: runs.length,
      figures: drawn,
      missing,
      tables: [...stated, ...(runs.length === 0 ? [] : [besidePaper(await finals(journals), paper)])],
      about:
        about === undefined
          ? []
          : [
              ['What', about.what],
              ['Command', about.command],
              ['Look for', about.lookFor],
            ],
      settings: settingsOf(runs),
      provenance: provenanceOf(runs),
      runList: runList(runs),
      notices: [
        ...notices,
        ...runs.flatMap(({ id, file }) => file.notices.map((notice) => `${id}: ${notice}`)),
        ...ignored.map(({ id, reason }) => `${id} does not count: ${reason}`),
      ],
    });
    return { html, runs: runs.length, notices };
  } finally {
    journals.close();
  }
}

const svgOf = (files: readonly [string, string | Uint8Array][]): string =>
  String(files.find(([extension]) => extension === 'svg')?.[1] ?? '');

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

function runList(runs: readonly Run[]): PageTable {
  const methods = orderMethods(runs.map((run) => run.method));
  const settings = orderSettings(runs.map((run) => run.setting));
  const sorted = [...runs].sort(
    (a, b) =>
      naturally(a.panel, b.panel) ||
      settings.indexOf(a.setting) - settings.indexOf(b.setting) ||
      methods.indexOf(a.method) - methods.indexOf(b.method) ||
      a.seed - b.seed,
  );
  return {
    name: 'runs',
    title: 'Runs',
    caption:
      'Every run that counts, with its final loss and accuracy: of its choices, or of greedy generation where no question has any.',
    layout: {
      columns: [
        { header: 'Run', numeric: false },
        { header: 'Task', numeric: false },
        { header: 'Learning rates', numeric: false },
        { header: 'Method', numeric: false },
        { header: 'Seed', numeric: true },
        { header: 'Steps', numeric: true },
        { header: 'Accuracy', numeric: true },
        { header: 'Loss', numeric: true },
        { header: 'ms a step', numeric: true },
      ],
      groups: [
        sorted.map(({ file, ...run }) =>
          [
            run.id,
            run.panel,
            run.setting,
            run.method,
            String(run.seed),
            String(file.steps),
            file.final === null ? '–' : toldAccuracy(file.final).toFixed(3),
            file.final === null ? '–' : file.final.loss.toFixed(3),
            (1000 * file.times.secondsPerStep).toFixed(0),
          ].map((text) => ({ text })),
        ),
      ],
    },
  };
}
