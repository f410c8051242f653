/** `equipoise data import`: the files of a published set or of the user's own task, read, checked and kept. */
import { linkRelease, pinTask } from '../../data/readers/recipe';
import { loadSet, setPath } from '../../data';
import { countBy } from '../../data/sets/checks';
import type { Define } from '../command';
import { stageLine } from '../fetchLines';
import { note, say, sayJson } from '../text';

/** `data import <task>`. */
export const define: Define = (command) => {
  command
    .option('--from <folder>', 'link this folder to where the files of a published set are looked for')
    .option('--again', 'take the files as they are now, though they differ from the lock')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data import textvqa --from ~/datasets/textvqa\n  equipoise data import bird-calls\n\nA published set is looked for in EQUIPOISE_DATA/<task>. The first import writes the sizes and hashes of its files to\ndata-manifests/locks/<task>.json; later ones must find the same files. docs/data.md says which files each set needs.',
    )
    .action(async (name: string, options: { from?: string; again?: boolean; json?: boolean }) => {
      if (options.from !== undefined) linkRelease(name, options.from);
      note(`${name}  hashing its files`);
      const { places, lock } = pinTask(name, options.again);
      const set = await loadSet(name, stageLine());
      const counts = {
        folder: setPath(name),
        identity: set.identity,
        items: countBy(set.items, (item) => `${item.split} ${item.kind}`),
        media: set.media.size,
        notices: set.notices ?? [],
        lock: lock ?? null,
      };
      if (options.json === true) sayJson('data-import', { name, ...counts, places });
      else {
        say(
          `${name}: ${set.items.length} questions about ${set.media.size} ${set.modality === 'image' ? 'pictures' : 'sounds'} in ${counts.folder}`,
        );
        for (const [kind, count] of Object.entries(counts.items)) say(`  ${kind}: ${count}`);
        for (const notice of counts.notices) say(`  note: ${notice}`);
        if (lock !== undefined) say(`  the hashes of its files are in ${lock}`);
      }
    });
};
