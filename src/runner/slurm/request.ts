/**
 * From what a manifest and a profile file ask of a cluster to resource classes: runs of equal requests share a job
 * array.
 */
import { canonicalJson } from '../../files';
import { matches } from '../../manifest/assign';
import { slurmDefaults, type SlurmProfile, type SlurmRequest, type SlurmSection } from '../../manifest/slurm';
import type { Tree } from '../../manifest/tree';
import { UserError, type Problem } from '../../problems';
import type { IdentifiedRun } from '../plan';

/** A request with its defaults. */
export interface Resources extends SlurmRequest {
  cpus: number;
  gpus: number;
  requeue: number;
  grace: number;
}

/** Runs that ask for the same, in the order of the plan. */
interface ResourceClass<Run extends IdentifiedRun = IdentifiedRun> {
  resources: Resources;
  runs: Run[];
}

export interface Classes<Run extends IdentifiedRun> {
  classes: ResourceClass<Run>[];
  /** one sentence each */
  warnings: string[];
}

/**
 * The resource classes of runs, in the order of their first runs. The profile's requests lie over the manifest's, then
 * come the conditions of the manifest, then those of the profile.
 * @throws UserError for runs that compute on a GPU and would get none, and for a time limit within the grace
 */
export function resourceClasses<Run extends IdentifiedRun>(
  runs: readonly Run[],
  section: SlurmSection = {},
  profile: SlurmProfile = {},
): Classes<Run> {
  const base: SlurmRequest = { ...requestOf(section), ...requestOf(profile) };
  const conditions = [...placed('manifest', section), ...placed('profile file', profile)];
  const used = new Set<string>();
  const classes = new Map<string, ResourceClass<Run>>();
  const without: Run[] = [];
  for (const run of runs) {
    let asked = base;
    for (const condition of conditions) {
      if (!matches(condition.if, run.spec as unknown as Tree)) continue;
      used.add(condition.place);
      asked = { ...asked, ...condition.then };
    }
    const resources: Resources = { ...slurmDefaults, gpus: run.arithmetic.gpu ? 1 : 0, ...asked };
    if (run.arithmetic.gpu && resources.gpus === 0) without.push(run);
    const key = canonicalJson(resources);
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { resources, runs: [run] });
    else known.runs.push(run);
  }
  const problems = [
    ...(without.length > 0 ? [noGpu(without)] : []),
    ...[...classes.values()].flatMap(({ resources }) => tooShort(resources)),
  ];
  if (problems.length > 0) throw new UserError(problems);
  const idle = conditions
    .filter(({ place }) => !used.has(place))
    .map(({ place }) => `${place} matches no run that is to be trained`);
  return { classes: [...classes.values()], warnings: runs.length === 0 ? [] : idle };
}

function noGpu(runs: readonly IdentifiedRun[]): Problem {
  return {
    where: 'slurm gpus',
    what: `is 0 for ${runs.length} ${runs.length === 1 ? 'run that computes' : 'runs that compute'} on a GPU, e.g. ${runs[0]!.description}`,
    expected: 'at least 1',
    hint: 'leave gpus out, or give --device cpu',
  };
}

/** Told to stop as soon as it starts, a run would go back into the queue without having done anything. */
function tooShort({ time, grace }: Resources): Problem[] {
  if (time === undefined || secondsOf(time) > grace) return [];
  return [
    {
      where: 'slurm time',
      what: `is ${time}, and a run is told to stop ${grace} s before it`,
      expected: 'a time limit longer than the grace',
      hint: 'give more time or less grace',
    },
  ];
}

/** Seconds of H:MM:SS or D-HH:MM:SS. */
function secondsOf(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return ((Number(days) * 24 + hours) * 60 + minutes) * 60 + seconds;
}

function placed(source: string, { when = [] }: SlurmSection) {
  return when.map((condition, index) => ({ ...condition, place: `slurm /when/${index} of the ${source}` }));
}

/** The requests of a section or profile without its other parts. */
function requestOf(section: SlurmSection): SlurmRequest {
  const { partition, account, qos, time, memory, cpus, gpus, gpuType, constraint, throttle, requeue, grace, modules } =
    section;
  const request: SlurmRequest = {
    partition,
    account,
    qos,
    time,
    memory,
    cpus,
    gpus,
    gpuType,
    constraint,
    throttle,
    requeue,
    grace,
    modules,
  };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

/** The class in a few words, for a person. */
export function describeResources({ partition, gpus, gpuType, cpus, memory, time }: Resources): string {
  return [
    ...(partition === undefined ? [] : [partition]),
    gpus > 0
      ? `${gpus} GPU${gpus === 1 ? '' : 's'}${gpuType === undefined ? '' : ` ${gpuType}`}`
      : `${cpus} processor${cpus === 1 ? '' : 's'}`,
    ...(memory === undefined ? [] : [memory]),
    ...(time === undefined ? [] : [`at most ${time}`]),
  ].join(', ');
}
