/** The last act of `reproduce`: the runs here beside the committed ones, on the terminal and in Markdown. */
import { basename, join, relative } from 'node:path';
import { readClaims } from '../../analysis/claims/claim';
import { allClaims } from '../../analysis/claims/referenceFile';
import { compareRerun, noisePathOf } from '../../analysis/claims/rerun';
import { cellsTable, comparedClaimsTable, sumText } from '../../analysis/claims/rerunTable';
import { toMarkdown } from '../../analysis/table';
import { sha256, writeWhole } from '../files';
import { exitCode } from '../problems';
import { committedRuns } from '../runner/folders';
import { experimentFolders, figuresFolder } from './analysis';
import { layoutText, say } from './text';

/** Name of the page beside the figures of the experiment. */
const pageName = 'committed-against-yours.md';

/**
 * Tells how the experiment compares with the committed runs. With `strict` the exit code is 1 when it is reproduced in
 * part only or not at all. Throws UserErrors of the claims' files and of the noise file.
 */
export async function tellCommitted(experiment: string, strict: boolean): Promise<void> {
  const folder = experimentFolders(experiment)[0]!;
  const rerun = await compareRerun(folder, committedRuns, noisePathOf(committedRuns), allClaims(readClaims()));
  const tables = [cellsTable(rerun), comparedClaimsTable(rerun)].filter((table) => table !== null);
  say('committed against yours');
  for (const { layout } of tables) say(`${layoutText(layout)}\n`);
  if (tables.length > 0) say('* differs, lies outside of what new seeds are expected to do, or has turned');
  say(sumText(rerun));
  if (strict && (rerun.outcome === 'not reproduced' || rerun.outcome === 'partly reproduced'))
    process.exitCode = exitCode.failed;
  if (tables.length === 0) return;
  const path = join(figuresFolder({}), basename(folder), pageName);
  const parts = tables.map(({ title, caption, layout }) =>
    toMarkdown(layout, {
      title,
      caption,
      command: `equipoise reproduce (${rerun.experiment})`,
      dataSha256: sha256(JSON.stringify(layout)),
    }),
  );
  writeWhole(path, [...parts, `${sumText(rerun)}\n`].join('\n'));
  say(`written to ${relative(process.cwd(), path)}`);
}
