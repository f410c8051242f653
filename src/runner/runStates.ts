/** run.json of a run that has not begun, is under way, or is done. */
import type { BackendFacts, BackendRequest } from '../tensor/backend';
import type { TrainSummary } from '../train/run';
import type { RunTask } from './messages';
import type { RunFile } from './runFile';

/** Threads inside one run: one unless others were asked for, since many runs are quicker side by side. */
const threadsOf = ({ arithmetic }: RunTask): number => arithmetic.threads ?? 1;

/** The backend that a task asks for. */
export const requestOf = (task: RunTask): BackendRequest => ({
  name: task.arithmetic.backend,
  device: task.arithmetic.device,
  threads: threadsOf(task),
});

/** run.json of a run whose backend did not even start. */
export function unstartedFile(task: RunTask): RunFile {
  return {
    format: 'equipoise-run/1',
    id: task.id,
    identity: task.identity,
    experiment: task.experiment,
    spec: task.spec,
    status: 'running',
    steps: 0,
    step: 0,
    code: { ...task.code, ...task.usedCode },
    data: task.data,
    weights: task.weights,
    ...(task.parts === undefined ? {} : { parts: task.parts.sha256 }),
    machine: {
      backend: task.arithmetic.backend,
      device: 'not started',
      threads: threadsOf(task),
      node: process.versions.node,
      tensorflow: null,
      packages: task.packages,
    },
    notices: [...task.notices],
    times: {
      started: new Date().toISOString(),
      finished: null,
      trainSeconds: 0,
      evaluateSeconds: 0,
      secondsPerStep: 0,
    },
    final: null,
  };
}

/** What is said of a run that asks for fused kernels on a backend that has none. */
const plainInstead = ({ spec }: RunTask, { name, gpu }: BackendFacts): string[] =>
  spec.kernels === 'fused' && (name !== 'tensorflow' || gpu)
    ? [`fused kernels are for TensorFlow on a processor; on ${gpu ? 'a gpu' : name} the run has the plain ones`]
    : [];

/** The same once its backend runs: on what, and for how many steps. */
export function startedFile(task: RunTask, facts: BackendFacts, steps: number): RunFile {
  const base = unstartedFile(task);
  return {
    ...base,
    steps,
    machine: {
      backend: facts.name,
      device: facts.device,
      threads: facts.threads,
      node: process.versions.node,
      tensorflow: facts.tensorflow,
      packages: { ...task.packages, ...facts.versions },
    },
    notices: [...base.notices, ...facts.notices, ...plainInstead(task, facts)],
  };
}

/** The same of a run that is done. */
export function finishedFile(file: RunFile, summary: TrainSummary, notices: string[]): RunFile {
  const { train, evaluate } = summary.seconds;
  return {
    ...file,
    status: 'done',
    steps: summary.steps,
    step: summary.steps,
    weights: { ...file.weights, ...summary.weights },
    notices: [...new Set([...file.notices, ...summary.notices, ...notices])],
    times: {
      ...file.times,
      finished: new Date().toISOString(),
      trainSeconds: train,
      evaluateSeconds: evaluate,
      secondsPerStep: summary.steps > 0 ? train / summary.steps : 0,
    },
    final: summary.final,
  };
}
