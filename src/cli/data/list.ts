/** `equipoise data list`: what the data manifests describe. */
import { declaredBytes, fileObjects, type DataManifest } from '../../sources/dataManifest';
import { isPinned } from '../../sources/pins';
import { listSources, sourceFolder, sourceIdentity, sourceState } from '../../sources/sources';
import type { Define } from '../command';
import { megabytes, sayJson, sayTable } from '../text';

/** `data list`. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data list\n  equipoise data list --json')
    .action((options: { json?: boolean }) => {
      const rows = listSources().map((manifest) => ({
        name: manifest.name,
        keywords: manifest.keywords,
        bytes: fileObjects(manifest).reduce((sum, file) => sum + declaredBytes(file), 0),
        state: sourceState(manifest),
        license: manifest.license,
        ...placeOf(manifest),
        description: manifest.description,
        citeAs: manifest.citeAs,
        url: manifest.url,
      }));
      if (options.json === true) {
        sayJson('data-list', { sources: rows });
        return;
      }
      sayTable([
        ['name', 'state', 'size', 'holds', 'licence'],
        ...rows.map(({ name, state, identity, bytes, keywords, license }) => [
          name,
          state,
          identity === null ? 'not pinned' : megabytes(bytes),
          keywords.join(', '),
          license,
        ]),
      ]);
    });
};

/** Identity and folder of a source; null while files of it are not pinned, since nobody has seen them yet. */
function placeOf(manifest: DataManifest): { identity: string | null; folder: string | null } {
  const known = fileObjects(manifest).every(isPinned);
  return { identity: known ? sourceIdentity(manifest.name) : null, folder: known ? sourceFolder(manifest) : null };
}
