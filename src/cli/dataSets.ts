/** `equipoise data preview` and `equipoise data probe`: what is in a generated set, and what linear probes make of it. */
import { type Command, Option } from 'commander';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contactSheet } from '../data/sets/contactSheet';
import { loadSet, setPath, setTasks } from '../data';
import { readCard } from '../data/sets/store';
import { lazy } from './lazy';
import { columns, say, sayJson } from './text';

/** Adds both commands to `equipoise data`. Their failures are UserErrors, which `main` prints. */
export function setCommands(data: Command): void {
  data
    .command('preview <task>')
    .description(
      `make a generated set and show its counts; with --out also pictures or sounds to look at and listen to (${setTasks.join(', ')})`,
    )
    .option('--out <folder>', 'write contact-sheet.png or sampler.html, card.json and items.jsonl there')
    .option('--json', 'print the card as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data preview read-qa\n  equipoise data preview scene-cap --out preview',
    )
    .action(async (task: string, options: { out?: string; json?: boolean }) => {
      const set = await loadSet(task, stageLine());
      const folder = setPath(task);
      const card = readCard(folder);
      if (options.json === true) sayJson(card);
      else {
        say(
          `${task}: ${card.counts.items} questions, ${card.counts.media} ${card.modality === 'image' ? 'pictures' : 'sounds'}, ${card.counts.alignment} alignment items`,
        );
        say(
          columns([
            ['split/slice/kind', 'questions', 'chance', 'question only'],
            ...Object.entries(card.counts.byCell).map(([cell, count]) => {
              const prior = card.prior[cell.slice(cell.indexOf('/') + 1)];
              return [cell, String(count), prior?.chance.toFixed(3) ?? '', prior?.accuracy.toFixed(3) ?? ''];
            }),
          ]),
        );
      }
      if (options.out === undefined) return;
      mkdirSync(options.out, { recursive: true });
      if (set.modality === 'image') writeFileSync(join(options.out, 'contact-sheet.png'), await contactSheet(set));
      for (const name of ['sampler.html', 'card.json', 'items.jsonl'])
        if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(options.out, name));
      if (options.json !== true) say(`written to ${options.out}`);
    });

  data
    .command('probe <task>')
    .description(
      'train linear probes on the frozen features of a generated set: a ceiling beside chance and the question-only baseline',
    )
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
      const { encoder, rows } = await lazy
        .probe()
        .probeTask(task, options.encoder, options.split, (stage) => show(stage, 0, 0));
      if (options.json === true) sayJson({ task, encoder, split: options.split, rows });
      else
        say(
          columns([
            ['slice', 'kind', 'n', 'chance', 'question only', 'linear probe'],
            ...rows.map(({ slice, kind, total, chance, prior, probe }) => [
              slice,
              kind,
              String(total),
              chance.toFixed(3),
              prior.toFixed(3),
              probe.toFixed(3),
            ]),
          ]),
        );
    });
}

/** Progress on standard error: one line that is rewritten on a terminal, each stage once elsewhere. */
function stageLine(): (what: string, done: number, total: number) => void {
  let last = '';
  return (what, done, total) => {
    const text = total === 0 ? what : `${what} ${done}/${total}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`);
    else if (what.split(' ')[0] !== last) process.stderr.write(`${text}\n`);
    last = what.split(' ')[0]!;
  };
}
