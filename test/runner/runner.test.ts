/** The queue over worker processes: each run once, crashes, stops, two runners. */
import fc from 'fast-check';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { takeClaim } from '../../src/claim';
import { chooseArithmetic } from '../../src/runner/arithmetic';
import { readRunFile, runFolder } from '../../src/runner/folders';
import { readJournal } from '../../src/runner/journal';
import { createLane } from '../../src/runner/lane';
import type { RunTask } from '../../src/runner/messages';
import { countStates, planRuns } from '../../src/runner/plan';
import { runQueue, type QueueEvent } from '../../src/runner/queue';
import {
  fakeProcesses,
  fakeRuns,
  freshResults,
  identified,
  inProcess,
  queueOptions,
  withOrders,
} from '../../testing/fakeRuns';
import { fakeSpec, readLedger } from '../../testing/fakeTrainer';

const fileOf = (results: string, id: string, experiment = 'test') => {
  const read = readRunFile(runFolder(results, experiment, id).runJson);
  if (read.state !== 'read') throw new Error(`run.json is ${read.state}`);
  return read.file;
};

describe('a plan', () => {
  it('names exactly the runs that are then trained, whatever is finished, failed or interrupted', async () => {
    const some = fc.subarray([0, 1, 2, 3, 4, 5]);
    await fc.assert(
      fc.asyncProperty(some, some, some, async (finished, elsewhere, interrupted) => {
        const results = freshResults();
        const ledger = join(results, 'ledger');
        const runs = fakeRuns(6, 3);
        const these = (seeds: number[]) => runs.filter((run) => seeds.includes(run.spec.seed));
        await withOrders({}, () => runQueue(queueOptions(results, these(finished), { start: inProcess })));
        await withOrders({}, () =>
          runQueue(queueOptions(results, these(elsewhere), { start: inProcess, experiment: 'other' })),
        );
        for (const run of these(interrupted)) {
          const { runJson } = runFolder(results, 'test', run.id);
          if (existsSync(runJson))
            writeFileSync(runJson, readFileSync(runJson, 'utf8').replace('"status": "done"', '"status": "running"'));
        }
        const plan = planRuns(results, 'test', runs);
        const promised = plan.filter((run) => run.state !== 'done').map((run) => run.spec.seed);
        const copied = plan.filter((run) => run.elsewhere !== undefined).map((run) => run.id);
        const endings = await withOrders({ ledger }, () => runQueue(queueOptions(results, runs, { start: inProcess })));
        expect(readLedger(ledger).sort()).toEqual(promised);
        expect(
          [...endings]
            .filter(([, ending]) => ending.kind === 'copied')
            .map(([id]) => id)
            .sort(),
        ).toEqual(copied.sort());
        expect(countStates(planRuns(results, 'test', runs))).toEqual({ new: 0, done: 6, partial: 0, failed: 0 });
        await withOrders({ ledger }, () => runQueue(queueOptions(results, runs, { start: inProcess })));
        expect(readLedger(ledger)).toHaveLength(promised.length);
      }),
      { numRuns: 15 },
    );
  });

  it('sees a run.json that was tampered with as not done, and says why', async () => {
    const results = freshResults();
    const [run] = fakeRuns(1, 3);
    await runQueue(queueOptions(results, [run!], { start: inProcess }));
    const { runJson, journal } = runFolder(results, 'test', run!.id);
    const good = readFileSync(runJson, 'utf8');
    for (const [text, why] of [
      ['{"form', 'JSON'],
      ['[]', 'not a JSON object'],
      [good.replace('"done"', '"finished"'), 'status'],
      [good.replace(/"final": \{/, '"finale": {'), 'without a final evaluation'],
    ] as const) {
      writeFileSync(runJson, text);
      const [planned] = planRuns(results, 'test', [run!]);
      expect(planned!.state).toBe('partial');
      expect(planned!.why).toContain(why);
    }
    writeFileSync(runJson, good);
    expect(planRuns(results, 'test', [run!])[0]!.state).toBe('done');
    writeFileSync(journal, '');
    expect(planRuns(results, 'test', [run!])[0]!.why).toContain('journal is missing');
  });
});

describe('worker processes', () => {
  it('train every run, write whole folders, and are reused without a trace in the results', async () => {
    const results = freshResults();
    const alone = freshResults();
    const runs = fakeRuns(4);
    const endings = await runQueue(queueOptions(results, runs, { workers: 2 }));
    expect([...endings.values()].map((ending) => ending.kind)).toEqual(['trained', 'trained', 'trained', 'trained']);
    await runQueue(queueOptions(alone, [runs[3]!], { workers: 1 }));
    for (const run of runs) {
      const paths = runFolder(results, 'test', run.id);
      const { records, torn } = readJournal(paths.journal);
      expect(torn).toBe(false);
      expect(records.map((record) => record.kind)).toEqual([
        'train',
        'train',
        'train',
        'train',
        'train',
        'measure',
        'train',
        'train',
        'train',
        'train',
        'train',
        'measure',
        'evaluate',
      ]);
      const file = fileOf(results, run.id);
      expect(file).toMatchObject({
        status: 'done',
        steps: 10,
        step: 10,
        weights: run.weights,
        machine: { backend: 'cpu', threads: 1 },
        notices: [],
      });
      expect(readFileSync(paths.checkpoint)).toEqual(Buffer.from([1, 2, 3]));
      expect(existsSync(paths.claim)).toBe(false);
    }
    const journal = (folder: string) => readFileSync(runFolder(folder, 'test', runs[3]!.id).journal, 'utf8');
    expect(journal(results)).toBe(journal(alone));
  });

  it('that crash fail only their run, after the retries, with the reasons kept', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(3);
    const events: QueueEvent[] = [];
    const endings = await withOrders({ ledger, crash: { seed: 1, step: 4, times: 9 } }, () =>
      runQueue(queueOptions(results, runs, { observe: (event) => events.push(event) })),
    );
    expect(runs.map((run) => endings.get(run.id)!.kind)).toEqual(['trained', 'failed', 'trained']);
    expect(readLedger(ledger).filter((seed) => seed === 1)).toHaveLength(2);
    expect(events.filter((event) => event.kind === 'retry')).toHaveLength(1);
    const file = fileOf(results, runs[1]!.id);
    expect(file.status).toBe('failed');
    expect(file.failure).toMatch(/attempt 1: .*SIGKILL.*the fake library aborts.*attempt 2:/);
    expect(file.step).toBe(3);
    expect(planRuns(results, 'test', runs)[1]).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('SIGKILL') as string,
    });
  });

  it('that do not fit into memory are not tried again, and say which batch would, found in processes of their own', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(2);
    const endings = await withOrders({ ledger, memory: { seed: 1, fits: 3 } }, () =>
      runQueue(queueOptions(results, runs, { retries: 3 })),
    );
    expect(endings.get(runs[0]!.id)!.kind).toBe('trained');
    const said =
      'out of memory on cpu with a batch of 8 examples (OOM when allocating tensor); the largest batch found to fit by halving is 2';
    expect(endings.get(runs[1]!.id)).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(said) as string,
    });
    expect(fileOf(results, runs[1]!.id)).toMatchObject({
      status: 'failed',
      failure: expect.stringContaining(said) as string,
    });
    expect(readLedger(ledger).filter((seed) => seed === 1)).toHaveLength(1);
  });

  it('with threads of their own have another identity, and a worker that starts with as many', () => {
    const one = chooseArithmetic({ backend: 'auto', device: 'cpu' });
    expect(one.threads).toBeUndefined();
    if (one.backend !== 'tensorflow') {
      expect(() => chooseArithmetic({ backend: 'auto', device: 'cpu', threads: 2 })).toThrow(
        '2 threads were asked for, it uses one',
      );
      return;
    }
    expect(one.class).toBe('tensorflow-cpu');
    const two = chooseArithmetic({ backend: 'auto', device: 'cpu', threads: 2 });
    expect(two).toEqual({ ...one, class: 'tensorflow-cpu-2-threads', threads: 2 });
    const placed: unknown[] = [];
    const never = new AbortController().signal;
    const lane = createLane({
      start: (_listener, placement) => {
        placed.push(placement);
        return { send: () => undefined, end: () => undefined, kill: () => undefined, exited: Promise.resolve('ended') };
      },
      memory: 0,
      stop: never,
      placement: { gpu: '1' },
    });
    const task = { arithmetic: two } as RunTask;
    return lane
      .train(
        task,
        () => undefined,
        () => undefined,
      )
      .then(() => {
        expect(placed).toEqual([{ gpu: '1', threads: 2 }]);
      });
  });

  it('that crash once are retried, and the notice says so', async () => {
    const results = freshResults();
    const runs = fakeRuns(1);
    const endings = await withOrders({ ledger: join(results, 'ledger'), crash: { seed: 0, step: 4, times: 1 } }, () =>
      runQueue(queueOptions(results, runs)),
    );
    expect(endings.get(runs[0]!.id)!.kind).toBe('trained');
    expect(fileOf(results, runs[0]!.id).notices).toEqual([
      expect.stringContaining('attempt 1') as string,
      expect.stringContaining('its 3 records were repeated exactly') as string,
    ]);
  });

  it('notice a run that does not repeat itself', async () => {
    const results = freshResults();
    const runs = fakeRuns(1);
    await withOrders(
      { ledger: join(results, 'ledger'), crash: { seed: 0, step: 4, times: 1 }, nondeterministic: true },
      () => runQueue(queueOptions(results, runs)),
    );
    expect(fileOf(results, runs[0]!.id).notices.join()).toContain('record 1 of its 3 was not repeated exactly');
  });

  it('report a trainer that throws, without a retry, and keep the journal up to there', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(2);
    const endings = await withOrders({ ledger, fail: { seed: 0, step: 6, message: 'the loss is NaN at step 6' } }, () =>
      runQueue(queueOptions(results, runs, { workers: 1 })),
    );
    expect(endings.get(runs[0]!.id)).toEqual({
      kind: 'failed',
      message: 'the loss is NaN at step 6',
      unavailable: false,
    });
    expect(endings.get(runs[1]!.id)!.kind).toBe('trained');
    expect(readLedger(ledger)).toEqual([0, 1]);
    expect(fileOf(results, runs[0]!.id)).toMatchObject({
      status: 'failed',
      failure: 'the loss is NaN at step 6',
      step: 5,
    });
    expect(readJournal(runFolder(results, 'test', runs[0]!.id).journal).records.at(-1)).toMatchObject({
      step: 5,
      kind: 'measure',
    });
    expect(readFileSync(runFolder(results, 'test', runs[0]!.id).log, 'utf8')).toContain('the loss is NaN at step 6');
  });

  it('never write NaN into a journal', async () => {
    const results = freshResults();
    const runs = fakeRuns(1);
    await withOrders({ nan: 0 }, () => runQueue(queueOptions(results, runs)));
    expect(fileOf(results, runs[0]!.id)).toMatchObject({
      status: 'failed',
      failure: 'the journal was given NaN for loss',
      step: 2,
    });
  });

  it('stop at the first failure when asked', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(4);
    const endings = await withOrders({ ledger, fail: { seed: 1, step: 2, message: 'no' } }, () =>
      runQueue(queueOptions(results, runs, { workers: 1, failFast: true })),
    );
    expect(readLedger(ledger)).toEqual([0, 1]);
    expect([...endings.values()].map((ending) => ending.kind)).toEqual(['trained', 'failed']);
  });

  it('do not try what one run of the kind could not get', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = [...fakeRuns(3), identified({ ...fakeSpec(7), task: 'another' })];
    const endings = await withOrders({ ledger, unavailable: 0 }, () =>
      runQueue(queueOptions(results, runs, { workers: 1 })),
    );
    expect(readLedger(ledger)).toEqual([0, 7]);
    expect(runs.map((run) => endings.get(run.id)!.kind)).toEqual(['failed', 'failed', 'failed', 'trained']);
    expect(planRuns(results, 'test', runs).map((run) => run.state)).toEqual(['new', 'new', 'new', 'done']);
  });

  it('killed with their runner leave a partial run that the next command completes', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(1, 40);
    const kill = new AbortController();
    const endings = await withOrders({ ledger, delay: 20 }, () =>
      runQueue(
        queueOptions(results, runs, {
          kill: kill.signal,
          observe: (event) => {
            if (event.kind === 'progress' && event.step >= 5) kill.abort();
          },
        }),
      ),
    );
    expect(endings.get(runs[0]!.id)!.kind).toBe('stopped');
    const paths = runFolder(results, 'test', runs[0]!.id);
    expect(existsSync(paths.claim)).toBe(false);
    const [planned] = planRuns(results, 'test', runs);
    expect(planned!.state).toBe('partial');
    expect(planned!.why).toMatch(
      /interrupted at step \d+ of 40; it has no checkpoint and is trained again from its first step/,
    );
    writeFileSync(paths.journal, `${readFileSync(paths.journal, 'utf8')}{"kind":"tra`); // a line torn by the kill
    const before = readJournal(paths.journal).records.length;
    await withOrders({ ledger }, () => runQueue(queueOptions(results, runs)));
    expect(planRuns(results, 'test', runs)[0]!.state).toBe('done');
    expect(readLedger(ledger)).toEqual([0, 0]);
    expect(fileOf(results, runs[0]!.id).notices).toEqual([
      `an earlier attempt ended early; its ${before} records were repeated exactly`,
    ]);
    expect(readJournal(paths.journal).records.filter((record) => record.kind === 'train')).toHaveLength(40);
  });

  it('finish their step when the runner is asked to stop, and leave the run partial', async () => {
    const results = freshResults();
    const runs = fakeRuns(3, 40);
    const stop = new AbortController();
    const endings = await withOrders({ delay: 20 }, () =>
      runQueue(
        queueOptions(results, runs, {
          workers: 1,
          stop: stop.signal,
          observe: (event) => {
            if (event.kind === 'progress' && event.step >= 3) stop.abort();
          },
        }),
      ),
    );
    expect(endings.size).toBe(1);
    const ending = endings.get(runs[0]!.id)!;
    expect(ending.kind).toBe('stopped');
    expect(fileOf(results, runs[0]!.id)).toMatchObject({ status: 'running', step: (ending as { step: number }).step });
    expect(planRuns(results, 'test', runs).map((run) => run.state)).toEqual(['partial', 'new', 'new']);
  });
});

describe('two runners on one manifest', () => {
  it('train each run exactly once, and both end with everything done', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    const runs = fakeRuns(8, 5);
    const both = await withOrders({ ledger, delay: 5 }, () =>
      Promise.all([0, 1].map(() => runQueue(queueOptions(results, runs)))),
    );
    expect(readLedger(ledger).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const run of runs)
      expect(both.map((endings) => endings.get(run.id)!.kind).sort()).toEqual(['elsewhere', 'trained']);
    expect(countStates(planRuns(results, 'test', runs)).done).toBe(8);
  });

  it('wait for a run that the other holds, and take it over when the other is gone', async () => {
    const results = freshResults();
    const runs = fakeRuns(1, 3);
    const claim = takeClaim(runFolder(results, 'test', runs[0]!.id).claim)!;
    const events: string[] = [];
    const running = runQueue(
      queueOptions(results, runs, { start: fakeProcesses, observe: (event) => events.push(event.kind) }),
    );
    await sleep(300);
    expect(events).toEqual(['waiting']);
    expect(planRuns(results, 'test', runs)[0]).toMatchObject({ state: 'partial', claimed: true });
    claim.release();
    expect((await running).get(runs[0]!.id)!.kind).toBe('trained');
  });
});
