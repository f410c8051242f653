/**
 * The report: one page that needs nothing else, safe against what journals say, with the paper's numbers only where a
 * user entered them.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figureNames, makeFigures } from '../../analysis/index';
import { keepRuns } from '../../analysis/keep';
import { besidePaper, readPaperValues } from '../../analysis/paperValues';
import { makeReport } from '../../analysis/report';
import { distinguish, houseRoom } from '../../analysis/style';
import { projectRoot } from '../../src/files';
import { exitCode } from '../../src/problems';
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

const about = {
  about: { what: 'a <b>grid</b>', command: 'equipoise run x', lookFor: 'balance' },
  paper: [{ task: 'emoji-icon-qa', method: 'constant', value: 0.123, source: 'table 9' }],
};

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
  html = (await makeReport(results(), about)).html;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the report', () => {
  test('is one page: every figure within, nothing fetched, one script and that by its hash', () => {
    expect(figuresDrawn).toBeGreaterThan(0);
    expect(html.match(/<figure /g)!.length).toBe(figuresDrawn);
    expect(html.match(/<svg /g)!.length).toBe(figuresDrawn);
    const references = [...html.matchAll(/(?:src|href|action|data)\s*=\s*"([^"]*)"|url\(([^)]*)\)/g)].map(
      (match) => match[1] ?? match[2]!,
    );
    expect(references.filter((reference) => !reference.startsWith('#') && !reference.startsWith('data:'))).toEqual([]);
    expect(html).not.toMatch(/<iframe|<link|@import/i);
    const scripts = [...html.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map((match) => match[1]!);
    expect(scripts).toHaveLength(1);
    const hash = createHash('sha256').update(scripts[0]!).digest('base64');
    expect(html).toContain(`default-src 'none'; script-src 'sha256-${hash}'; style-src`);
  });

  test('has the verdicts of the claims with their controls, and committed against yours where that is asked for', async () => {
    const section = (page: string) => page.slice(page.indexOf('<h2 id="claims">'), page.indexOf('<h2 id="settings">'));
    const alone = section(html);
    expect(html).toContain('<li><a href="#claims">Claims</a></li>');
    expect(alone).not.toContain('Committed against yours');
    const committed = join(folder, 'committed');
    await keepRuns(results(), join(committed, 'quick'));
    const both = section((await makeReport(results(), { committed })).html);
    expect(both).toContain('<h3>Verdicts</h3>');
    // The same runs on both sides: every cell is the same, byte for byte.
    expect(both).toMatch(
      /<h3>Committed against yours<\/h3><p>quick: reproduced\. \d+ cells, accuracy and loss: \d+ identical\./,
    );
  });

  test('every figure has a name, a caption that describes it, and its numbers, whole as a file', () => {
    for (const [figure] of notEmpty(html.matchAll(/<figure [^]*?<\/figure>/g))) {
      const name = /id="figure-([a-z-]+)"/.exec(figure)![1]!;
      expect(figure).toContain(`<svg role="img" aria-labelledby="title-${name}" aria-describedby="caption-${name}"`);
      expect(figure.match(/ role="/g)!.length).toBeLessThanOrEqual(3);
      expect(figure).not.toContain('graphics-');
      const [, stated, address] = /All (\d+) rows: <a download="[a-z-]+\.csv" href="([^"]*)"/.exec(figure)!;
      const csv = decodeURI(address!.slice('data:text/csv;charset=utf-8,'.length).replaceAll('&amp;', '&'));
      expect(csv).toBe(readFileSync(join(folder, 'figures', `${name}.csv`), 'utf8'));
      expect(csv.trimEnd().split('\n')).toHaveLength(Number(stated) + 1);
    }
    // of a curve some steps are told, each a step of the run, among them first and last
    const curves = html.slice(html.indexOf('<figure id="figure-learning-curves"'));
    expect(/<summary>(.*?)<\/summary>/.exec(curves)![1]).toBe('Numbers, at steps 1, 11, 21, 30, 40');
  });

  test('names in backticks are code, and no column is empty', () => {
    expect(html).toContain('needs finished runs of <code>');
    expect(html.replace(/<script[^]*<\/script>|<style[^]*<\/style>/g, '')).not.toContain('`');
    for (const [table] of notEmpty(html.matchAll(/<table>[^]*?<\/table>/g))) {
      const rows = [...table.matchAll(/<tr[^>]*>(.*?)<\/tr>/g)].map(([, row]) =>
        [...row!.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map((cell) => cell[1]!),
      );
      for (const column of notEmpty(rows[0]!.keys()))
        expect(rows.slice(1).some((row) => row[column] !== '')).toBe(true);
    }
  });

  test('leads from methods and notices to runs, which all have their place', () => {
    const places = [...html.matchAll(/<tr id="(run-[0-9a-f]{16})">/g)].map((match) => match[1]!);
    expect(places).toHaveLength(readdirSync(results()).filter((name) => /^[0-9a-f]{16}$/.test(name)).length);
    const led = [...html.matchAll(/href="#(run-[^"]+)"/g)].map((match) => match[1]!);
    expect(led.filter((place) => !places.includes(place))).toEqual([]);
    const table = html.slice(html.indexOf('id="table-results"'), html.indexOf('id="table-by-kind"'));
    const to = /<td>sound-qa<\/td><td>equal rates<\/td><td><a href="#(run-[0-9a-f]+)">commit<\/a>/.exec(table)![1]!;
    expect(html).toMatch(
      new RegExp(`<tr id="${to}"><td><a[^>]*>[0-9a-f]*</a></td><td>sound-qa</td><td>equal rates</td><td>commit</td>`),
    );
    const notice = html.slice(html.indexOf('<h3>Notices</h3>'));
    expect(notice).toMatch(/<li><a href="#run-[0-9a-f]{16}">[0-9a-f]{16}<\/a>: &lt;script&gt;/);
  });

  test('drawings turned for a dark page keep a contrast of 3 in every colour of the house', () => {
    const style = readFileSync(join(projectRoot, 'ui', 'report', 'style.css'), 'utf8');
    const [, inverted, turned] = /filter: invert\(([\d.]+)\) hue-rotate\((\d+)deg\)/.exec(style)!;
    expect(Number(turned)).toBe(180);
    // Filter Effects 1: hueRotate at 180 degrees, cos = -1 and sin = 0
    const matrix = [
      [-0.574, 1.43, 0.144],
      [0.426, 0.43, 0.144],
      [0.426, 1.43, -0.856],
    ];
    const dark = (hex: string) => {
      const rgb = [1, 3, 5].map((i) => {
        const value = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
        return Number(inverted) + (1 - 2 * Number(inverted)) * value;
      });
      return matrix.map((row) =>
        Math.min(
          1,
          Math.max(
            0,
            row.reduce((sum, factor, i) => sum + factor * rgb[i]!, 0),
          ),
        ),
      );
    };
    // WCAG 2: relative luminance and contrast
    const luminance = (rgb: number[]) =>
      rgb
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i]!, 0);
    const ground = luminance(dark('#ffffff'));
    expect(style).toContain('--ground: #141414');
    expect(dark('#ffffff').map((value) => Math.round(255 * value))).toEqual([20, 20, 20]);
    const names = Array.from({ length: 8 }, (_, i) => `name ${i}`);
    const scale = distinguish('method', names, 'lines', houseRoom('page')).color['scale'] as { range: string[] };
    expect(new Set(scale.range).size).toBe(8);
    for (const colour of notEmpty(scale.range))
      expect((luminance(dark(colour)) + 0.05) / (ground + 0.05)).toBeGreaterThan(3);
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
      expect(html).toContain(`<tr id="run-${id}"><td><a href="#run-${id}">${id}</a></td>`);
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
    expect((await makeReport(results(), about)).html).toBe(html);
  });
});

test('a report of no finished run is refused, with what is there and what to do', async () => {
  const running = join(folder, 'running');
  writeSyntheticRun(
    running,
    syntheticSpec('sound-qa', 'constant', 'equal rates', 0, 20),
    { steps: 20 },
    { status: 'running', final: null, step: 7 },
  );
  await expect(makeReport(running)).rejects.toMatchObject({
    code: exitCode.unavailable,
    message: expect.stringMatching(
      /^experiment "running": has no finished run to report: [0-9a-f]{16} not finished: at step 7 of 20; equipoise status running/,
    ) as string,
  });
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
  expect(html.slice(html.indexOf('id="runs"'))).toContain('<td class="number">0.123</td>');
});

describe("the paper's numbers", () => {
  test('stand beside runs at equal rates alone', () => {
    const run = (setting: string) => ({ panel: 'a', task: 'a', setting, method: 'constant', accuracy: 0.5 });
    const paper = [{ task: 'a', method: 'constant', value: 0.4, source: 'table 1' }];
    const { caption, layout } = besidePaper([run('backbone ×10'), run('equal rates 1e-4')], paper)!;
    expect(caption).toContain('Final choice accuracy at equal rates 1e-4: mean');
    expect(layout.groups.flat()).toHaveLength(1);
    expect(besidePaper([run('backbone ×10')], paper)).toBeNull();
    expect(besidePaper([run('equal rates')], [])).toBeNull();
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
