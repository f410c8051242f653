/**
 * The page in a real browser: what is new appears, hostile texts stay texts, nothing leaves the machine, keyboard and
 * axe. Skipped with one line where there is no browser.
 */
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predictionLines } from '../../src/train/predictions';
import { makeStandalone } from '../../src/ui/standalone';
import { axeSource, findBrowser, until, type Browser, type Page } from '../../testing/browser';
import { predictionsOf, setIdentity, writeStoredSet } from '../../testing/storedSet';
import { syntheticRecords, syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { served, type Served } from '../../testing/uiServer';

const found = findBrowser();
if ('missing' in found) console.log(`browser tests skipped: ${found.missing}`);

const folder = mkdtempSync(join(tmpdir(), 'equipoise-browser-'));
const experiment = join(folder, 'results', 'seen');
const options = { steps: 40, every: 5, validateEvery: 20 };
const hostile = '<img src=x onerror="window.hit=1">';
const task = 'emoji-icon-qa';
const specOf = (scheduler: 'constant' | 'commit' | 'commit-clr', seed: number) =>
  syntheticSpec(task, scheduler, 'equal rates', seed, 40);
const live = specOf('constant', 7);
const lines = syntheticRecords(live, options).map((record) => `${JSON.stringify(record)}\n`);
const cache = process.env['EQUIPOISE_CACHE'];

let browser: Browser;
let page: Page;
let at: Served;
let liveId: string;
const asked: string[] = [];
const errors: string[] = [];

async function show(view: string, ready: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${at.address}#${view}`);
  await until(page, ready);
}
const text = (selector: string) =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`);
const hasText = (words: string) => `document.querySelector('#main').textContent.includes(${JSON.stringify(words)})`;

describe.skipIf('missing' in found)('the page', () => {
  beforeAll(async () => {
    process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
    writeStoredSet(join(folder, 'cache'), task, 40, `What is ${hostile}?`);
    for (const scheduler of ['constant', 'commit', 'commit-clr'] as const)
      for (const seed of [1, 2]) {
        const data = { task, identity: setIdentity };
        const id = writeSyntheticRun(experiment, specOf(scheduler, seed), options, { data, notices: [hostile] });
        const said = predictionLines(predictionsOf(task, 40, (i) => (i + seed) % 3 === 0, hostile));
        writeFileSync(join(experiment, id, 'predictions.jsonl'), said);
      }
    const head = lines.slice(0, 3).join('');
    liveId = writeSyntheticRun(experiment, live, options, { status: 'running', final: null, step: 0 }, () => head);
    writeFileSync(
      join(experiment, liveId, 'claim'),
      JSON.stringify({ token: 'x', pid: process.pid, machine: 'elsewhere' }),
    );
    for (let i = 0; i < 120; i++) {
      const learningRate = { encoder: 1e-4 * (1 + i / 100), backbone: 3e-4 };
      writeSyntheticRun(join(folder, 'results', 'long'), { ...specOf('constant', 1), learningRate }, options);
    }
    at = await served(folder);
    browser = await (found as Extract<typeof found, { start: unknown }>).start();
    page = await browser.newPage();
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await at?.close();
    if (cache === undefined) delete process.env['EQUIPOISE_CACHE'];
    else process.env['EQUIPOISE_CACHE'] = cache;
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows a record soon after it is written, a torn line when it is whole, and forgets what was cut', async () => {
    await show('now?experiment=seen', hasText('step 3 of 40'));
    await until(page, "document.querySelector('#live').textContent === 'live'");
    const journal = join(experiment, liveId, 'metrics.jsonl');
    const [next, torn] = [lines[3]!, lines[4]!];
    appendFileSync(journal, next);
    const begun = performance.now();
    await until(page, hasText('step 4 of 40'));
    // A look a second; the rest is room for a machine that is busy.
    expect(performance.now() - begun).toBeLessThan(10_000);
    appendFileSync(journal, torn.slice(0, 30));
    // More than one look of the server at the torn line.
    await new Promise((ready) => setTimeout(ready, 2500));
    expect(await page.evaluate(hasText('step 4 of 40'))).toBe(true);
    appendFileSync(journal, torn.slice(30));
    await until(page, hasText('step 5 of 40'));
    truncateSync(journal, Buffer.byteLength(lines.slice(0, 2).join('')));
    await until(page, hasText('step 2 of 40'));
  }, 120_000);

  it('draws Runs again while a run gains record after record', async () => {
    await show('runs?experiment=seen', hasText('running 2/40'));
    const journal = join(experiment, liveId, 'metrics.jsonl');
    let at = 2;
    const writing = setInterval(() => appendFileSync(journal, lines[at++]!), 700);
    try {
      await until(page, "/running ([5-9]|1\\d)\\/40/.test(document.querySelector('#main').textContent)");
    } finally {
      clearInterval(writing);
    }
    truncateSync(journal, Buffer.byteLength(lines.slice(0, 2).join('')));
  }, 120_000);

  it('has what was written while it was not connected, and loses nothing that was typed meanwhile', async () => {
    await show(`run?experiment=seen&run=${liveId}`, "document.querySelector('#live').textContent === 'live'");
    const journal = join(experiment, liveId, 'metrics.jsonl');
    const turn = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', {value: ${hidden}, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await turn(true);
    appendFileSync(journal, lines.slice(2, 12).join(''));
    await turn(false);
    await until(page, "/step 1\\d of 40/.test(document.querySelector('#main').textContent)");
    truncateSync(journal, Buffer.byteLength(lines.slice(0, 2).join('')));
    await show('runs?experiment=seen', "document.querySelector('#where') !== null");
    await page.evaluate("document.querySelector('#where').focus()");
    await page.keyboard.type('n >= 1');
    await turn(true);
    await turn(false);
    await until(page, "document.querySelector('#live').textContent === 'live'");
    expect(await page.evaluate("document.querySelector('#where').value")).toBe('n >= 1');
  }, 120_000);

  it('keeps hostile texts as texts, pictures beside them, and goes through them by keyboard', async () => {
    await show('answers?experiment=seen', "document.querySelector('.card img')?.naturalWidth > 0");
    expect(await text('.card')).toContain(hostile);
    expect(await page.evaluate('window.hit')).toBeUndefined();
    for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
    expect(await page.evaluate("[...document.querySelectorAll('.card')].indexOf(document.activeElement)")).toBe(0);
    await page.keyboard.press('/');
    await page.keyboard.type('q-3');
    await until(page, "document.querySelectorAll('.card').length < 13");
    expect(await text('.card')).toContain('q-3');
    expect(await page.evaluate('location.hash')).toContain('text=q-3');
  }, 120_000);

  it('sorts, filters and compares by addresses that can be shared', async () => {
    await show('runs?experiment=seen&sort=-accuracy', "document.querySelectorAll('tbody tr').length === 3");
    expect(await text('th[aria-sort=descending]')).toContain('Choice accuracy');
    expect(await text('#main')).toContain('(+1 unfinished)');
    await page.evaluate("document.querySelector('tbody input[type=checkbox]').click()");
    const address = await page.evaluate<string>('location.hash');
    expect(address).toMatch(/&sort=-accuracy&settings=\w{12}$/);
    await show(address.slice(1), "document.querySelectorAll('tbody input:checked').length === 1");
    await show(
      `runs?experiment=seen&where=${encodeURIComponent("method = 'commit'")}`,
      "document.querySelectorAll('tbody tr').length === 1",
    );
    await show('compare?experiment=seen', "document.querySelector('#main li a') !== null");
    await page.evaluate("document.querySelector('#main li a').click()");
    await until(page, hasText('Difference to the first'));
    expect(await page.evaluate('location.hash')).toMatch(/^#compare\?experiment=seen&settings=/);
    expect(await page.evaluate("document.querySelectorAll('.chart path.band').length")).toBeGreaterThan(3);
  }, 120_000);

  it('makes all rows and cards of long lists, in blocks with the columns of the first', async () => {
    await show('runs?experiment=long', "document.querySelectorAll('tbody tr').length === 120");
    const widths = await page.evaluate<number[]>(
      "[...document.querySelectorAll('table')].map((table) => [...table.rows[1].cells].map((cell) => cell.offsetWidth).join())",
    );
    expect([widths.length, new Set(widths).size]).toEqual([5, 1]);
    expect(await page.evaluate("document.querySelectorAll('table')[2].closest('.block') !== null")).toBe(true);
    await show('answers?experiment=seen&show=all', "document.querySelectorAll('.card').length === 40");
  }, 120_000);

  /** Presses Tab until the focus is on what the expression says of `it`; each stop on the way must be seen. */
  async function tabTo(what: string): Promise<void> {
    // Behind the last stop comes the browser's own, when the body has the focus.
    const unseen =
      "document.activeElement !== document.body && (({outlineStyle, outlineWidth}) => outlineStyle === 'none' || outlineWidth === '0px')(getComputedStyle(document.activeElement))";
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const hidden = await page.evaluate<string>(`${unseen} ? document.activeElement.outerHTML.slice(0, 120) : ''`);
      expect(hidden, `has the focus and shows none on the way to ${what}`).toBe('');
      if (await page.evaluate(`((it) => ${what})(document.activeElement)`)) return;
    }
    throw new Error(`80 times Tab do not lead to ${what}`);
  }

  it('is used by keyboard alone: views, sorting, ticking, comparing, one run', async () => {
    await show('now?experiment=seen', hasText('step'));
    await tabTo("it.closest('#views') && it.textContent === 'Runs'");
    await page.keyboard.press('Enter');
    await until(page, "document.querySelectorAll('tbody tr').length === 3");
    await tabTo("it.closest('th')?.textContent.includes('Choice accuracy')");
    await page.keyboard.press('Enter');
    await until(page, "document.querySelector('th[aria-sort=descending], th[aria-sort=ascending]') !== null");
    // Drawn anew, it has the focus where it was, and an address that the skip link does not change.
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Choice accuracy');
    const address = await page.evaluate('location.hash');
    await page.evaluate("document.querySelector('.skip').focus()");
    await page.keyboard.press('Enter');
    expect(await page.evaluate("[location.hash, document.activeElement.id].join(' ')")).toBe(`${address} main`);
    for (const nth of [0, 1]) {
      await tabTo(`it === document.querySelectorAll('tbody input[type=checkbox]')[${nth}]`);
      await page.keyboard.press('Space');
      expect(await page.evaluate(`document.activeElement.matches('tbody input:checked')`)).toBe(true);
    }
    await until(page, "document.querySelectorAll('tbody input:checked').length === 2");
    await tabTo("/^#compare.*settings=/.test(it.getAttribute('href') ?? '')");
    await page.keyboard.press('Enter');
    await until(page, hasText('Difference to the first'));
    await tabTo("it.closest('#views') && it.textContent === 'Runs'");
    await page.keyboard.press('Enter');
    await until(page, "document.querySelectorAll('tbody tr').length === 3");
    await tabTo("/^#run.*[?&]run=/.test(it.getAttribute('href') ?? '')");
    await page.keyboard.press('Enter');
    await until(page, "location.hash.startsWith('#run?') && document.querySelector('pre') !== null");
  }, 120_000);

  it('is free of serious findings of axe in every view, narrow and wide, light and dark', async () => {
    const axe = axeSource();
    if (axe === null) return console.log('axe skipped: axe-core is not installed');
    const run =
      'axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.filter(({impact}) => ["serious", "critical"].includes(impact)).map(({id, nodes}) => id + " " + nodes[0].html.slice(0, 120)))';
    const seen = ['now', 'runs', 'compare', 'answers', 'claims', 'figures'].map((name) => `${name}?experiment=seen`);
    // Long tables are made of blocks, which axe sees as tables of their own.
    for (const view of [...seen, `run?experiment=seen&run=${liveId}`, 'runs?experiment=long']) {
      const [name] = view.split('?');
      await page.setViewportSize({ width: 1280, height: 900 });
      await show(view, "document.querySelector('#main h2') !== null");
      await page.evaluate(axe);
      for (const [width, colorScheme] of [
        [1280, 'light'],
        [1280, 'dark'],
        [390, 'dark'],
        [390, 'light'],
      ] as const) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme });
        expect([name, width, await page.evaluate(run)]).toEqual([name, width, []]);
        expect([name, width, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([
          name,
          width,
          true,
        ]);
      }
    }
  }, 300_000);

  it('asked nobody but its own server, and nothing was refused to it', () => {
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((address) => !address.startsWith(at.address) && address !== 'about:blank')).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('works as one file without a server', async () => {
    const { html, runs } = await makeStandalone(at.library, at.library.place('seen'));
    const path = join(folder, 'seen.html');
    writeFileSync(path, html);
    // The view before may still ask its server.
    await page.goto('about:blank');
    const before = asked.length;
    await page.goto(pathToFileURL(path).href);
    await until(page, "document.querySelector('#main h2') !== null");
    for (const [view, ready] of [
      ['runs', hasText('commit-clr')],
      ['answers', "document.querySelector('.card img')?.naturalWidth > 0"],
      ['figures', "document.querySelector('.drawn img')?.naturalWidth > 0"],
      [`run?experiment=seen&run=${liveId}`, hasText('Copy as manifest')],
    ] as const) {
      await page.evaluate(
        `location.hash = ${JSON.stringify(view.includes('?') ? `#${view}` : `#${view}?experiment=seen`)}`,
      );
      await until(page, ready);
    }
    expect(runs).toBe(7);
    expect(asked.slice(before).filter((address) => !/^(file|blob):/.test(address))).toEqual([]);
    expect(errors).toEqual([]);
  }, 120_000);
});
