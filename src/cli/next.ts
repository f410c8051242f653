/** `equipoise` without a command: what lies here, and which command comes next. It reads and changes nothing. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isCheckout } from '../files';
import { printable } from '../printable';
import { configFile } from '../project';
import { listExperiments, referenceFolder, resultsFolder, runFolder } from '../runner/folders';
import { readExperiment } from '../runner/results';
import { figuresFolder, place } from './analysis';
import { ownExperiments } from './names';
import { columns, count, say } from './text';

/** What is known of an experiment without its manifest. */
interface Stage {
  name: string;
  runs: number;
  done: number;
  running: number;
  /** interrupted or failed */
  left: number;
  /** figures that are newer than its newest run */
  drawn: boolean;
  /** when a run of it was last written, ms */
  touched: number;
}

/** A command and why it is the next. */
type Step = readonly [command: string, why: string];

/** Most experiments that are listed, the newest first. */
const mostShown = 6;

/** Prints what to do next in the working folder. Throws UserError for a config that cannot be used. */
export function tellNext(): void {
  const results = resultsFolder();
  const stages = listExperiments(results)
    .map((name) => stageOf(results, name))
    .filter(({ runs }) => runs > 0)
    .sort((a, b) => b.touched - a.touched);
  const config = configFile();
  say(
    [
      config === null
        ? `no project here (no equipoise.config.json or .ts); results are in ${place(results)}`
        : `project of ${printable(place(config))}; results are in ${place(results)}`,
      ...(stages.length === 0 ? ['  no runs yet'] : stageLines(stages)),
      'Next:',
      ...columns(nextSteps(stages, config !== null).map(([command, why]) => [`  ${printable(command)}`, why])).split(
        '\n',
      ),
      'equipoise --help lists all commands.',
    ].join('\n'),
  );
}

function stageOf(results: string, name: string): Stage {
  const runs = readExperiment(results, name);
  const of = (...states: string[]) => runs.filter(({ state }) => states.includes(state)).length;
  const touched = Math.max(0, ...runs.map(({ id }) => modified(runFolder(results, name, id).runJson)));
  const folder = join(figuresFolder({}), name);
  const drawn = existsSync(folder)
    ? Math.max(0, ...readdirSync(folder).map((file) => modified(join(folder, file))))
    : 0;
  return {
    ...{ name, touched, runs: runs.length, drawn: drawn > touched },
    ...{ done: of('done'), running: of('running'), left: of('partial', 'failed') },
  };
}

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function stageLines(stages: readonly Stage[]): string[] {
  const rows = stages
    .slice(0, mostShown)
    .map(({ name, runs, done, running, left, drawn }) => [
      `  ${printable(name)}`,
      `${done} of ${count(runs, 'run')} done`,
      [
        ...(running > 0 ? [`${running} running`] : []),
        ...(left > 0 ? [`${left} interrupted or failed`] : []),
        ...(drawn ? ['figures drawn'] : []),
      ].join(', '),
    ]);
  const more = stages.length - rows.length;
  return [
    ...columns(rows).split('\n'),
    ...(more > 0 ? [`  and ${count(more, 'more experiment')}: equipoise status`] : []),
  ];
}

/** At most one step for each kind of state, the most pressing first. */
function nextSteps(stages: readonly Stage[], hasConfig: boolean): Step[] {
  const running = stages.find((stage) => stage.running > 0);
  const left = stages.find((stage) => stage.left > 0 && stage.running === 0);
  const undrawn = stages.find(({ done, drawn, running: now }) => done > 0 && !drawn && now === 0);
  const drawn = stages.find((stage) => stage.drawn);
  const own = hasConfig ? ownExperiments() : [];
  const unrun = own.find((name) => !stages.some((stage) => stage.name === name));
  const steps: Step[] = [
    ...(running === undefined ? [] : [[`equipoise ui ${running.name}`, 'watch what is running'] as const]),
    ...(left === undefined
      ? []
      : [
          [
            `equipoise run ${left.name}`,
            `go on with what is not done; equipoise status ${left.name} says why`,
          ] as const,
        ]),
    ...(undrawn === undefined ? [] : [[`equipoise figures ${undrawn.name}`, 'draw what its runs show'] as const]),
    ...(unrun === undefined
      ? []
      : [[`equipoise plan ${unrun}`, 'what it would train, and how long that takes'] as const]),
    ...(drawn === undefined ? [] : [[`equipoise ui ${drawn.name}`, 'compare settings, look at answers'] as const]),
  ];
  return steps.length > 0 ? steps : firstSteps(hasConfig);
}

/** Where nothing was trained and nothing waits to be. */
const firstSteps = (hasConfig: boolean): Step[] => [
  ...(hasConfig ? [['equipoise plan MANIFEST', 'what a manifest of yours would train'] as const] : []),
  ...(existsSync(join(resultsFolder(), referenceFolder, 'paper-rate-ratio'))
    ? [
        [
          'equipoise report paper-rate-ratio',
          'the main result as a page, from 350 kept runs: seconds, nothing is trained',
        ] as const,
      ]
    : []),
  ...(hasConfig ? [] : [['equipoise init my-study', 'a project of your own, with a first experiment'] as const]),
  ['equipoise doctor', 'what this machine has and lacks'],
  ...(isCheckout && !hasConfig
    ? [['equipoise reproduce', 'the quickstart, from nothing to its figures'] as const]
    : []),
];
