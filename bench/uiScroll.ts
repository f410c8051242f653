/**
 * Whether the page of `equipoise ui` stalls where it is long: 5,000 settings in Runs and 5,000 answers in Answers, in a
 * real browser, scrolled from the top to the end as fast as frames come.
 *
 *     node -r ts-node/register bench/uiScroll.ts [rows, default 5000]
 *
 * Told are the longest frame and the longest task of the page's thread, which is what a person feels as a stall.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictionLines } from '../src/train/predictions';
import { findBrowser, until, type Page } from '../testing/browser';
import { predictionsOf, setIdentity, writeStoredSet } from '../testing/storedSet';
import { syntheticSpec, writeSyntheticRun } from '../testing/syntheticJournals';
import { served } from '../testing/uiServer';

/** Milliseconds of a task above which it is felt. */
const limit = 100;

/** Watches frames and tasks, and scrolls a window's height a frame until there has been no more for two seconds. */
const watch = `
  window.seen = { frame: 0, task: 0, frames: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.seen.task = Math.max(window.seen.task, duration);
  }).observe({ type: 'longtask', buffered: false });
  window.end = false;
  let last = performance.now();
  let moved = last;
  const step = () => {
    const now = performance.now();
    window.seen.frame = Math.max(window.seen.frame, now - last);
    window.seen.frames += 1;
    last = now;
    const before = scrollY;
    scrollBy(0, innerHeight);
    if (scrollY !== before) moved = now;
    if (now - moved < 2000) requestAnimationFrame(step);
    else window.end = true;
  };
  requestAnimationFrame(step);
`;

async function scrolled(page: Page, name: string, address: string, rows: string, count: number): Promise<void> {
  await page.goto('about:blank');
  const begun = performance.now();
  await page.goto(address);
  await until(page, `document.querySelectorAll(${JSON.stringify(rows)}).length > 0`);
  const shown = (performance.now() - begun) / 1000;
  await page.evaluate(watch);
  await until(page, 'window.end', 300);
  const { frame, task, frames, made } = await page.evaluate<Record<'frame' | 'task' | 'frames' | 'made', number>>(
    `({...window.seen, made: document.querySelectorAll(${JSON.stringify(rows)}).length})`,
  );
  if (made !== count) throw new Error(`${name}: ${made} of ${count} rows were reached`);
  console.log(
    `${name}: shown after ${shown.toFixed(1)} s; ${count} rows in ${frames} frames, the longest ${frame.toFixed(0)} ms, the longest task ${task === 0 ? 'below 50' : task.toFixed(0)} ms (limit ${limit} ms)`,
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
    await scrolled(page, 'Runs', `${at.address}#runs?experiment=settings`, 'tbody tr', count);
    await scrolled(page, 'Answers', `${at.address}#answers?experiment=answers&show=all`, '.card', count);
  } finally {
    await browser.close();
    await at.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
