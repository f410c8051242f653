/**
 * Whether the page of `equipoise ui` stalls where it is long: 5,000 settings in Runs and 5,000 answers in Answers, in a
 * real browser, scrolled from the top to the end as fast as frames come.
 *
 *     node -r ts-node/register bench/uiScroll.ts [rows, default 5000]
 *
 * Told is the longest task of the page's thread, which is what a person feels as a stall: its time, and its processor
 * time, which alone means something on a machine that is busy.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictionLines } from '../src/train/predictions';
import { findBrowser, until, type Browser, type Page } from '../testing/browser';
import { predictionsOf, setIdentity, writeStoredSet } from '../testing/storedSet';
import { syntheticSpec, writeSyntheticRun } from '../testing/syntheticJournals';
import { served } from '../testing/uiServer';

/** Milliseconds of a task above which it is felt. */
const limit = 100;

/** Scrolls a window's height a frame until there has been no more for two seconds. */
const scroll = `
  window.end = false;
  let moved = performance.now();
  const step = () => {
    const before = scrollY;
    scrollBy(0, innerHeight);
    const now = performance.now();
    if (scrollY !== before) moved = now;
    if (now - moved < 2000) requestAnimationFrame(step);
    else window.end = true;
  };
  requestAnimationFrame(step);
`;

/** An event of Chromium's trace; times in microseconds, `tdur` of the processor. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
  args: { name?: string };
}

/** The longest task of the threads that run pages, in milliseconds. */
function longestTask(trace: Buffer): { wall: number; processor: number } {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const pages = new Set(
    traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(thread),
  );
  const tasks = traceEvents.filter((event) => event.tdur !== undefined && pages.has(thread(event)));
  const longest = (of: (event: TraceEvent) => number) => tasks.reduce((most, task) => Math.max(most, of(task)), 0);
  return { wall: longest(({ dur = 0 }) => dur) / 1000, processor: longest(({ tdur = 0 }) => tdur) / 1000 };
}

async function scrolled(browser: Browser, page: Page, name: string, address: string, rows: string, count: number) {
  await page.goto('about:blank');
  const begun = performance.now();
  await page.goto(address);
  await until(page, `document.querySelectorAll(${JSON.stringify(rows)}).length > 0`);
  const shown = (performance.now() - begun) / 1000;
  await browser.startTracing(page, { categories: ['toplevel'] });
  await page.evaluate(scroll);
  await until(page, 'window.end', 300);
  const { wall, processor } = longestTask(await browser.stopTracing());
  const made = await page.evaluate<number>(`document.querySelectorAll(${JSON.stringify(rows)}).length`);
  if (made !== count) throw new Error(`${name}: ${made} of ${count} rows were reached`);
  console.log(
    `${name}: shown after ${shown.toFixed(1)} s; ${count} rows scrolled, the longest task ${wall.toFixed(0)} ms, ${processor.toFixed(0)} ms of processor time (limit ${limit} ms)`,
  );
}

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 5000);
  const found = findBrowser();
  if ('missing' in found) return console.log(found.missing);
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-scroll-'));
  process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
  const [options, task] = [{ steps: 5, every: 5, validateEvery: 5 }, 'emoji-icon-qa'];
  const spec = syntheticSpec(task, 'constant', 'equal rates', 1, 5);
  for (let i = 0; i < count; i++) {
    const learningRate = { encoder: 1e-4 * (1 + i / count), backbone: 3e-4 };
    writeSyntheticRun(join(folder, 'results', 'settings'), { ...spec, learningRate }, options);
  }
  writeStoredSet(join(folder, 'cache'), task, count, 'What is it?');
  const data = { task, identity: setIdentity };
  const run = writeSyntheticRun(join(folder, 'results', 'answers'), spec, options, { data });
  const said = predictionLines(predictionsOf(task, count, (i) => i % 3 === 0));
  writeFileSync(join(folder, 'results', 'answers', run, 'predictions.jsonl'), said);
  const at = await served(folder);
  const browser = await found.start();
  try {
    const page = await browser.newPage();
    await page.setViewportSize({ width: 1280, height: 900 });
    await scrolled(browser, page, 'Runs', `${at.address}#runs?experiment=settings`, 'tbody tr', count);
    await scrolled(browser, page, 'Answers', `${at.address}#answers?experiment=answers&show=all`, '.card', count);
  } finally {
    await browser.close();
    await at.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
