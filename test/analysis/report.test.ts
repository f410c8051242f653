/**
 * The report: one page that needs nothing else, safe against what journals say, with the paper's numbers only where a
 * user entered them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figureNames, makeFigures } from '../../analysis/index';
import { besidePaper, readPaperValues } from '../../analysis/paperValues';
import { makeReport } from '../../analysis/report';
import type { EvaluateRecord } from '../../src/train/records';
import { expectEvery, notEmpty } from '../../testing/lists';
import {
  syntheticRecords,
  syntheticSpec,
  writeSyntheticGrid,
  writeSyntheticRun,
} from '../../testing/syntheticJournals';

let folder: string;
let html: string;
const results = () => join(folder, 'quick');

/** Figures that the synthetic grid has data for, by the command that draws files. */
let figuresDrawn: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-report-'));
  writeSyntheticGrid(results(), { steps: 40, seeds: 2, validateEvery: 20 });
  const [first] = readdirSync(results())
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .sort();
  const path = join(results(), first!, 'run.json');
  const file = JSON.parse(readFileSync(path, 'utf8')) as { notices: string[] };
  writeFileSync(path, JSON.stringify({ ...file, notices: ['<script>alert(1)</script> & "quotes"'] }));
  const { skipped } = await makeFigures(results(), join(folder, 'figures'));
  figuresDrawn = figureNames.length - skipped.length;
  html = (
    await makeReport(results(), {
      about: { what: 'a <b>grid</b>', command: 'equipoise run x', lookFor: 'balance' },
      paper: [{ task: 'emoji-icon-qa', method: 'constant', value: 0.123, source: 'table 9' }],
    })
  ).html;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the report', () => {
  test('is one page: every figure within, nothing fetched, no script', () => {
    expect(figuresDrawn).toBeGreaterThan(0);
    expect(html.match(/<figure /g)!.length).toBe(figuresDrawn);
    expect(html.match(/<svg /g)!.length).toBe(figuresDrawn);
    const references = [...html.matchAll(/(?:src|href|action|data)\s*=\s*"([^"]*)"|url\(([^)]*)\)/g)].map(
      (match) => match[1] ?? match[2]!,
    );
    expect(references.filter((reference) => !reference.startsWith('#') && !reference.startsWith('data:'))).toEqual([]);
    expect(html).not.toMatch(/<script|<iframe|<link|@import/i);
    expect(html).toContain("default-src 'none'");
  });

  test('names inside the figures do not collide, and each is used as it is defined', () => {
    const ids = [...html.matchAll(/\bid="([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, used] of notEmpty(html.matchAll(/(?:url\(#|href="#)([^)"]+)/g))) expect(ids).toContain(used);
  });

  test('shows what journals and manifests say as text', () => {
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;');
    expect(html).toContain('a &lt;b&gt;grid&lt;/b&gt;');
  });

  test('states settings, provenance and every run', () => {
    expect(html).toMatch(/<dt>scheduler\.kind<\/dt><dd>commit, commit-clr, constant, feature-cd, language-cd<\/dd>/);
    expect(html).toMatch(/<dt>Code<\/dt><dd>equipoise [^<]*method/);
    for (const id of notEmpty(readdirSync(results()).filter((name) => /^[0-9a-f]{16}$/.test(name))))
      expect(html).toContain(`<td>${id}</td>`);
  });

  test("has the paper's number only beside the task and method it was entered for", () => {
    const beside = html.slice(html.indexOf('id="table-paper"'), html.indexOf('id="settings"'));
    const cells = [...beside.matchAll(/<tr>(.*?)<\/tr>/g)]
      .map(([, row]) => [...row!.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map((cell) => cell[1]!))
      .filter((row) => row.length > 0);
    expect(cells.filter((row) => row[4] !== '').map((row) => [row[0], row[1], row[4], row[5]])).toEqual([
      ['emoji-icon-qa', 'constant', '0.123', 'table 9'],
    ]);
    expectEvery(cells, (row) => Number(row[2]) === 2);
  });

  test('is the same bytes for the same runs', async () => {
    const again = await makeReport(results());
    expect((await makeReport(results())).html).toBe(again.html);
  });

  const chromium = '/usr/bin/chromium';
  test.skipIf(!existsSync(chromium))(
    'opens in a real browser without an error (skipped where Chromium is not installed)',
    () => {
      const path = join(folder, 'report.html');
      writeFileSync(path, html);
      const dom = execFileSync(
        chromium,
        [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          `--user-data-dir=${join(folder, 'profile')}`,
          '--dump-dom',
          `file://${path}`,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000, maxBuffer: 64 * 1024 ** 2 },
      );
      expect(dom.match(/<figure /g)!.length).toBe(figuresDrawn);
    },
    60_000,
  );
});

test('the list of runs tells one without choices by its generation, as run and status do', async () => {
  const spec = syntheticSpec('sound-qa', 'constant', 'equal rates', 0, 20);
  const final = syntheticRecords(spec, { steps: 20 }).at(-1) as EvaluateRecord;
  writeSyntheticRun(
    join(folder, 'free'),
    spec,
    { steps: 20 },
    {
      final: {
        ...final,
        choice: { correct: 0, total: 0, accuracy: 0 },
        generation: { correct: 123, total: 1000, accuracy: 0.123 },
      },
    },
  );
  const { html } = await makeReport(join(folder, 'free'));
  expect(html.slice(html.indexOf('id="table-runs"'))).toContain('<td class="number">0.123</td>');
});

describe("the paper's numbers", () => {
  test('stand beside runs at equal rates alone', () => {
    const run = (setting: string) => ({ panel: 'a', task: 'a', setting, method: 'constant', accuracy: 0.5 });
    const { caption, layout } = besidePaper([run('backbone ×10'), run('equal rates 1e-4')], []);
    expect(caption).toContain('Final choice accuracy at equal rates 1e-4: mean');
    expect(layout.groups.flat()).toHaveLength(1);
    const without = besidePaper([run('backbone ×10')], []);
    expect(without.caption).toContain('Final choice accuracy at equal rates: mean');
    expect(without.layout.groups).toEqual([]);
  });
  test('none are shipped', () => expect(readPaperValues()).toEqual([]));
  test.each([
    ['no JSON', '{', /is not JSON/],
    ['a percentage', '{"values":[{"task":"textvqa","method":"commit","value":41.2,"source":"t"}]}', /must be <= 1/],
    ['no source', '{"values":[{"task":"textvqa","method":"commit","value":0.4}]}', /source/],
  ])('%s is refused', (name, text, message) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.json`);
    writeFileSync(path, text);
    expect(() => readPaperValues(path)).toThrow(message);
  });
});
