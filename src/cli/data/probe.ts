/** `equipoise data probe`: what linear probes make of a generated set. */
import { Option } from 'commander';
import type { Define } from '../command';
import { stageLine } from '../fetchLines';
import { probeTask } from '../probe';
import { sayJson, sayTable } from '../text';

/** `data probe <task>`. */
export const define: Define = (command) => {
  command
    .option('--encoder <name>', 'whose features; by default the first encoder that reads the set')
    .addOption(
      new Option('--split <name>', 'where they are read; a choice about the set belongs on validation')
        .choices(['validation', 'evaluation'])
        .default('evaluation'),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data probe emoji-icon-qa\n  equipoise data probe read-qa --split validation\n  equipoise data probe sound-qa --json',
    )
    .action(async (task: string, options: { encoder?: string; split: 'validation' | 'evaluation'; json?: boolean }) => {
      const show = stageLine();
      const { encoder, rows } = await probeTask(task, options.encoder, options.split, (stage) => show(stage, 0, 0));
      if (options.json === true) sayJson('data-probe', { task, encoder, split: options.split, rows });
      else
        sayTable([
          ['slice', 'kind', 'n', 'chance', 'question only', 'linear probe'],
          ...rows.map(({ slice, kind, total, chance, prior, probe }) => [
            slice,
            kind,
            String(total),
            chance.toFixed(3),
            prior.toFixed(3),
            probe.toFixed(3),
          ]),
        ]);
    });
};
