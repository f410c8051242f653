/** `equipoise verify`: whether a crate is what it says to be. */
import { resolve } from 'node:path';
import { printable } from '../printable';
import { exitCode } from '../problems';
import { codeVersion } from '../runner/code';
import { verifyCrate, type Check } from '../runner/crate/verify';
import type { Define } from './command';
import { drawAll } from './draw';
import { count, note, say, sayJson } from './text';

/** What each check has found when nothing failed. */
const meaning: Record<string, string> = {
  folder: 'plain files only, none out of place',
  metadata: 'RO-Crate 1.1, Process Run Crate 0.5',
  files: 'each listed file is there with its sha256, and no other',
  manifest: 'valid',
  runs: 'the combinations of the manifest, each with the identity that follows from it',
  data: 'sets and weights are those of the records in the crate',
  journals: 'every step, every measure, the final evaluation',
  description: 'follows from the files',
  figures: 'drawn again from the journals, equal byte for byte',
};

/** Most failures of one check that are shown. */
const shown = 20;

/** Adds `verify <crate>`. Exit code 1 when a check fails. Reads the crate's folder, writes nothing into it. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise verify crates/quickstart\n  equipoise verify crates/quickstart --json',
    )
    .action(async (crate: string, options: { json?: boolean }) => {
      const found = await verifyCrate(resolve(crate), drawAll);
      if (!found.passed) process.exitCode = exitCode.failed;
      if (options.json === true) {
        sayJson('verify', { crate, ...found });
        return;
      }
      if (found.experiment !== null) say(`${printable(found.experiment)}: ${count(found.runs, 'run')}`);
      for (const check of found.checks) say(lines(check).join('\n'));
      for (const text of found.notes) note(`note: ${printable(text)}`);
      const { version, commit } = codeVersion();
      const other = found.exporter !== null && (found.exporter.commit !== commit || found.exporter.version !== version);
      if (!found.passed && other)
        note(
          `note: the crate was packed by equipoise ${said(found.exporter?.version, found.exporter?.commit)}, this is ${said(version, commit)}; another version may make other sets and draw other figures`,
        );
      say(found.passed ? 'passed' : 'failed');
    });
};

const said = (version: string | undefined, commit: string | null | undefined): string =>
  printable(`${version ?? 'unknown'}${commit === null || commit === undefined ? '' : ` (${commit.slice(0, 40)})`}`);

function lines({ name, made, failures }: Check): string[] {
  const label = name.padEnd(12);
  if (!made) return [`  ${label}not checked, since what it needs failed`];
  if (failures.length === 0) return [`  ${label}ok: ${meaning[name] ?? ''}`];
  const more = failures.length > shown ? [`    and ${failures.length - shown} more`] : [];
  return [
    `  ${label}FAILED, ${failures.length}:`,
    ...failures.slice(0, shown).map((failure) => `    ${printable(failure)}`),
    ...more,
  ];
}
