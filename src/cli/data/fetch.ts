/** `equipoise data fetch`: what the data manifests describe, fetched, verified and unpacked. */
import { fetchLibrary, libraries, libraryFolder } from '../../sources/libraries';
import { fetchSources } from '../../sources/sources';
import type { Define } from '../command';
import { fetchLines } from '../fetchLines';
import { say, sayJson } from '../text';

/** `data fetch [names...]`. */
export const define: Define = (command) => {
  command
    .option('--from <folder>', 'take files from this folder first, by size and sha256')
    .option('--again', 'throw away what the cache holds and fetch anew')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data fetch\n  equipoise data fetch stories15m twemoji\n  equipoise data fetch scratch --from ~/Downloads\n\nDebian packages come through apt (root is not needed); without apt set EQUIPOISE_DEB_MIRROR.\nThe cache is ~/.cache/equipoise or EQUIPOISE_CACHE. HF_TOKEN is sent to the hub alone.\nWhat a manifest states no hash of (published checkpoints) is pinned at its first fetch, in data-manifests/pins.',
    )
    .action(async (names: string[], options: { from?: string; again?: boolean; json?: boolean }) => {
      const show = fetchLines(process.stderr);
      try {
        const opened = await fetchSources(names, {
          from: options.from,
          again: options.again,
          onProgress: show.progress,
        });
        show.end();
        if (options.json === true)
          sayJson('data-fetch', {
            sources: opened.map(({ manifest, folder }) => ({ name: manifest.name, folder })),
          });
        else for (const { manifest, folder } of opened) say(`${manifest.name}  ${folder}`);
        if (names.length > 0) return;
        for (const library of libraries) {
          await fetchLibrary(library);
          if (options.json !== true) say(`library ${library}  ${libraryFolder(library)}`);
        }
      } finally {
        show.end();
      }
    });
};
