/**
 * What runs ask of a Slurm cluster: the section `slurm` of a manifest and the file given by --slurm-profile, as data.
 * It is no part of a run's identity. A manifest may ask for resources only. What is run before a run or around it
 * (shell lines, environment, container) comes from a profile file alone: a manifest from a stranger must never bring
 * commands along.
 */
import type { Leaf } from './fields';
import type { Pattern } from './pattern';

/** What one run asks for. What is left out is the cluster's own default, unless the table below names another. */
export interface SlurmRequest {
  partition?: string;
  account?: string;
  qos?: string;
  /** H:MM:SS or D-HH:MM:SS */
  time?: string;
  /** of the node, e.g. 4G */
  memory?: string;
  cpus?: number;
  gpus?: number;
  gpuType?: string;
  constraint?: string;
  throttle?: number;
  requeue?: number;
  /** seconds */
  grace?: number;
  modules?: string[];
}

/** Requests of all runs, and other ones of the runs that match. */
export interface SlurmSection extends SlurmRequest {
  when?: { if: Pattern; then: SlurmRequest }[];
}

/** A profile file: the requests of a cluster's user, and the surroundings of each run there. */
export interface SlurmProfile extends SlurmSection {
  $schema?: string;
  /** lines of bash before each run */
  prologue?: string[];
  environment?: Record<string, string>;
  /** words in front of the command, e.g. apptainer exec node.sif */
  container?: string[];
  /** the Node that trains; default: the one that submits, in a container `node` */
  node?: string;
  /** further options of sbatch, e.g. --mail-type=FAIL */
  options?: string[];
}

const text = (about: string, pattern: string, ...examples: string[]): Leaf => ({
  type: 'leaf',
  about,
  schema: { type: 'string', pattern, examples },
});
const whole = (about: string, minimum: number, maximum: number): Leaf => ({
  type: 'leaf',
  about,
  schema: { type: 'integer', minimum, maximum },
});

// These values stand in #SBATCH lines: nothing that ends a line, separates words or quotes may get in.
const word = '^[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,63}$';
const words = '^[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,63}(,[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,63}){0,15}$';

/** The fields of a request; the compiler demands every one of SlurmRequest. */
export const slurmFields: Record<keyof SlurmRequest, Leaf> = {
  partition: text('partition, or several of which the first free one is taken', words, 'gpu', 'short,long'),
  account: text('account that is charged', word, 'lab7'),
  qos: text('quality of service', word, 'low'),
  time: text(
    'time limit of a run, as hours:minutes:seconds or days-hours:minutes:seconds; plain numbers are refused because Slurm reads 2:00 as two minutes',
    '^([1-9][0-9]{0,2}-)?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$',
    '2:00:00',
    '1-12:00:00',
  ),
  memory: text('memory of a run, in megabytes or gigabytes', '^[1-9][0-9]{0,6}[MG]$', '4G', '1500M'),
  cpus: whole('processors of a run; it computes on one, more serve the runtime', 1, 256),
  gpus: whole('GPUs of a run: by default 1 for a run that computes on a GPU, else 0', 0, 8),
  gpuType: text('kind of GPU, as the cluster calls it', word, 'a100'),
  constraint: text(
    'features that the node must have, in the notation of sbatch',
    '^[A-Za-z0-9_.:=&|*,()\\[\\]-]{1,200}$',
    'avx512',
    '[rack1|rack2]',
  ),
  throttle: whole('at most this many runs of a job array at once', 1, 10_000),
  requeue: whole(
    'how often a run that reached its time limit goes back into the queue by itself; 0 also forbids Slurm to put it back after preemption and node failure',
    0,
    1000,
  ),
  grace: whole('seconds before the time limit at which the run is told to stop', 30, 86_400),
  modules: {
    type: 'leaf',
    about: 'environment modules that are loaded before the run',
    schema: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
      items: { type: 'string', pattern: '^(?!.*\\.\\.)[A-Za-z0-9][A-Za-z0-9_.+/-]{0,99}$', examples: ['cuda/12.2'] },
    },
  },
};

/** What a request that leaves a field out gets. */
export const slurmDefaults = { cpus: 1, requeue: 20, grace: 120 } as const satisfies SlurmRequest;

/** What only a profile file may say. */
const profileOnly: Record<Exclude<keyof SlurmProfile, keyof SlurmSection | '$schema'>, Record<string, unknown>> = {
  prologue: {
    type: 'array',
    minItems: 1,
    maxItems: 200,
    items: {
      type: 'string',
      pattern: '^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]{0,2000}$',
      examples: ['source /etc/profile.d/site.sh'],
    },
    description: 'lines of bash that are run before each run, as they are',
  },
  environment: {
    type: 'object',
    maxProperties: 100,
    additionalProperties: false,
    description: 'environment variables of each run',
    patternProperties: { '^[A-Za-z_][A-Za-z0-9_]{0,99}$': { type: 'string', maxLength: 4000 } },
  },
  container: {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    items: { type: 'string', minLength: 1, maxLength: 4000 },
    description: 'the words in front of the command, e.g. apptainer, exec, --nv, node.sif',
  },
  node: {
    type: 'string',
    minLength: 1,
    maxLength: 1000,
    description:
      'the Node that trains: a path or a name; by default the one that submits, in a container the one called node',
  },
  options: {
    type: 'array',
    minItems: 1,
    maxItems: 50,
    description: 'further options of sbatch',
    items: {
      type: 'string',
      pattern:
        '^(?!--(array|job-name|output|error|open-mode|signal|requeue|no-requeue|wrap|export|chdir|parsable|test-only|hold|nodes|ntasks)(=|$))--[a-z][a-z-]{1,40}(=[A-Za-z0-9_.,:;/@+&|*()=\\[\\]-]{1,200})?$',
      examples: ['--mail-type=FAIL'],
    },
  },
};

type Schema = Record<string, unknown>;

function requestProperties(): Schema {
  return Object.fromEntries(
    Object.entries(slurmFields).map(([name, { schema, about }]) => [name, { ...schema, description: about }]),
  );
}

/** Schema of the section in a manifest; patterns refer to the manifest's `$defs/pattern`. */
export function slurmSectionSchema(): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    description: 'what the runs ask of a Slurm cluster (docs/slurm.md); no part of their identity',
    properties: {
      ...requestProperties(),
      when: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        description: 'other requests of the runs that match; a later one lies over an earlier one',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['if', 'then'],
          properties: {
            if: { $ref: '#/$defs/pattern' },
            then: { type: 'object', additionalProperties: false, minProperties: 1, properties: requestProperties() },
          },
        },
      },
    },
  };
}

/** Schema of a profile file, without its `$defs`. */
export function slurmProfileProperties(): Schema {
  return {
    $schema: { type: 'string', maxLength: 1000 },
    ...(slurmSectionSchema()['properties'] as Schema),
    ...profileOnly,
  };
}

/** Names that a person may look for in a manifest and finds only in a profile. */
export const profileOnlyNames: readonly string[] = Object.keys(profileOnly);
