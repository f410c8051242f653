/** `equipoise data verify`: whether the cache holds what was fetched. */
import { exitCode } from '../../problems';
import { verifySources } from '../../sources/sources';
import type { Define } from '../command';
import { fetchLines } from '../fetchLines';
import { megabytes, say, sayJson } from '../text';

/** `data verify [names...]`. Exit code 1 when a file is damaged. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data verify\n  equipoise data verify resnet50-imagenet --json')
    .action(async (names: string[], options: { json?: boolean }) => {
      const show = fetchLines(process.stderr, true);
      const reports = await verifySources(names, { onProgress: show.progress });
      show.end();
      if (options.json === true) sayJson('data-verify', { sources: reports });
      else {
        for (const report of reports) {
          say(
            `${report.name}: ${report.state}${report.files > 0 ? `, ${report.files} files, ${megabytes(report.bytes)}` : ''}`,
          );
          for (const damage of report.damage)
            say(`  ${damage.path}: found ${damage.found}; expected ${damage.expected}`);
          if (report.damage.length > 0) say(`  run \`equipoise data fetch --again ${report.name}\``);
        }
      }
      if (reports.some((report) => report.damage.length > 0)) process.exitCode = exitCode.failed;
    });
};
