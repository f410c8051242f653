/**
 * What the tests of fetching share: hand-made archives, manifests, programs that stand in for npm and apt-get, a child
 * process.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { sha256 } from '../src/files';
import type { DataManifest } from '../src/sources/dataManifest';

export interface TarEntry {
  path: string;
  content?: string | Buffer;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO' | 'Directory';
  linkpath?: string;
}

/** A tar of exactly these entries: nothing is tidied, so hostile names and types survive. */
export function tarOf(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, content = '', type = 'File', linkpath }) => {
    const body = Buffer.from(content);
    const header = new Header({
      path,
      type,
      linkpath,
      mode: 0o644,
      size: body.length,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
    });
    const block = Buffer.alloc(512);
    header.encode(block, 0);
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** An npm package with these files. */
export function packageOf(files: Record<string, string>): Buffer {
  return gzipSync(tarOf(Object.entries(files).map(([path, content]) => ({ path: `package/${path}`, content }))));
}

/** An ar file with these members, as a .deb is one. */
export function arOf(members: [name: string, content: Buffer][]): Buffer {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    ...members.flatMap(([name, content]) => [
      Buffer.from(
        `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`,
      ),
      content,
      Buffer.alloc(content.length % 2, '\n'),
    ]),
  ]);
}

/** A Debian package whose data.tar has these entries. */
export function debOf(entries: TarEntry[]): Buffer {
  return arOf([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(tarOf([]))],
    ['data.tar.gz', gzipSync(tarOf(entries))],
  ]);
}

export interface Distribution {
  id: string;
  url: string;
  content: Buffer;
  format?: string;
  hash?: string;
  poolPath?: string;
  includes?: string[];
}

/** A data manifest that describes this content; `hash` lies about it. */
export function manifestOf(name: string, distribution: Distribution[]): DataManifest {
  return {
    '@context': {},
    '@type': 'sc:Dataset',
    conformsTo: 'http://mlcommons.org/croissant/1.0',
    name,
    description: 'Made by a test.',
    keywords: ['text'],
    license: 'CC0-1.0',
    citeAs: 'A test.',
    url: 'https://example.org/',
    distribution: distribution.flatMap(
      ({ id, url, content, format = 'application/gzip', hash, poolPath, includes }) => [
        {
          '@type': 'cr:FileObject' as const,
          '@id': id,
          ...(poolPath === undefined ? {} : { name: poolPath }),
          contentUrl: url,
          contentSize: `${content.length} B`,
          sha256: hash ?? sha256(content),
          encodingFormat: format,
        },
        ...(includes === undefined
          ? []
          : [
              {
                '@type': 'cr:FileSet' as const,
                '@id': `${id}-files`,
                containedIn: { '@id': id },
                includes,
                encodingFormat: 'text/plain',
              },
            ]),
      ],
    ),
  };
}

export interface Workplace {
  root: string;
  cache: string;
  manifests: string;
  /** writes a manifest */
  put: (manifest: DataManifest) => void;
  /** writes a file below the root and returns its path */
  file: (name: string, content: string | Buffer) => string;
  /** puts a program of this JavaScript on the PATH, which holds nothing else */
  program: (name: string, code: string) => void;
  close: () => void;
}

/** A temporary folder with a cache, manifests and a PATH of its own; the environment is put back by `close`. */
export function workplace(): Workplace {
  const root = mkdtempSync(join(tmpdir(), 'equipoise-fetch-'));
  const [cache, manifests, bin] = [join(root, 'cache'), join(root, 'manifests'), join(root, 'bin')];
  for (const folder of [manifests, bin]) mkdirSync(folder);
  const changed = {
    EQUIPOISE_CACHE: cache,
    PATH: bin,
    EQUIPOISE_DEB_MIRROR: '',
    HF_TOKEN: undefined,
    HF_ENDPOINT: undefined,
  };
  const before = Object.keys(changed).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(changed)) set(name, value);
  return {
    root,
    cache,
    manifests,
    put: (manifest) => writeFileSync(join(manifests, `${manifest.name}.json`), JSON.stringify(manifest)),
    file: (name, content) => {
      const path = join(root, name);
      writeFileSync(path, content);
      return path;
    },
    program: (name, code) => {
      writeFileSync(
        join(bin, name),
        `#!${process.execPath}\nconst fs = require('node:fs'), path = require('node:path'), args = process.argv.slice(2);\n${code}\n`,
      );
      chmodSync(join(bin, name), 0o755);
    },
    close: () => {
      for (const [name, value] of before) set(name, value);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Code of an `npm` that packs `tarball` after `delay` milliseconds and notes each call in `log`. */
export function packing(tarball: string, log: string, delay = 0): string {
  return `if (args[0] === 'config') process.exit(0);
fs.appendFileSync(${JSON.stringify(log)}, args.join(' ') + '\\n');
setTimeout(() => fs.copyFileSync(${JSON.stringify(tarball)}, path.join(args[args.indexOf('--pack-destination') + 1], 'x-1.0.0.tgz')), ${delay});`;
}

/** Another process that opens a source and prints its folder; it inherits cache and PATH. */
export function opener(name: string, manifests: string): { child: ChildProcess; folder: Promise<string> } {
  const project = join(__dirname, '..');
  const code = `require(${JSON.stringify(join(project, 'node_modules/ts-node'))}).register({ swc: true, cwd: ${JSON.stringify(project)} });
require(${JSON.stringify(join(project, 'src/sources/sources.ts'))}).openSource(${JSON.stringify(name)}, { manifests: ${JSON.stringify(manifests)} })
  .then(({ folder }) => process.stdout.write(folder), (error) => { process.stderr.write(error.message); process.exit(1); });`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
  const folder = new Promise<string>((resolve, reject) => {
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on('close', (code, signal) => (code === 0 ? resolve(out) : reject(new Error(`${signal ?? code}: ${err}`))));
  });
  return { child, folder };
}
