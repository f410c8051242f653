/** `equipoise data preview`: what is in a generated set. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerSheets, contactSheet } from '../../data/sets/contactSheet';
import { loadSet, setPath, setTasks } from '../../data';
import { readCard } from '../../data/sets/store';
import type { Define } from '../command';
import { exitCode, userError } from '../../problems';
import { stageLine } from '../fetchLines';
import { say, sayJson, sayTable } from '../text';

/** `data preview <task>`. */
export const define: Define = (command) => {
  command
    .option('--out <folder>', 'write contact-sheet.png or sampler.html, card.json and items.jsonl there')
    .option(
      '--kind <kind>',
      'with --out: also a sheet of the pictures of every answer to questions of this kind, e.g. category-1-food.png',
    )
    .option('--json', 'print the card as JSON')
    .addHelpText(
      'after',
      `\nGenerated sets: ${setTasks.join(', ')}\n\nExamples:\n  equipoise data preview read-qa\n  equipoise data preview scene-cap --out preview\n  equipoise data preview emoji-icon-qa --out preview --kind category`,
    )
    .action(async (task: string, options: { out?: string; kind?: string; json?: boolean }) => {
      if (options.kind !== undefined && options.out === undefined)
        throw userError(
          { where: '--kind', what: 'no folder for its sheets', expected: '--out FOLDER beside it' },
          exitCode.badInput,
        );
      const set = await loadSet(task, stageLine());
      const folder = setPath(task);
      const card = readCard(folder);
      if (options.json === true) sayJson('data-preview', { task, card });
      else {
        say(
          `${task}: ${card.counts.items} questions, ${card.counts.media} ${card.modality === 'image' ? 'pictures' : 'sounds'}, ${card.counts.alignment} alignment items`,
        );
        sayTable([
          ['split/slice/kind', 'questions', 'chance', 'question only'],
          ...Object.entries(card.counts.byCell).map(([cell, count]) => {
            const prior = card.prior[cell.slice(cell.indexOf('/') + 1)];
            return [cell, String(count), prior?.chance.toFixed(3) ?? '', prior?.accuracy.toFixed(3) ?? ''];
          }),
        ]);
      }
      if (options.out === undefined) return;
      mkdirSync(options.out, { recursive: true });
      if (set.modality === 'image') writeFileSync(join(options.out, 'contact-sheet.png'), await contactSheet(set));
      if (options.kind !== undefined) {
        const sheets = [...(await answerSheets(set, options.kind))];
        sheets.forEach(([answer, sheet], i) => {
          const name = `${options.kind}-${i + 1}-${answer}`.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 80);
          writeFileSync(join(options.out!, `${name}.png`), sheet);
        });
      }
      for (const name of ['sampler.html', 'card.json', 'items.jsonl'])
        if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(options.out, name));
      if (options.json !== true) say(`written to ${options.out}`);
    });
};
