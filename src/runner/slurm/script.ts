/** The batch script of one job array. Everything that comes from outside is checked by the schema or quoted here. */
import type { SlurmProfile } from '../../manifest/slurm';
import type { Resources } from './request';

/** What a script is made of. */
export interface ScriptParts {
  /** name of the jobs: letters, digits, dots, dashes */
  name: string;
  resources: Resources;
  /** ids of the runs; the position is the index in the array */
  ids: readonly string[];
  /** at most this many at once */
  throttle?: number;
  profile: SlurmProfile;
  /** file of the array's runs */
  plan: string;
  /** folder of the experiment in the results */
  folder: string;
  /** name of the file, beside the script, for what tasks say before they know their run */
  output: string;
  /** folder in which the command runs */
  root: string;
  /** Node and the command line's script, e.g. node and bin/equipoise.cjs */
  node: string;
  entry: string;
  /** folder of the user's own parts, absolute */
  parts?: string;
  /** environment variables that name folders, absolute */
  environment: Readonly<Record<string, string>>;
}

/** Exit status of a task that was stopped in the middle: the same as of an interrupted command. */
const stoppedStatus = 130;

/**
 * A word of bash that stands for exactly this text. Throws RangeError for text with NUL, which no process can be given.
 */
export function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('text with NUL cannot be a word of a command');
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The text of the script. Pure: it says all that a submission does. */
export function arrayScript(parts: ScriptParts): string {
  return [
    '#!/bin/bash',
    ...directives(parts).map((directive) => `#SBATCH ${directive}`),
    '',
    `# One task trains one run. Written by equipoise; what is trained stands in ${parts.output.replace(/\.txt$/, '.json')}.`,
    'runs=(',
    ...parts.ids.map((id) => `  ${quote(id)}`),
    ')',
    'id=${runs[$SLURM_ARRAY_TASK_ID]}',
    'if [ -z "$id" ]; then echo "equipoise: the array has no run $SLURM_ARRAY_TASK_ID" >&2; exit 1; fi',
    `folder=${quote(parts.folder)}/"$id"`,
    'mkdir -p "$folder" || exit 1',
    'exec >>"$folder/slurm-${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID.txt" 2>&1 || exit 1',
    'echo "equipoise: task $SLURM_ARRAY_TASK_ID of job $SLURM_ARRAY_JOB_ID on ${SLURMD_NODENAME:-this node}, start $((${SLURM_RESTART_COUNT:-0} + 1))"',
    '',
    ...signals,
    '',
    ...surroundings(parts),
    `cd ${quote(parts.root)} || exit 1`,
    '',
    ...training(parts),
    '',
    ...ending(parts.resources.requeue),
    '',
  ].join('\n');
}

function directives({ name, resources, ids, throttle, profile, output }: ScriptParts): string[] {
  const { partition, account, qos, time, memory, cpus, gpus, gpuType, constraint, requeue, grace } = resources;
  const given = (option: string, value: string | undefined) => (value === undefined ? [] : [`--${option}=${value}`]);
  return [
    `--job-name=${name}`,
    `--array=0-${ids.length - 1}${throttle === undefined ? '' : `%${throttle}`}`,
    ...given('partition', partition),
    ...given('account', account),
    ...given('qos', qos),
    ...given('time', time),
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${cpus}`,
    ...given('mem', memory),
    ...(gpus > 0 ? [`--gres=gpu:${gpuType === undefined ? '' : `${gpuType}:`}${gpus}`] : []),
    ...given('constraint', constraint),
    // To the shell alone: it decides what the run is told.
    `--signal=B:USR1@${grace}`,
    requeue > 0 ? '--requeue' : '--no-requeue',
    '--open-mode=append',
    `--output=${output}`,
    ...(profile.options ?? []),
  ];
}

// A trap waits for a foreground command, so the training runs behind `wait`. Node would answer USR1 with its debugger
// until
// the command listens, hence TERM. USR1: the time limit is near. TERM: Slurm ends the task and knows itself what comes
// next.
const signals = [
  'asked=; heard=0; pid=',
  'ask() { asked=$1; heard=$((heard + 1)); if [ -n "$pid" ]; then kill -TERM "$pid" 2>/dev/null; fi; }',
  "trap 'ask limit' USR1",
  "trap 'ask end' TERM INT",
];

function surroundings({ resources, profile, environment }: ScriptParts): string[] {
  const variables = Object.entries({ ...environment, ...profile.environment }).sort(([a], [b]) => (a < b ? -1 : 1));
  const modules = resources.modules ?? [];
  return [
    ...variables.map(([name, value]) => `export ${name}=${quote(value)}`),
    ...(modules.length === 0 ? [] : ['type module >/dev/null 2>&1 || . /etc/profile']),
    ...modules.map(
      (module) =>
        `module load ${quote(module)} || { echo ${quote(`equipoise: the module ${module} cannot be loaded`)}; exit 3; }`,
    ),
    // Whatever options the prologue sets, what follows asks for each status itself.
    ...(profile.prologue === undefined ? [] : [...profile.prologue, 'set +eu']),
  ];
}

function training({ profile, node, entry, plan, parts }: ScriptParts): string[] {
  const program = profile.node ?? (profile.container === undefined ? node : 'node');
  const own = parts === undefined ? [] : ['--parts', parts];
  const command = [...(profile.container ?? []), program, entry, 'worker-run', plan, ...own].map(quote).join(' ');
  return [
    'status=143',
    'if [ -z "$asked" ]; then',
    `  ${command} "$id" & pid=$!`,
    '  if [ -n "$asked" ]; then kill -TERM "$pid" 2>/dev/null; fi',
    '  while :; do',
    '    before=$heard',
    '    wait "$pid"; status=$?',
    '    # a signal ends `wait` early: wait again for the command itself',
    '    if [ "$heard" = "$before" ]; then break; fi',
    '  done',
    '  pid=',
    'fi',
  ];
}

function ending(requeue: number): string[] {
  const stopped = `[ "$asked" = limit ] && { [ "$status" -eq ${stoppedStatus} ] || [ "$status" -eq 143 ]; }`;
  if (requeue === 0) {
    return [
      `if ${stopped}; then echo "equipoise: stopped before the time limit; it is not put back into the queue"; fi`,
      'exit "$status"',
    ];
  }
  return [
    `if ${stopped}; then`,
    `  if [ "\${SLURM_RESTART_COUNT:-0}" -lt ${requeue} ]; then`,
    '    echo "equipoise: stopped before the time limit; back into the queue"',
    '    if scontrol requeue "$SLURM_JOB_ID"; then exit 0; fi',
    '    echo "equipoise: it could not be put back; submit again to go on"',
    '  else',
    `    echo "equipoise: stopped before the time limit, and put back ${requeue} times already; submit again to go on"`,
    '  fi',
    'fi',
    'exit "$status"',
  ];
}
