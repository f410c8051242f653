/** A journal that is looked at while it grows: whole records only, whatever its writer does. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { journalStart, readOn } from '../../src/runner/journal';
import { FollowedJournal, news, toldAll } from '../../src/ui/follow';
import { Watch } from '../../src/ui/events';
import { thinned } from '../../src/ui/thin';
import { syntheticRecords, syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { served } from '../../testing/uiServer';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-follow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, 'metrics.jsonl');
const spec = syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 1, 40);
const lines = syntheticRecords(spec, { steps: 40, validateEvery: 0 }).map((record) => `${JSON.stringify(record)}\n`);
const train = (step: number, loss = 1) =>
  `${JSON.stringify({ kind: 'train', step, loss, learningRate: { encoder: 1, backbone: 1 }, gradientNorm: { encoder: 1, backbone: 1 } })}\n`;
const losses = (journal: FollowedJournal) => journal.series.get('loss')?.steps ?? [];

beforeEach(() => writeFileSync(path, ''));

describe('reading on', () => {
  it('gives each record once, in pieces of any length', () => {
    const text = lines.join('');
    for (const piece of [1, 7, 100, 1000]) {
      writeFileSync(path, '');
      let place = journalStart;
      const found: unknown[] = [];
      for (let from = 0; from < text.length; from += piece * 37) {
        appendFileSync(path, text.slice(from, from + piece * 37));
        const read = readOn(path, place);
        place = read.place;
        found.push(...read.records);
        expect([read.restarted, read.damaged]).toEqual([false, 0]);
      }
      expect(found).toEqual(lines.map((line) => JSON.parse(line)));
    }
  });

  it('leaves a torn line until it is whole, and counts one that is no record', () => {
    const journal = new FollowedJournal(path);
    appendFileSync(path, train(1) + train(2).slice(0, 20));
    journal.read();
    expect(losses(journal)).toEqual([1]);
    appendFileSync(path, train(2).slice(20));
    journal.read();
    expect(losses(journal)).toEqual([1, 2]);
    appendFileSync(path, `not a record\n${train(3)}`);
    journal.read();
    expect([losses(journal), journal.damaged]).toEqual([[1, 2, 3], 1]);
  });

  it('begins again when a resumed run has cut its journal, in place or by another file', () => {
    const journal = new FollowedJournal(path);
    appendFileSync(path, train(1) + train(2) + train(3));
    journal.read();
    const told = toldAll(journal);
    truncateSync(path, train(1).length);
    journal.read();
    expect([losses(journal), journal.version]).toEqual([[1], 1]);
    expect(news(journal, told)).toMatchObject({ restarted: true, points: { loss: { steps: [1] } } });
    // As long as before, but another text.
    writeFileSync(path, train(1, 2) + train(5, 2));
    journal.read();
    expect([losses(journal), journal.version]).toEqual([[1, 5], 2]);
    writeFileSync(`${path}.new`, train(1, 2) + train(5, 2) + train(6));
    renameSync(`${path}.new`, path);
    journal.read();
    expect([losses(journal), journal.version]).toEqual([[1, 5, 6], 3]);
    unlinkSync(path);
    journal.read();
    expect([losses(journal), journal.version]).toEqual([[], 4]);
  });

  it('takes no number that is none', () => {
    const journal = new FollowedJournal(path);
    appendFileSync(
      path,
      `${train(1).replace('"loss":1', '"loss":null')}{"kind":"measure","step":2}\n{"kind":"evaluate","step":3,"split":"validation"}\n`,
    );
    journal.read();
    expect(losses(journal)).toEqual([]);
    expect(journal.step).toBe(3);
  });
});

describe('events', () => {
  it('tell what a running run has gained, once', async () => {
    const experiment = join(folder, 'results', 'live');
    const id = writeSyntheticRun(experiment, spec, { steps: 40 }, { status: 'running', final: null, step: 0 }, () =>
      train(1),
    );
    const at = await served(folder);
    try {
      const watch = new Watch(at.library, at.library.place('live'), id);
      expect(await watch.look()).toBeNull();
      expect(await watch.look()).toBeNull();
      appendFileSync(join(experiment, id, 'metrics.jsonl'), train(2) + train(3).slice(0, 9));
      expect(await watch.look()).toMatchObject({
        changed: [{ id, step: 2 }],
        points: { [id]: { restarted: false, points: { loss: { steps: [2], values: [1] } } } },
      });
      expect(await watch.look()).toBeNull();
    } finally {
      await at.close();
    }
  });
});

describe('thinning', () => {
  const n = 10_000;
  const steps = Array.from({ length: n }, (_, i) => i + 1);
  const values = steps.map((step) => Math.sin(step / 300));
  values[4321] = 99;
  values[8765] = -99;

  it('keeps the ends and every extreme', () => {
    const thin = thinned({ steps, values }, 400);
    expect(thin.steps.length).toBeLessThanOrEqual(400);
    expect([thin.steps[0], thin.steps.at(-1)]).toEqual([1, n]);
    expect([Math.max(...thin.values), Math.min(...thin.values)]).toEqual([99, -99]);
    expect(thin.steps).toEqual([...thin.steps].sort((a, b) => a - b));
    expect(thin.steps.map((step) => values[step - 1])).toEqual(thin.values);
  });

  it('leaves a short series as it is', () => {
    const short = { steps: [1, 2], values: [3, 4] };
    expect(thinned(short, 2)).toEqual(short);
  });
});
