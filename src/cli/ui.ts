/** `equipoise ui`: the results in a browser, as they come. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, hostname, networkInterfaces, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { expand } from '../manifest/expand';
import { exitCode, userError } from '../problems';
import { committedRuns, resultsFolder } from '../runner/folders';
import { loopback } from '../ui/guard';
import { Library, type Described } from '../ui/library';
import { uiServer } from '../ui/server';
import type { Define } from './command';
import { findManifest } from './findManifest';
import { experimentNamed, noExperiment } from './names';
import { wholeNumber } from './options';
import { note, say } from './text';

interface UiOptions {
  port: number;
  host?: string;
  open?: boolean;
  results?: string;
}

const help = `
The page only reads: it trains, writes and deletes nothing, and needs no network, account or database. Ctrl-C ends it.
With --host other machines see it, too: only by the address with the token that is printed.

Examples:
  equipoise ui
  equipoise ui quickstart --open
  equipoise ui --results ../other/results --port 8080`;

/** Adds `ui [experiment]`. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--port <n>', 'where it listens; 0: any free port', wholeNumber(0), 0)
    .option('--host <address>', 'listen on this address instead of the loopback interface, with a token')
    .option('--open', 'open it in the browser')
    .option('--results <folder>', 'look at this folder of results instead of one’s own')
    .addHelpText('after', help)
    .action(serve);
};

/** What the manifest of an experiment says; a faulty one says nothing. */
export function describedBy(experiment: string): Described | undefined {
  const manifest = findManifest(experiment);
  if (manifest === undefined) return undefined;
  const { about, file, profile } = manifest;
  return { about, file, profile, planned: expand(manifest) };
}

/** The library over a results folder, with the committed runs beside it. */
export const libraryOf = (results: string): Library =>
  new Library({ results, committed: committedRuns, describe: describedBy });

/** The names under which a server on `host` may be asked. */
function namesOf(host: string): string[] {
  const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address).toLowerCase();
  if (!['0.0.0.0', '::'].includes(host)) return [bracketed(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return [...loopback, hostname().toLowerCase(), ...addresses.map(({ address }) => bracketed(address))];
}

async function serve(experiment: string | undefined, options: UiOptions): Promise<void> {
  if (options.port > 65_535)
    throw userError({ where: '--port', what: `${options.port} is no port`, expected: '0 to 65535' });
  yieldToTraining();
  const results = options.results === undefined ? resultsFolder() : resolve(options.results);
  const library = libraryOf(results);
  const key = experiment === undefined ? undefined : keyOf(library, experiment);
  const token = options.host === undefined ? null : randomBytes(24).toString('base64url');
  const hosts = options.host === undefined ? loopback : namesOf(options.host);
  const server = uiServer({ library, hosts, token });
  await new Promise<void>((ready, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      failed(
        userError(
          {
            where: `${options.host ?? '127.0.0.1'}:${options.port}`,
            what:
              error.code === 'EADDRINUSE' ? 'another program listens there' : `cannot be listened on (${error.code})`,
            hint: 'leave --port out for any free one',
          },
          exitCode.unavailable,
        ),
      ),
    );
    server.listen(options.port, options.host ?? '127.0.0.1', ready);
  });
  const { port } = server.address() as { port: number };
  const name = options.host === undefined ? '127.0.0.1' : (hosts.find((each) => !loopback.includes(each)) ?? hosts[0]!);
  const view = key === undefined ? '' : `#now?${new URLSearchParams({ experiment: key })}`;
  const address = `http://${name}:${port}/${token === null ? '' : `?token=${token}`}${view}`;
  say(address);
  note(`reads ${results}; Ctrl-C ends it`);
  if (options.open === true) openBrowser(address);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      server.closeAllConnections();
      server.close(() => process.exit(exitCode.ok));
    });
}

/** Runs that train on the same machine come first; where the system refuses that, they do not. */
function yieldToTraining(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // An ordinary priority is no fault.
  }
}

/** The experiment that is meant, one's own first. Throws UserError when there is none. */
function keyOf(library: Library, experiment: string): string {
  const places = library.experiments();
  const names = [...new Set(places.map(({ name }) => name))];
  const meant = experimentNamed(experiment, names);
  const found = places.find(({ key, name }) => key === experiment || name === meant);
  if (found !== undefined) return found.key;
  throw noExperiment(experiment, names, 'has no results');
}

/** Opens an address with the program that the system has for it; where there is none nothing happens. */
function openBrowser(address: string): void {
  const [program, ...words] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  spawn(program!, [...words, address], { stdio: 'ignore', detached: true })
    .on('error', () => note('no program to open a browser was found: open the address yourself'))
    .unref();
}
