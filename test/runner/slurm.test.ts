/**
 * A sweep on a real Slurm cluster, started for the test: 24 runs, of which one reaches its time limit, two lose their
 * node, two are preempted and one is cancelled, end with the journals of runs that were left alone. Needs Slurm and
 * root.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunFile, runFolder } from '../../src/runner/folders';
import { lastRecord } from '../../src/runner/journal';
import type { IdentifiedRun } from '../../src/runner/plan';
import { runQueue } from '../../src/runner/queue';
import type { RunJob } from '../../src/runner/slurm/jobs';
import type { ArrayPlan } from '../../src/runner/slurm/submission';
import { inProcess, queueOptions, withOrders } from '../../testing/fakeRuns';
import { notEmpty } from '../../testing/lists';

const programs = ['slurmctld', 'slurmd', 'sinfo', 'sbatch', 'squeue', 'scancel', 'scontrol'];
const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const missing = programs.filter((name) => !path.split(':').some((folder) => existsSync(join(folder, name))));
const lacking =
  missing.length > 0
    ? `there is no ${missing.join(', ')} (Debian: slurm-wlm, slurm-client)`
    : process.getuid?.() !== 0
      ? 'only root can start a cluster'
      : '';
if (lacking !== '') console.warn(`skipped: no sweep on a real Slurm cluster, ${lacking}`);

const experiment = 'slurm-test';
const cli = join(__dirname, '..', '..', 'testing', 'fakeCli.cjs');
const cluster = join(__dirname, '..', '..', 'testing', 'slurmCluster.sh');

describe.skipIf(lacking !== '')('on a real Slurm cluster', () => {
  // Folders have names that a careless script would trip over; only the cluster's own is plain.
  const fresh = (name: string) => (lacking === '' ? mkdtempSync(join(tmpdir(), name)) : '');
  const folder = fresh("equipoise slurm's $(test) ");
  const system = fresh('equipoise-cluster-');
  const results = join(folder, 'results');
  const manifest = join(folder, 'manifest.json');
  const profile = join(folder, 'cluster.json');
  const port = 21_000 + (process.pid % 2900) * 4;
  const strange = 'it\'s "quoted" $HOME `date` \\';
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: path,
    SLURM_CONF: join(system, 'slurm.conf'),
    EQUIPOISE_RESULTS: results,
    EQUIPOISE_CACHE: join(folder, 'cache'),
  };
  const control = (...args: string[]) =>
    execFileSync(cluster, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

  beforeAll(() => control('start', system, String(port)));
  afterAll(() => {
    control('stop', system);
    rmSync(system, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  function equipoise(orders: object, ...args: string[]): { out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      env: { ...env, FAKE_TRAINER: JSON.stringify(orders) },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`exit code ${status}: ${stdout}${stderr}`);
    return { out: stdout, err: stderr };
  }

  function writeManifest(steps: number): void {
    writeFileSync(
      manifest,
      JSON.stringify({
        name: experiment,
        about: {
          what: 'a test of the cluster',
          command: 'equipoise run manifest.json',
          expectedTime: 'a minute',
          lookFor: 'equal journals',
        },
        fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m', connector: 'mlp' },
        steps,
        axes: { scheduler: ['constant', 'commit'], seed: Array.from({ length: 12 }, (_, seed) => seed) },
        slurm: {
          partition: 'normal',
          time: '0:30:00',
          memory: '100M',
          throttle: 40,
          when: [{ if: { scheduler: 'commit' }, then: { gpus: 1 } }],
        },
      }),
    );
    writeFileSync(
      profile,
      JSON.stringify({
        environment: { STRANGE: strange },
        container: ['env', 'CONTAINED=a b'],
        node: process.execPath,
        prologue: ['echo "devices <$CUDA_VISIBLE_DEVICES>"', 'echo "strange <$STRANGE>"', 'set -eu'],
      }),
    );
  }

  const planned = (number: string): IdentifiedRun[] => {
    const submission = join(results, experiment, '.slurm', number);
    return readdirSync(submission)
      .filter((name) => /^array-\d+\.json$/.test(name))
      .sort()
      .flatMap((name) => (JSON.parse(readFileSync(join(submission, name), 'utf8')) as ArrayPlan).runs);
  };
  const log = (id: string) => {
    const { folder: run } = runFolder(results, experiment, id);
    return existsSync(run)
      ? readdirSync(run)
          .filter((name) => name.startsWith('slurm-'))
          .sort()
          .map((name) => readFileSync(join(run, name), 'utf8'))
          .join('')
      : '';
  };
  const isDone = (id: string) => {
    const read = readRunFile(runFolder(results, experiment, id).runJson);
    return read.state === 'read' && read.file.status === 'done';
  };
  const starts = (id: string) => log(id).match(/^equipoise: task .* start \d+$/gm)?.length ?? 0;
  /** at an early step: it will not end before something can be done to it */
  const isTraining = (id: string, before = 6) => {
    const step = lastRecord(runFolder(results, experiment, id).journal)?.step ?? 0;
    return step >= 2 && step < before;
  };
  const until = async <T>(what: string, look: () => T | undefined | false): Promise<T> => {
    for (const began = performance.now(); ;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (performance.now() - began > 150_000)
        throw new Error(`waited too long for ${what}\n${execFileSync('squeue', ['-r'], { env, encoding: 'utf8' })}`);
      await sleep(50);
    }
  };
  const steps = 16;

  it(
    '24 runs survive a time limit, a lost node, a preemption and a cancellation with the journals of undisturbed ones',
    { timeout: 400_000 },
    async () => {
      mkdirSync(results);
      writeManifest(steps);
      const orders = { carry: true, delay: 200, slow: { seed: 2, delay: 5000 } };
      const submitted = JSON.parse(
        equipoise(
          orders,
          'run',
          manifest,
          '--launcher',
          'slurm',
          '--slurm-profile',
          profile,
          '--checkpoint',
          '2steps',
          '--json',
        ).out,
      ) as { arrays: { runs: string[]; resources: { gpus: number } }[] };
      // An array holds at most nine tasks here, so each of the two classes takes two.
      expect(submitted.arrays.map((array) => [array.runs.length, array.resources.gpus])).toEqual([
        [9, 0],
        [3, 0],
        [9, 1],
        [3, 1],
      ]);
      const runs = planned('0001');
      expect(runs).toHaveLength(24);
      const training = (node: string, ...but: string[]) =>
        runs.find(
          ({ id, spec }) =>
            !but.includes(id) &&
            spec.seed !== 2 &&
            isTraining(id) &&
            (node === '' ||
              log(id)
                .match(/ on (n\d), start \d+$/gm)
                ?.at(-1)
                ?.includes(` ${node},`) === true),
        )?.id;
      writeManifest(99); // nobody may look at the manifest again

      // On a busy machine a run may end before anything reaches it: then another one is taken.
      let disturbances = 0;
      const meet = async (disturb: () => Promise<string | null>): Promise<string> => {
        for (let tries = 0; tries < 5; tries++) {
          disturbances += 1;
          const id = await disturb();
          if (id !== null) return id;
        }
        throw new Error('no run was slow enough');
      };

      // First, while most are still waiting: what the queue shows, and a run that is taken out of it.
      const slow = runs.find(({ spec }) => spec.seed === 2 && spec.scheduler.kind === 'constant')!.id;
      await until('the slow run', () => isTraining(slow, steps - 4));
      const listed = JSON.parse(equipoise({}, 'status', experiment, '--json').out) as {
        slurm: RunJob[];
        runs: { id: string; state: string }[];
      };
      expect(listed.slurm.find(({ id }) => id === slow)).toMatchObject({ state: 'RUNNING' });
      expect(listed.slurm.some(({ state }) => state === 'PENDING')).toBe(true);
      expect(listed.runs.find(({ id }) => id === slow)).toMatchObject({ state: 'running' });
      expect(equipoise({}, 'cancel', experiment, slow.slice(0, 8)).out).toBe('slurm-test: 1 run cancelled\n');
      // It ends after its step; a node that is lost before that would bring it back into the queue.
      const [, slowTask, slowJob] = /task (\d+) of job (\d+)/.exec(log(slow))!;
      const queued = () => execFileSync('squeue', ['-h', '-r', '-o', '%F_%K'], { env, encoding: 'utf8' }).split('\n');
      await until('the cancelled run to have ended', () => !queued().includes(`${slowJob}_${slowTask}`));
      expect(equipoise({}, 'status').out).toMatch(/^slurm-test in the queue of Slurm: \d/m);

      const limited = await meet(async () => {
        const id = await until('a first run', () => training(''));
        const task = /task (\d+) of job (\d+)/.exec(log(id))!;
        // scancel asks again and again while the task is going back into the queue: once is enough.
        const signal = spawn('scancel', ['--batch', '--signal=USR1', `${task[2]}_${task[1]}`], {
          env,
          stdio: 'ignore',
        });
        await until(
          'the end of the run at its time limit',
          () => log(id).includes('back into the queue') || isDone(id),
        );
        signal.kill();
        return isDone(id) ? null : id;
      });

      const lost = await meet(async () => {
        const id = await until('a run on the second node', () => training('n2', limited));
        control('fail', system, 'n2');
        const survived = isDone(id);
        control('mend', system, 'n2');
        return survived ? null : id;
      });

      const isPreempted = (id: string) => starts(id) > 1 && log(id).includes('stopped at step');
      const preempted = await meet(async () => {
        const id = await until('a run on the first node', () => training('n1', limited, lost));
        execFileSync(
          'sbatch',
          [
            '--partition=urgent',
            '--nodelist=n1',
            '--cpus-per-task=2',
            '--mem=10',
            `--output=${join(system, 'urgent.txt')}`,
            '--wrap',
            'sleep 0.5',
          ],
          { env },
        );
        return (await until('the preempted run', () => isDone(id) || isPreempted(id))) && isPreempted(id) ? id : null;
      });

      const others = runs.filter(({ id }) => id !== slow);
      await until('all but the cancelled run', () => others.every(({ id }) => isDone(id)));
      expect(isDone(slow), log(slow)).toBe(false);
      for (const id of [limited, lost, preempted]) {
        expect(starts(id), log(id)).toBeGreaterThanOrEqual(2);
        expect(readFileSync(runFolder(results, experiment, id).log, 'utf8')).toMatch(/^goes on after step \d+$/m);
      }
      // What nobody disturbed began once: at most two runs are on a node that is lost or under an urgent job.
      const undisturbed = others.filter(({ id }) => starts(id) === 1).length;
      expect(undisturbed).toBeGreaterThanOrEqual(others.length - 2 * disturbances);
      expect(log(runs[0]!.id)).toContain(`strange <${strange}>`);
      for (const { id, spec } of notEmpty(runs))
        expect(log(id)).toMatch(spec.scheduler.kind === 'commit' ? /^devices <[01]>$/m : /^devices <>$/m);

      writeManifest(steps);
      const rest = equipoise(
        { carry: true, delay: 10 },
        'run',
        manifest,
        '--launcher',
        'slurm',
        '--slurm-profile',
        profile,
      );
      expect(rest.out).toContain('slurm-test: 1 run submitted as one job array');
      expect(planned('0002').map(({ id }) => id)).toEqual([slow]);
      await until('the cancelled run', () => isDone(slow));

      const alone = join(folder, 'alone');
      await withOrders({ carry: true }, () => runQueue(queueOptions(alone, runs, { start: inProcess, experiment })));
      for (const { id, identity } of notEmpty(runs)) {
        const [here, there] = [runFolder(results, experiment, id), runFolder(alone, experiment, id)];
        expect(readFileSync(here.journal, 'utf8'), id).toBe(readFileSync(there.journal, 'utf8'));
        expect(readFileSync(here.checkpoint)).toEqual(readFileSync(there.checkpoint));
        expect(readRunFile(here.runJson)).toMatchObject({
          state: 'read',
          file: { identity, status: 'done', step: steps },
        });
        expect(existsSync(here.claim)).toBe(false);
      }
      expect(equipoise({}, 'run', manifest, '--launcher', 'slurm').out).toBe(
        'slurm-test: nothing to submit; 24 of 24 runs done\n',
      );
    },
  );

  it(
    'the real trainer goes on after a preemption with the bytes of the run left alone',
    { timeout: 300_000 },
    async () => {
      const real = 'slurm-real';
      const path = join(folder, 'real.json');
      const steps = 160;
      writeFileSync(
        path,
        JSON.stringify({
          name: real,
          about: {
            what: 'a test of the cluster',
            command: 'equipoise run real.json',
            expectedTime: 'half a minute',
            lookFor: 'equal bytes',
          },
          fixed: {
            task: 'emoji-icon-qa',
            encoder: 'resnet50',
            backbone: 'stories15m',
            vocabulary: 'task',
            connector: { kind: 'mlp', tokens: 2, width: 12 },
            'tuning.backbone.rank': 2,
            'align.steps': 5,
            warmup: 2,
            batch: 4,
            seed: 1,
          },
          steps,
          measure: { every: 3, on: 'batch' },
          evaluate: { every: 40, limit: 0, validation: 8 },
          axes: { scheduler: ['constant', 'commit'] },
          slurm: { partition: 'normal', time: '0:30:00', memory: '100M' },
        }),
      );
      const tiny = (into: string, ...args: string[]) => {
        const { status, stdout, stderr } = spawnSync(
          process.execPath,
          [join(__dirname, '..', '..', 'testing', 'tinyCli.cjs'), 'run', path, '--backend', 'cpu', ...args],
          { env: { ...env, EQUIPOISE_RESULTS: into }, encoding: 'utf8' },
        );
        if (status !== 0) throw new Error(`exit code ${status}: ${stdout}${stderr}`);
        return stdout;
      };
      const submitted = JSON.parse(
        tiny(results, '--launcher', 'slurm', '--checkpoint', '10steps', '--best', '--json'),
      ) as {
        arrays: { runs: string[] }[];
      };
      const ids = submitted.arrays.flatMap((array) => array.runs);
      expect(ids).toHaveLength(2);
      const of = (id: string) => runFolder(results, real, id);
      const told = (id: string) =>
        existsSync(of(id).folder)
          ? readdirSync(of(id).folder)
              .filter((name) => name.startsWith('slurm-'))
              .map((name) => readFileSync(join(of(id).folder, name), 'utf8'))
              .join('')
          : '';
      await until('a run in the middle', () => ids.some((id) => (lastRecord(of(id).journal)?.step ?? 0) >= 15));
      for (const node of ['n1', 'n2'])
        execFileSync(
          'sbatch',
          [
            '--partition=urgent',
            `--nodelist=${node}`,
            '--cpus-per-task=2',
            '--mem=10',
            `--output=${join(system, 'urgent.txt')}`,
            '--wrap',
            'sleep 0.2',
          ],
          { env },
        );
      const isEnded = (id: string) => {
        const read = readRunFile(of(id).runJson);
        return read.state === 'read' && read.file.status === 'done';
      };
      await until('both runs', () => ids.every(isEnded));
      expect(ids.filter((id) => /start 2$/m.test(told(id))).length, ids.map(told).join('')).toBeGreaterThanOrEqual(1);
      const alone = join(folder, 'real-alone');
      tiny(alone, '--workers', '2', '--best');
      for (const id of notEmpty(ids)) {
        const there = runFolder(alone, real, id);
        expect(readFileSync(of(id).journal, 'utf8')).toBe(readFileSync(there.journal, 'utf8'));
        for (const name of ['checkpoint', 'best'] as const)
          expect(readFileSync(of(id)[name]).equals(readFileSync(there[name])), name).toBe(true);
        const read = readRunFile(of(id).runJson);
        expect(
          read.state === 'read' ? read.file.notices.filter((notice) => notice.includes('not repeated exactly')) : read,
        ).toEqual([]);
      }
    },
  );
});
