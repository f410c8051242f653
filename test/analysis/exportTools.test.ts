/**
 * What is exported, read by the tools that it is meant for: pandas with pyarrow, TensorBoard, an MLflow server, the hub's
 * library. Each is skipped with a line where the Python (`python3`, or EQUIPOISE_PYTHON) does not have it. Starting MLflow takes
 * up to a minute, which is why its test is slow.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportMetrics } from '../../analysis/export';
import { projectRoot } from '../../src/files';
import { cardHead } from '../../src/runner/export/card';
import type { BaseFacts, RunFacts } from '../../src/runner/export/facts';
import { runTool } from '../../src/tool';
import { readJournal } from '../../src/runner/journal';
import { prompt, smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';
import { notEmpty } from '../../testing/lists';

const python = process.env['EQUIPOISE_PYTHON'] ?? 'python3';
let small: SmallExperiment;
beforeAll(() => {
  small = smallExperiment();
});
afterAll(() => small.remove());

const needed = {
  pandas: ['pandas', 'pyarrow'],
  tensorboard: ['tensorboard'],
  mlflow: ['mlflow', 'sqlalchemy', 'pandas'],
  hub: ['huggingface_hub'],
};
/** Of the packages that are needed, those that the Python has. */
const there = new Set(
  spawnSync(
    python,
    [
      '-c',
      'import sys, importlib.util as u; print(*filter(u.find_spec, sys.argv[1:]))',
      ...new Set(Object.values(needed).flat()),
    ],
    { encoding: 'utf8' },
  ).stdout?.split(/\s+/),
);

/** Whether the Python lacks one of the packages; says so. */
function lacks(tool: keyof typeof needed): boolean {
  const missing = needed[tool].filter((name) => !there.has(name));
  if (missing.length > 0)
    process.stderr.write(`exportTools.test.ts: ${tool} is skipped, ${python} has no ${missing.join(', ')}\n`);
  return missing.length > 0;
}

async function seenBy<Seen>(kind: string, at: string): Promise<Seen> {
  const { code, out, err } = await runTool(python, [join(projectRoot, 'testing', 'readExport.py'), kind, at], {
    seconds: 240,
  });
  expect(code, err).toBe(0);
  return JSON.parse(out.trim().split('\n').at(-1)!) as Seen;
}

const lossesOf = (id: string): [number, number][] =>
  readJournal(join(small.experiment, id, 'metrics.jsonl')).records.flatMap((record): [number, number][] =>
    record.kind === 'train' ? [[record.step, record.loss]] : [],
  );
const accuracyOf = (id: string): number =>
  (
    JSON.parse(readFileSync(join(small.experiment, id, 'run.json'), 'utf8')) as {
      final: { choice: { accuracy: number } };
    }
  ).final.choice.accuracy;
const idsOf = (scheduler: string) => [...small.runs].filter(([, run]) => run.scheduler === scheduler).map(([id]) => id);

describe.skipIf(lacks('pandas'))('pandas', () => {
  test.each(['parquet', 'csv'] as const)(
    '%s',
    async (format) => {
      const out = join(small.folder, `pandas-${format}`);
      await exportMetrics(small.experiment, { format, out });
      const seen = await seenBy<Record<string, unknown>>(format, out);
      expect(seen).toMatchObject({ runs: 4, seed: 'int64', questions: [prompt], correct: 9, choices: 2 });
      for (const [method, accuracy] of notEmpty(Object.entries(seen['accuracy'] as Record<string, number>))) {
        const own = idsOf(method).map(accuracyOf);
        expect(accuracy).toBeCloseTo((own[0]! + own[1]!) / 2, 12);
      }
      const last = Object.fromEntries([...small.runs.keys()].map((id) => [id, lossesOf(id).at(-1)![1]]));
      expect(seen['last']).toEqual(last);
    },
    120_000,
  );
});

describe.skipIf(lacks('tensorboard'))('TensorBoard', () => {
  test('reads every scalar, and the settings of each run', async () => {
    const out = join(small.folder, 'tensorboard');
    await exportMetrics(small.experiment, { format: 'tensorboard', out });
    const seen = await seenBy<Record<string, { loss: [number, number][]; tags: number; group: string; seed: number }>>(
      'events',
      out,
    );
    expect(Object.keys(seen)).toHaveLength(4);
    for (const [id, { scheduler, seed }] of notEmpty(small.runs)) {
      const own = seen[`emoji-icon-qa/${scheduler}/equal rates/seed-${seed}`]!;
      expect(own).toMatchObject({ group: `emoji-icon-qa · ${scheduler} · equal rates`, seed });
      expect(own.loss).toEqual(lossesOf(id).map(([step, loss]) => [step, Math.fround(loss)]));
    }
  }, 120_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(lacks('mlflow'))('MLflow', () => {
  let server: ChildProcess;
  let address: string;
  beforeAll(async () => {
    address = `http://127.0.0.1:${await freePort()}`;
    const files = [
      '--backend-store-uri',
      `sqlite:///${join(small.folder, 'mlflow.db')}`,
      '--artifacts-destination',
      join(small.folder, 'artifacts'),
    ];
    const args = [
      '-m',
      'mlflow',
      'server',
      '--workers',
      '1',
      '--host',
      '127.0.0.1',
      '--port',
      new URL(address).port,
      ...files,
    ];
    server = spawn(python, args, { stdio: 'ignore', detached: true, cwd: small.folder });
    const answers = () =>
      fetch(`${address}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 500));
  }, 180_000);
  // The server has workers of its own: its whole group ends.
  afterAll(() => {
    process.kill(-server.pid!, 'SIGTERM');
  });

  test('takes every run, once', async () => {
    const send = () => exportMetrics(small.experiment, { format: 'mlflow', to: address, environment: {} });
    await send();
    const again = await send();
    expect('sent' in again && again.sent.map(({ known }) => known)).toEqual(Array(4).fill(true));
    const seen = await seenBy<Record<string, object>>('mlflow', address);
    expect(Object.keys(seen).sort()).toEqual([...small.runs.keys()].sort());
    for (const [id, { scheduler, seed }] of notEmpty(small.runs))
      expect(seen[id]).toEqual({
        status: 'FINISHED',
        seed: String(seed),
        accuracy: accuracyOf(id),
        loss: lossesOf(id),
        answers: scheduler === 'constant' && seed === 2 ? null : 4,
      });
  }, 240_000);
});

describe.skipIf(lacks('hub'))('the library of the Hugging Face hub', () => {
  test('reads the model card', async () => {
    const path = join(small.folder, 'README.md');
    const facts = {
      run: {
        id: 'abc',
        experiment: 'e',
        spec: { task: 'sound-qa' },
        data: { task: 'sound-qa', identity: 'f'.repeat(64) },
      },
      weights: { accuracy: 0.5 },
    } as RunFacts;
    const base: BaseFacts = {
      ...{ source: 'x', identity: '', license: 'MIT (LICENSE file)', url: 'https://x.org', citeAs: '' },
      files: ['a', 'b'].map((name) => ({ name, contentUrl: `hf:owner/model-1.0@main#${name}`, sha256: '' })),
    };
    writeFileSync(path, `${cardHead(facts, base, true)}# A page\n`);
    expect(await seenBy('card', path)).toMatchObject({
      base_model: 'owner/model-1.0',
      library_name: 'peft',
      license: 'mit',
      metrics: ['accuracy'],
      'model-index': [
        {
          name: 'e-abc',
          results: [{ task: { type: 'audio-text-to-text' }, metrics: [{ type: 'accuracy', value: 0.5 }] }],
        },
      ],
    });
  }, 60_000);
});
