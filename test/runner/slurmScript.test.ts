/**
 * What is given to Slurm, without a Slurm: requests, scripts, and what the command line does with fake commands of
 * Slurm.
 */
import fc from 'fast-check';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { slurmFields, type SlurmRequest } from '../../src/manifest/slurm';
import { UserError } from '../../src/problems';
import { parseQueue, submissionEnvironment } from '../../src/runner/slurm/commands';
import { loadSlurmProfile } from '../../src/runner/slurm/profile';
import { resourceClasses } from '../../src/runner/slurm/request';
import { arrayScript, quote, type ScriptParts } from '../../src/runner/slurm/script';
import type { ArrayPlan } from '../../src/runner/slurm/submission';
import { fakeRuns, identified } from '../../testing/fakeRuns';
import { fakeSpec } from '../../testing/fakeTrainer';
import { notEmpty } from '../../testing/lists';
import { fileOf, fixed, head, load, problemsOf, runsOf } from '../../testing/manifestHelp';

const resources = { cpus: 1, gpus: 0, requeue: 3, grace: 120 };
const parts = (folder: string, replaced: Partial<ScriptParts> = {}): ScriptParts => ({
  name: 'equipoise-test-0',
  resources,
  ids: ['00000000000000aa', '00000000000000bb'],
  profile: {},
  plan: join(folder, 'array-0.json'),
  folder: join(folder, 'results'),
  output: 'array-0.txt',
  root: folder,
  node: join(folder, 'node'),
  entry: join(folder, 'entry.cjs'),
  environment: {},
  ...replaced,
});
const strangeFolder = () => mkdtempSync(join(tmpdir(), 'equipoise it\'s "$(odd)" `x` '));
const executable = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
};

function problemsOfProfile(content: unknown): string[] {
  try {
    loadSlurmProfile(fileOf(content));
  } catch (error) {
    return (error as UserError).problems.map(({ where, what }) => `${where.replace(/^\S+ ?/, '')} ${what}`);
  }
  return [];
}

describe('the slurm section of a manifest', () => {
  it('changes neither runs nor their order', () => {
    expect(runsOf({ fixed, slurm: { partition: 'gpu', when: [{ if: { seed: 1 }, then: { memory: '4G' } }] } })).toEqual(
      runsOf({ fixed }),
    );
    expect(load({ fixed, slurm: { time: '1-00:00:00' } }).content.slurm).toEqual({ time: '1-00:00:00' });
  });

  it('has all its faults shown at once, and those of the runs with them', () => {
    const bad: Record<string, unknown> = {
      partition: 'gpu\n#SBATCH --wrap=x',
      account: 'a b',
      qos: "'",
      time: '2:00',
      memory: '0G',
      cpus: 0,
      gpus: 1.5,
      gpuType: '$(id)',
      constraint: 'a;b',
      throttle: '4',
      requeue: -1,
      grace: 5,
      modules: ['cuda', '/outside/evil', '../evil'],
    };
    expect(Object.keys(bad).sort()).toEqual(Object.keys(slurmFields).sort());
    const places = problemsOf({
      ...head,
      fixed: { ...fixed, encoder: 'resnet51' },
      slurm: { ...bad, when: [{ if: { sed: 1 }, then: {} }] },
    }).map((problem) => problem.where);
    expect(places).toEqual(
      expect.arrayContaining([
        ...Object.keys(bad)
          .filter((name) => name !== 'modules')
          .map((name) => `/slurm/${name}`),
        '/slurm/modules/1',
        '/slurm/modules/2',
        '/slurm/when/0/if/sed',
        '/slurm/when/0/then',
        '/fixed/encoder',
      ]),
    );
  });

  it('may not bring commands along', () => {
    for (const name of ['prologue', 'environment', 'container', 'node', 'options']) {
      const [problem, ...more] = problemsOf({ ...head, fixed, slurm: { [name]: ['rm -rf ~'] } });
      expect(more).toEqual([]);
      expect(problem).toMatchObject({
        where: `/slurm/${name}`,
        hint: expect.stringContaining('--slurm-profile') as string,
      });
    }
  });
});

describe('a profile file', () => {
  it('has all its faults shown at once', () => {
    expect(
      problemsOfProfile({
        environment: { 'A B': 'x' },
        prologue: ['a\nb'],
        options: ['--array=1-9', '--mail-type=FAIL', '-p', '--comment=a b'],
        container: [],
        partitoin: 'x',
        cpus: 0,
      })
        .map((text) => text.split(' ')[0])
        .sort(),
    ).toEqual([
      '/container',
      '/cpus',
      '/environment/A',
      '/options/0',
      '/options/2',
      '/options/3',
      '/partitoin',
      '/prologue/0',
    ]);
    expect(
      problemsOfProfile({
        environment: { A: "it's" },
        prologue: ['module load x && y'],
        options: ['--exclude=n[3-4]'],
        container: ['apptainer', 'exec', 'a b.sif'],
        node: 'node',
      }),
    ).toEqual([]);
  });
});

describe('docs/slurm.md', () => {
  it('has examples that are accepted', () => {
    const [section, profile, ...more] = [
      ...readFileSync(join(__dirname, '..', '..', 'docs', 'slurm.md'), 'utf8').matchAll(/```json\n([^]*?)\n```/g),
    ].map(([, text]) => text!);
    expect(more).toEqual([]);
    expect(
      load({
        fixed: { task: 'sound-qa', encoder: 'whisper-tiny', backbone: 'stories15m', seed: 1 },
        ...(JSON.parse(`{${section}}`) as object),
      }).content.slurm?.when,
    ).toHaveLength(1);
    expect(problemsOfProfile(JSON.parse(profile!))).toEqual([]);
  });
});

describe('resource classes', () => {
  const gpu = (seed: number) => ({
    ...identified(fakeSpec(seed)),
    arithmetic: { backend: 'tensorflow' as const, device: 'gpu' as const, class: 'tensorflow-gpu', gpu: true },
  });

  it('gather runs of equal requests: the profile over the manifest, conditions over both', () => {
    const runs = [...fakeRuns(3), gpu(7)];
    const { classes, warnings } = resourceClasses(
      runs,
      {
        memory: '2G',
        partition: 'a',
        when: [
          { if: { seed: 1 }, then: { memory: '8G' } },
          { if: { seed: 99 }, then: { cpus: 2 } },
        ],
      },
      { partition: 'b', when: [{ if: { seed: [1] }, then: { cpus: 4 } }] },
    );
    expect(classes.map((each) => [each.runs.map((run) => run.spec.seed), each.resources])).toEqual([
      [[0, 2], { cpus: 1, gpus: 0, requeue: 20, grace: 120, memory: '2G', partition: 'b' }],
      [[1], { cpus: 4, gpus: 0, requeue: 20, grace: 120, memory: '8G', partition: 'b' }],
      [[7], { cpus: 1, gpus: 1, requeue: 20, grace: 120, memory: '2G', partition: 'b' }],
    ]);
    expect(warnings).toEqual(['slurm /when/1 of the manifest matches no run that is to be trained']);
  });

  it('refuse what cannot work', () => {
    expect(() => resourceClasses([gpu(1)], { gpus: 0 })).toThrow(/gpus: is 0 for 1 run that computes on a GPU/);
    expect(() => resourceClasses(fakeRuns(1), { time: '0:02:00' })).toThrow(/told to stop 120 s before it/);
    expect(() => resourceClasses(fakeRuns(1), { time: '0:02:01' })).not.toThrow();
    expect(() => resourceClasses(fakeRuns(1), { time: '1-00:00:00', grace: 86_400 })).toThrow(/longer than the grace/);
  });
});

describe('a script', () => {
  it('quotes any text', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll('\0', '')),
          { maxLength: 20 },
        ),
        (texts) => {
          const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${[...texts, 'end'].map(quote).join(' ')}`], {
            encoding: 'utf8',
          });
          expect(stdout.split('\0').slice(0, -1)).toEqual([...texts, 'end']);
        },
      ),
      { numRuns: 40, examples: [[["it's", '$(id)', '`id`', '\n', '', '-n', '!x', '\\', '~', '*']]] },
    );
    expect(() => quote('a\0b')).toThrow(RangeError);
  });

  it('has directives of one word each for any request that the schema lets through', () => {
    const request = (name: keyof SlurmRequest): fc.Arbitrary<string | number | undefined> => {
      const { pattern, type, minimum, maximum } = slurmFields[name].schema as {
        pattern?: string;
        type: string;
        minimum: number;
        maximum: number;
      };
      return fc.option<string | number, undefined>(
        type === 'integer' ? fc.integer({ min: minimum, max: maximum }) : fc.stringMatching(new RegExp(pattern!)),
        { nil: undefined },
      );
    };
    const names = (Object.keys(slurmFields) as (keyof SlurmRequest)[]).filter((name) => name !== 'modules');
    fc.assert(
      fc.property(fc.record(Object.fromEntries(names.map((name) => [name, request(name)]))), (given) => {
        const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        const lines = arrayScript(parts('/x', { resources: { ...resources, ...defined } })).split('\n');
        const last = lines.findIndex((line) => line === '');
        expect(lines[0]).toBe('#!/bin/bash');
        for (const line of notEmpty(lines.slice(1, last)))
          expect(line).toMatch(/^#SBATCH --[a-z-]+(=[^\s'"\\$`#;]+)?$/);
        expect(lines.slice(last).join('\n')).not.toContain('#SBATCH');
      }),
      { numRuns: 100 },
    );
  });

  /** Runs a script as Slurm would, with a stand-in for Node that waits until it is told to end. */
  async function task(given: {
    node: string;
    signal?: NodeJS.Signals;
    restarts?: number;
    requeue?: number;
    prologue?: string[];
    modules?: string[];
  }): Promise<{ code: number | null; log: string; requeued: string }> {
    const folder = strangeFolder();
    executable(join(folder, 'node'), given.node);
    executable(join(folder, 'bin', 'scontrol'), `echo "$*" >>${quote(join(folder, 'requeued'))}`);
    writeFileSync(
      join(folder, 'script'),
      arrayScript(
        parts(folder, {
          resources: { ...resources, requeue: given.requeue ?? 3, modules: given.modules },
          environment: { PLACE: folder },
          profile: { prologue: given.prologue, environment: { ODD: 'a\'b "$c"' } },
        }),
      ),
    );
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
      SLURM_ARRAY_JOB_ID: '7',
      SLURM_ARRAY_TASK_ID: '1',
      SLURM_JOB_ID: '9',
      SLURM_RESTART_COUNT: String(given.restarts ?? 0),
    };
    const child = spawn('bash', [join(folder, 'script')], { env, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
    const logFile = join(folder, 'results', '00000000000000bb', 'slurm-7_1.txt');
    const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
    if (given.signal !== undefined) {
      while (!log().includes('training')) await sleep(10);
      child.kill(given.signal);
    }
    const code = await ended;
    return {
      code,
      log: log().replaceAll(folder, 'FOLDER'),
      requeued: existsSync(join(folder, 'requeued')) ? readFileSync(join(folder, 'requeued'), 'utf8') : '',
    };
  }
  const waits = 'trap "exit 130" TERM; echo training; while :; do sleep 0.05; done';

  it('trains its run with the environment that was asked for', async () => {
    const { code, log, requeued } = await task({
      node: 'printf "<%s>" "$@" "$ODD" "$PLACE"; exit 1',
      prologue: ['echo before; set -eu'],
    });
    expect({ code, requeued }).toEqual({ code: 1, requeued: '' });
    expect(log).toContain(
      'before\n<FOLDER/entry.cjs><worker-run><FOLDER/array-0.json><00000000000000bb><a\'b "$c"><FOLDER>',
    );
  });

  it('stops and goes back into the queue before its time limit', async () => {
    expect(await task({ node: waits, signal: 'SIGUSR1' })).toMatchObject({ code: 0, requeued: 'requeue 9\n' });
    expect(
      await task({ node: `trap '' USR1; ${waits}`, signal: 'SIGUSR1', prologue: ['kill -USR1 $$; echo training'] }),
    ).toMatchObject({ code: 0, requeued: 'requeue 9\n' });
  });

  it('does not when it is ended by Slurm, has failed, or was put back often enough', async () => {
    expect(await task({ node: waits, signal: 'SIGTERM' })).toMatchObject({ code: 130, requeued: '' });
    expect(
      await task({ node: 'trap "exit 1" TERM; echo training; while :; do sleep 0.05; done', signal: 'SIGUSR1' }),
    ).toMatchObject({ code: 1, requeued: '' });
    const often = await task({ node: waits, signal: 'SIGUSR1', restarts: 3 });
    expect(often).toMatchObject({ code: 130, requeued: '' });
    expect(often.log).toContain('put back 3 times already');
    expect(await task({ node: waits, signal: 'SIGUSR1', requeue: 0 })).toMatchObject({ code: 130, requeued: '' });
  });

  it('ends with a word when a module cannot be loaded', async () => {
    const { code, log } = await task({ node: 'echo never', modules: ['no-such/1.0'] });
    expect(code).toBe(3);
    expect(log).toContain('the module no-such/1.0 cannot be loaded');
    expect(log).not.toContain('never');
  });
});

describe('the queue', () => {
  it('is read from fixed fields; other jobs and odd names are left out', () => {
    expect(
      parseQueue(
        '12|3|equipoise-x-0|RUNNING|1-02:03:04|n1|None\n13|N/A|other|RUNNING|0:01|n1|None\n\nodd|line\n14|0|a|b|PENDING|0:00||Resources\n15|0|equipoise-x-1|PENDING|0:00||Resources\n',
      ),
    ).toEqual([
      { job: 12, task: 3, name: 'equipoise-x-0', state: 'RUNNING', time: '1-02:03:04', node: 'n1', reason: 'None' },
      { job: 15, task: 0, name: 'equipoise-x-1', state: 'PENDING', time: '0:00', node: '', reason: 'Resources' },
    ]);
  });

  it('sees none of the variables that lie over a script', () => {
    expect(
      submissionEnvironment({ HOME: '/h', SBATCH_TIMELIMIT: '1', SBATCH_ACCOUNT: 'a', SBATCH_PARTITION: 'p' }, [
        'SBATCH_PARTITION',
      ]),
    ).toEqual({ HOME: '/h', SBATCH_ACCOUNT: 'a' });
  });
});

describe('the command line', () => {
  const cli = join(__dirname, '..', '..', 'testing', 'fakeCli.cjs');

  /** A manifest of three runs, and commands of Slurm that note what they are given. */
  function place(commands: Record<string, string>) {
    const folder = mkdtempSync(join(tmpdir(), 'equipoise-slurm-'));
    const manifest = join(folder, 'manifest.json');
    writeFileSync(
      manifest,
      JSON.stringify({
        ...head,
        name: 'queue-test',
        fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' },
        steps: 4,
        axes: { seed: [0, 1, 2] },
        slurm: { memory: '1G' },
      }),
    );
    mkdirSync(join(folder, 'bin'));
    for (const [name, text] of Object.entries(commands)) executable(join(folder, 'bin', name), text);
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:/usr/bin/nowhere`,
      PLACE: folder,
      EQUIPOISE_RESULTS: join(folder, 'results'),
      EQUIPOISE_CACHE: join(folder, 'cache'),
    };
    const equipoise = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8' });
      expect(stderr).not.toMatch(/^\s+at /m);
      return { code: status, out: stdout, err: stderr };
    };
    return {
      folder,
      manifest,
      equipoise,
      noted: (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : ''),
    };
  }
  const sbatch = 'printf "%s" "$PWD" >"$PLACE/where"; echo "$*" >>"$PLACE/submitted"; echo 41';

  it('prints scripts and writes nothing; needs no Slurm for it', () => {
    const { folder, manifest, equipoise } = place({});
    const { code, out } = equipoise('run', manifest, '--launcher', 'slurm', '--print');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^#!\/bin\/bash\n#SBATCH --job-name=equipoise-queue-test-[0-9a-f]{8}-0\n#SBATCH --array=0-2\n[^]*--mem=1G/,
    );
    expect(spawnSync('bash', ['-n'], { input: out }).status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['bin', 'manifest.json']);
  });

  it('refuses what does not fit together, and says when there is no Slurm or it refuses', () => {
    const { manifest, equipoise } = place({});
    expect(equipoise('run', manifest, '--print', '--slurm-profile', 'x')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--slurm-profile: has no meaning[^]*--print: has no meaning/) as string,
    });
    expect(equipoise('run', manifest, '--launcher', 'slurm', '--workers', '2')).toMatchObject({
      code: 2,
      err: expect.stringContaining('throttle') as string,
    });
    expect(equipoise('run', manifest, '--launcher', 'slurm')).toMatchObject({
      code: 3,
      err: expect.stringContaining('sbatch: is not installed here') as string,
    });
    const refusing = place({ sbatch: 'echo "sbatch: error: invalid account" >&2; exit 1', squeue: 'true' });
    expect(refusing.equipoise('run', refusing.manifest, '--launcher', 'slurm')).toMatchObject({
      code: 2,
      err: expect.stringContaining('error: sbatch: sbatch: error: invalid account') as string,
    });
  });

  it('submits, shows, does not submit again, and cancels', () => {
    const squeue =
      '[ -e "$PLACE/name" ] && { read -r name <"$PLACE/name"; echo "41|0|$name|RUNNING|0:10|n1|None"; echo "41|2|$name|PENDING|0:00||Priority"; echo "9|0|other-name|RUNNING|0:10|n1|None"; } || true';
    const { folder, manifest, equipoise, noted } = place({ sbatch, squeue, scancel: 'echo "$*" >>"$PLACE/cancelled"' });
    const first = JSON.parse(equipoise('run', manifest, '--launcher', 'slurm', '--json').out) as {
      folder: string;
      arrays: { name: string; job: number; runs: [string, string, string] }[];
    };
    expect(first.arrays).toMatchObject([{ job: 41 }]);
    const { name, runs } = first.arrays[0]!;
    expect([noted('where'), noted('submitted')]).toEqual([first.folder, '--parsable array-0.sh\n']);
    writeFileSync(join(folder, 'name'), `${name}\n`);
    const shown = equipoise('status', 'queue-test');
    expect(shown.out).toMatch(
      new RegExp(`41_0 +running +0:10 +n1 +${runs[0]}\n41_2 +pending +0:00 +${runs[2]} +Priority`),
    );
    expect(shown.out).not.toContain('9_0');
    const again = JSON.parse(equipoise('run', manifest, '--launcher', 'slurm', '--json').out) as {
      arrays: { runs: string[] }[];
      skipped: { queued: string[] };
    };
    expect([again.arrays.map((array) => array.runs), again.skipped.queued]).toEqual([[[runs[1]]], [runs[0], runs[2]]]);
    expect(equipoise('cancel', 'queue-test', runs[2].slice(0, 8)).out).toBe('queue-test: 1 run cancelled\n');
    expect(equipoise('cancel', 'queue-test').out).toBe('queue-test: 2 runs cancelled\n');
    expect(noted('cancelled')).toBe('--quiet 41_2\n--quiet 41\n');
    expect(equipoise('cancel', 'queue-test', runs[1])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not in the queue') as string,
    });
  });

  it('shows results also where squeue is gone', () => {
    const { folder, equipoise } = place({});
    mkdirSync(join(folder, 'results', 'queue-test', '.slurm', '0001'), { recursive: true });
    expect(equipoise('status')).toMatchObject({
      code: 0,
      err: expect.stringContaining('warning: the queue of Slurm is not shown') as string,
    });
  });

  it('trains in a task what was planned, and nothing else', () => {
    const { folder, manifest, equipoise } = place({ sbatch });
    equipoise('run', manifest, '--launcher', 'slurm');
    const path = join(folder, 'results', 'queue-test', '.slurm', '0001', 'array-0.json');
    const plan = JSON.parse(readFileSync(path, 'utf8')) as ArrayPlan;
    const [first, second] = plan.runs;
    writeFileSync(manifest, '{}');
    expect(equipoise('worker-run', path, first!.id)).toMatchObject({
      code: 0,
      err: expect.stringContaining('done: trained') as string,
    });
    expect(equipoise('worker-run', path, first!.id)).toMatchObject({ code: 0, err: 'done before\n' });
    second!.spec.seed = 77;
    writeFileSync(path, JSON.stringify(plan));
    expect(equipoise('worker-run', path, second!.id)).toMatchObject({
      code: 2,
      err: expect.stringContaining('was planned with another version') as string,
    });
    expect(equipoise('worker-run', path, '../..')).toMatchObject({
      code: 2,
      err: expect.stringContaining('has no run') as string,
    });
    expect(equipoise('--help').out).not.toContain('worker-run');
  });
});
