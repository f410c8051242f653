/**
 * The report in a real browser: light and dark, narrow and wide, keyboard, filter and sort, axe. Skipped with one line
 * where there is no browser.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeReport } from '../../analysis/report';
import { axeSource, findBrowser, type Browser, type Page } from '../../testing/browser';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const found = findBrowser();
if ('missing' in found) console.log(`browser tests of the report skipped: ${found.missing}`);

const folder = mkdtempSync(join(tmpdir(), 'equipoise-report-browser-'));
const address = pathToFileURL(join(folder, 'report.html')).href;
const asked: string[] = [];
const errors: string[] = [];
let browser: Browser;
let page: Page;

async function open(width: number, colorScheme: 'light' | 'dark', place = ''): Promise<void> {
  await page.setViewportSize({ width, height: 844 });
  await page.emulateMedia({ colorScheme });
  await page.goto('about:blank');
  await page.goto(`${address}${place}`);
  // Two frames: the sizes of boxes are observed in the first.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

const shown = "[...document.querySelectorAll('#runs tbody tr')].filter((row) => !row.hidden)";
const column = (index: number) => page.evaluate<string[]>(`${shown}.map((row) => row.cells[${index}].textContent)`);
async function filter(words: string): Promise<number> {
  await page.evaluate(
    `(() => { const input = document.querySelector('#runs input'); input.value = ${JSON.stringify(words)}; input.dispatchEvent(new Event('input')); })()`,
  );
  return page.evaluate<number>(`${shown}.length`);
}

describe.skipIf('missing' in found)('the report in a browser', () => {
  beforeAll(async () => {
    const options = { steps: 40, every: 5, validateEvery: 0 };
    for (const scheduler of ['constant', 'commit', 'commit-clr'] as const)
      for (const setting of ['equal rates', 'backbone'] as const)
        for (const seed of [1, 2])
          writeSyntheticRun(
            join(folder, 'seen'),
            syntheticSpec('emoji-icon-qa', scheduler, setting, seed, 40),
            options,
            {
              notices: ['<img src=x onerror="window.hit=1">'],
            },
          );
    writeFileSync(join(folder, 'report.html'), (await makeReport(join(folder, 'seen'))).html);
    browser = await (found as Extract<typeof found, { start: unknown }>).start();
    page = await browser.newPage();
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has no serious finding of axe, no line beyond the page and no figure in small print', async () => {
    const axe = axeSource();
    if (axe === null) console.log('axe skipped: axe-core is not installed');
    for (const [width, scheme] of [
      [1280, 'light'],
      [390, 'dark'],
    ] as const) {
      await open(width, scheme);
      await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))");
      if (axe !== null) {
        await page.evaluate(axe);
        const findings = await page.evaluate(
          'axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.filter(({impact}) => ["serious", "critical"].includes(impact)).map(({id, nodes}) => id + " " + nodes[0].html.slice(0, 120)))',
        );
        expect([width, scheme, findings]).toEqual([width, scheme, []]);
      }
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      const sizes = await page.evaluate<number[]>(
        "[...document.querySelectorAll('figure svg text')].map((text) => { const svg = text.ownerSVGElement; return Number.parseFloat(text.getAttribute('font-size')) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; })",
      );
      expect(sizes.length).toBeGreaterThan(50);
      expect(Math.min(...sizes)).toBeGreaterThan(9);
    }
  }, 60_000);

  it('is dark where the reader asks for it, drawings too', async () => {
    const colours =
      "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color, getComputedStyle(document.querySelector('figure svg')).filter]";
    await open(1280, 'light');
    expect(await page.evaluate(colours)).toEqual(['rgb(255, 255, 255)', 'rgb(21, 24, 30)', 'none']);
    await open(1280, 'dark');
    expect(await page.evaluate(colours)).toEqual([
      'rgb(20, 20, 20)',
      'rgb(231, 232, 234)',
      'invert(0.92) hue-rotate(180deg)',
    ]);
  });

  it('stops the tab key where something scrolls, and only there; contents are a key away', async () => {
    await open(390, 'light');
    const stops =
      "[...document.querySelectorAll('.wide')].filter((box) => box.checkVisibility()).map((box) => [box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight, box.tabIndex === 0])";
    const narrow = await page.evaluate<[boolean, boolean][]>(stops);
    expect(narrow.filter(([scrolls]) => scrolls).length).toBeGreaterThan(3);
    expect(narrow.filter(([scrolls, stop]) => scrolls !== stop)).toEqual([]);
    expect(await page.evaluate("document.querySelector('#contents details').open")).toBe(false);
    expect(await page.evaluate("getComputedStyle(document.querySelector('.to-contents')).position")).toBe('fixed');
    await open(1280, 'light');
    expect((await page.evaluate<[boolean, boolean][]>(stops)).filter(([scrolls, stop]) => scrolls !== stop)).toEqual(
      [],
    );
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    await page.keyboard.press('Tab');
    expect(await page.evaluate("document.activeElement.closest('#contents') !== null")).toBe(true);
    await page.evaluate("document.querySelector('#runs').scrollIntoView()");
    expect(
      Math.abs(await page.evaluate<number>("document.querySelector('#contents').getBoundingClientRect().top")),
    ).toBeLessThan(1);
  });

  it('filters its runs by words and values, and sorts them by any column', async () => {
    await open(1280, 'light');
    expect(await page.evaluate("document.querySelector('#runs output').textContent")).toBe('12 of 12 runs');
    expect(await filter('commit')).toBe(8);
    expect(await filter('method:commit seed:2')).toBe(2);
    expect(new Set(await column(3))).toEqual(new Set(['commit']));
    expect(await page.evaluate("document.querySelector('#runs output').textContent")).toBe('2 of 12 runs');
    expect(await filter('')).toBe(12);
    const press = () => page.evaluate("document.querySelectorAll('#runs th button')[7].click()");
    await press();
    const rising = (await column(7)).map(Number);
    expect(rising).toEqual([...rising].sort((a, b) => a - b));
    await press();
    expect((await column(7)).map(Number)).toEqual([...rising].reverse());
    expect(await page.evaluate("document.querySelectorAll('#runs th')[7].getAttribute('aria-sort')")).toBe(
      'descending',
    );
  });

  it('shows the run that a link names, though a filter hid it', async () => {
    await open(1280, 'light');
    expect(await filter('nothing-has-this')).toBe(0);
    const link =
      '[...document.querySelectorAll("#table-results td a")].find((each) => each.textContent === "commit-clr")';
    await page.evaluate(`${link}.click()`);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await page.evaluate("document.querySelector('tr:target').cells[3].textContent")).toBe('commit-clr');
    expect(await page.evaluate("document.querySelector('tr:target').checkVisibility()")).toBe(true);
    expect(await page.evaluate(`${shown}.length`)).toBe(12);
  });

  it('asked for nothing beside itself, and ran nothing of what journals say', async () => {
    expect(asked.filter((each) => !/^(data:|about:)/.test(each) && !each.startsWith(address))).toEqual([]);
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(errors).toEqual([]);
  });
});
