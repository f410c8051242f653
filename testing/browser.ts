/**
 * A real browser for tests: Debian's Chromium, driven by playwright-core; both are looked for and neither is needed.
 */
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What tests use of playwright-core. */
export interface Page {
  goto(address: string): Promise<unknown>;
  evaluate<T>(script: string): Promise<T>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  on(event: 'request', listener: (request: { url(): string }) => void): void;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  screenshot(options: { path: string }): Promise<unknown>;
  close(): Promise<void>;
}
export interface Browser {
  newPage(): Promise<Page>;
  startTracing(page: Page, options: { categories: string[] }): Promise<void>;
  stopTracing(): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Waits until an expression is true on the page. Asked from here, since the page's policy forbids the browser to make
 * code from text again and again. Throws Error after `seconds`.
 */
export async function until(page: Page, expression: string, seconds = 60): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(100))
    if (await page.evaluate<boolean>(`Boolean(${expression})`)) return;
  throw new Error(`it never came true: ${expression}`);
}

interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

const load = createRequire(__filename);

function installed<T>(name: string): T | null {
  try {
    return load(name) as T;
  } catch {
    return null;
  }
}

const places = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'].map(
  (name) => `/usr/bin/${name}`,
);

/** The browser, or what is missing for it in one line. */
export function findBrowser(): { start(): Promise<Browser> } | { missing: string } {
  const playwright = installed<Playwright>('playwright-core');
  const executablePath = process.env['EQUIPOISE_CHROMIUM'] ?? places.find((path) => existsSync(path));
  if (playwright === null) return { missing: 'playwright-core is not installed' };
  if (executablePath === undefined) return { missing: 'there is no Chromium (Debian: chromium-headless-shell)' };
  // As root, as in a container, Chromium refuses its sandbox; the pages are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return { start: () => playwright.chromium.launch({ executablePath, args }) };
}

/** The text of axe-core, which finds what keeps people from using a page; null where it is not installed. */
export function axeSource(): string | null {
  try {
    return readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8');
  } catch {
    return null;
  }
}
