/** What runs say beyond the defaults and no label names: the settings that all runs of a task share. */
import { fillDefaults, leaveOutDefaults } from '../../src/manifest/defaults';
import type { RunSpec } from '../../src/manifest/run';
import { valueAt } from '../../src/manifest/tree';
import { grouped } from '../grouped';
import { byText, leaves, modelPath } from '../labels';
import { consecutive, type TableDefinition } from '../table';

type Row = {
  /** `all` where it is so in every task of the experiment */
  task: string;
  /** dotted path as in a manifest */
  setting: string;
  value: string;
  /** what a manifest that says nothing would mean; empty for what every manifest must say */
  default: string;
  /** runs that have this value */
  runs: number;
  /** of how many of the task */
  of: number;
};

/** What the names of tasks, methods and learning rates say. */
const isNamed = /^(task|seed|learningRate\.(encoder|backbone))$|^(scheduler|regulariser)\./;

const textOf = (value: unknown): string => leaves(value, 'value').get('value') ?? JSON.stringify(value) ?? '';

/** Value of an option that a run's kind does not have. */
const absent = '';

/** What a run would have at a path if it did not say so. */
function defaultAt(spec: RunSpec, path: string): string {
  const without = (value: unknown, [name, ...rest]: readonly string[]): object => {
    const { [name!]: inner, ...others } = value as Record<string, unknown>;
    const kept = rest.length === 0 ? {} : without(inner, rest);
    return Object.keys(kept).length === 0 ? others : { ...others, [name!]: kept };
  };
  return textOf(valueAt(fillDefaults({ ...without(leaveOutDefaults(spec), path.split('.')) }), path));
}

/** The settings of one task's runs: those that differ from the default in one of them at least. */
function rowsOf(task: string, specs: readonly RunSpec[]): Row[] {
  const said = specs.map((spec) => leaves(leaveOutDefaults(spec)));
  const all = specs.map((spec) => leaves(spec));
  const paths = [...new Set(said.flatMap((each) => [...each.keys()]))]
    .filter((path) => !isNamed.test(path))
    .sort(byText);
  return paths.flatMap((path): Row[] => {
    const places = grouped([...specs.keys()], (i) => all[i]!.get(path) ?? absent);
    if (places.length > 1 && modelPath.test(path)) return [];
    return places
      .map((own) => own[0]!)
      .map((first, i): Row => ({
        task,
        setting: path,
        value: all[first]!.get(path) ?? absent,
        default: defaultAt(
          specs.find((_spec, at) => said[at]!.has(path))!,
          path,
        ),
        runs: places[i]!.length,
        of: specs.length,
      }))
      .filter(({ value }) => value !== absent)
      .sort((a, b) => byText(a.value, b.value));
  });
}

/** What is so in every task is said once. */
function folded(byTask: readonly (readonly Row[])[]): Row[] {
  const key = ({ setting, value, default: given, runs, of }: Row) =>
    JSON.stringify([setting, value, given, runs === of ? 'all' : [runs, of]]);
  const shared = (row: Row) => byTask.length > 1 && byTask.every((own) => own.some((other) => key(other) === key(row)));
  const sum = (rows: readonly Row[], of: 'runs' | 'of') => rows.reduce((total, row) => total + row[of], 0);
  const everywhere = (byTask[0] ?? []).filter(shared).map((row): Row => {
    const alike = byTask.map((own) => own.find((other) => key(other) === key(row))!);
    return { ...row, task: 'all', runs: sum(alike, 'runs'), of: sum(alike, 'of') };
  });
  return [...everywhere, ...byTask.flatMap((own) => own.filter((row) => !shared(row)))];
}

export const settings: TableDefinition<Row> = {
  name: 'settings',
  title: 'Settings beyond the defaults',
  shows:
    'what runs say beyond the defaults of a manifest where no other table or figure names it, such as the vocabulary or the model when all runs share it',
  needs: 'finished runs',

  select(journals) {
    const specs = journals.runs.map(({ file }) => file.spec);
    const byTask = grouped(specs, ({ task }) => task).sort((a, b) => byText(a[0]!.task, b[0]!.task));
    return Promise.resolve(folded(byTask.map((own) => rowsOf(own[0]!.task, own))));
  },

  caption: () =>
    [
      'Settings in which runs differ from the defaults of this version and which the names of tasks, methods and learning rates do not say:',
      'encoder, backbone and what else makes the model stand here when all runs of a task share it, and in the names of tasks when it varies.',
      'Whatever stands nowhere is at its default.',
    ].join(' '),

  layout: (rows) => ({
    columns: ['Task', 'Setting', 'Value', 'Default', 'Runs'].map((header) => ({
      header,
      numeric: header === 'Runs',
    })),
    groups: consecutive(rows, ({ task }) => task).map((group) =>
      group.map((row) => [
        { text: row.task },
        { text: row.setting },
        { text: row.value },
        { text: row.default === '' ? '–' : row.default },
        { text: row.runs === row.of ? `all ${row.of}` : `${row.runs} of ${row.of}` },
      ]),
    ),
  }),
};
