/** The page itself: files of the folder ui/, served as they are, or put into one HTML file that needs no server. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { projectRoot } from '../files';

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
};

/** A file of the page. */
export interface PageFile {
  type: string;
  text: string;
}

/** The page's files by name. */
export function readPage(folder = join(projectRoot, 'ui')): Map<string, PageFile> {
  return new Map(
    readdirSync(folder)
      .sort()
      .flatMap((name): [string, PageFile][] => {
        const type = types[name.split('.').at(-1)!];
        return type === undefined ? [] : [[name, { type, text: readFileSync(join(folder, name), 'utf8') }]];
      }),
  );
}

const importLine = /^import [^;]*? from '\.\/([\w.]+)';\n/gm;

/** The page's modules as one, each after those that it imports; their names of the top level are all different. */
export function joinedModules(files: ReadonlyMap<string, PageFile>, entry: string): string {
  const parts: string[] = [];
  const seen = new Set<string>();
  const add = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = files.get(name)?.text;
    if (text === undefined) throw new Error(`the page has no ${name}`);
    for (const [, imported] of text.matchAll(importLine)) add(imported!);
    parts.push(text.replaceAll(importLine, '').replaceAll(/^export /gm, ''));
  };
  add(entry);
  return parts.join('\n');
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Bytes inside a page, packed; nothing in them ends the element that holds them. */
const packed = (id: string, bytes: string | Uint8Array) =>
  `<script type="text/plain" id="${id}">${gzipSync(bytes, { level: 9 }).toString('base64')}</script>`;

/**
 * The page with what it shows inside, and its pictures and sounds, one after the other; only its own script and style run in
 * it, and it asks no network.
 */
export function standalonePage(data: Record<string, unknown>, media: Uint8Array, files = readPage()): string {
  const script = `\n${joinedModules(files, 'app.mjs')}`;
  const style = `\n${files.get('style.css')!.text}`;
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src blob:',
    'media-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return files
    .get('index.html')!
    .text.replace('<!-- policy -->', `<meta http-equiv="Content-Security-Policy" content="${policy}" />`)
    .replace('<link rel="stylesheet" href="/page/style.css" />', () => `<style>${style}</style>`)
    .replace(
      '<script type="module" src="/page/app.mjs"></script>',
      () =>
        `${packed('data', JSON.stringify(data))}\n${packed('media', media)}\n<script type="module">${script}</script>`,
    );
}
