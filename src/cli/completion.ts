/** `equipoise completion SHELL`: a script with which the shell completes commands, options and names. */
import { Command } from 'commander';
import { createRequire } from 'node:module';
import type { CommandEntry, Define } from './command';
import { bashScript, fishScript, zshScript, type Completed, type Kind } from './completionScripts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

const help = `
It completes commands, options and their values, and the names of manifests, experiments and runs, which it asks equipoise for.

To use it:
  bash  equipoise completion bash > ~/.local/share/bash-completion/completions/equipoise
  zsh   equipoise completion zsh > ~/.zfunc/_equipoise, where ~/.zfunc is in $fpath before compinit
  fish  equipoise completion fish > ~/.config/fish/completions/equipoise.fish`;

/** Adds `completion`. */
export const define: Define = (command) => {
  command.registeredArguments[0]!.choices(Object.keys(scripts));
  command.addHelpText('after', help).action((shell: keyof typeof scripts) => {
    const { commands } = createRequire(__filename)('./commands') as typeof import('./commands');
    process.stdout.write(scripts[shell](completedOf(commands)));
  });
};

/** What an argument or the value of an option may be, by its name in the table. */
const kinds: Readonly<Record<string, readonly Kind[]>> = {
  manifest: ['manifests', 'files'],
  experiment: ['experiments', 'files'],
  run: ['runs'],
  runs: ['runs'],
  a: ['runs'],
  b: ['runs'],
  names: ['experiments', 'runs'],
  'run-or-experiment': ['experiments', 'runs'],
  folder: ['files'],
  crate: ['files'],
  path: ['files'],
  file: ['files'],
};

/** Option values that are names although the option is not called so. */
const optionKinds: Readonly<Record<string, readonly Kind[]>> = {
  '--manifest': ['manifests', 'files'],
  '--experiment': ['experiments'],
};

/** The commands of a table as a shell is told of them, without hidden ones. Loads the files of all. */
export function completedOf(entries: readonly CommandEntry[], above: readonly string[] = []): Completed[] {
  return entries
    .filter(({ hidden }) => hidden !== true)
    .flatMap((entry): Completed[] => {
      const command = new Command(entry.call.split(' ')[0]);
      const path = [...above, command.name()];
      const about = { path, description: entry.description };
      if ('commands' in entry)
        return [{ ...about, words: [], options: [], takes: [] }, ...completedOf(entry.commands, path)];
      for (const word of entry.call.split(' ').slice(1)) command.argument(word);
      if (entry.parts === true) command.option('--parts <folder>', 'a folder of parts of your own');
      defineIn(entry.load(), command);
      return [{ ...about, ...described(command) }];
    });
}

/** Nothing is called: a definition only names what there is. */
function defineIn(define: Define, command: Command): void {
  define(command, () => {
    throw new Error('completion calls no command');
  });
}

function described(command: Command): Pick<Completed, 'words' | 'options' | 'takes'> {
  const all = command.registeredArguments;
  return {
    words: all.flatMap(({ argChoices }) => argChoices ?? []),
    takes: [...new Set(all.flatMap((argument) => kinds[argument.name()] ?? []))],
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, description, flags, argChoices, required, optional }) => ({
        flag: long!,
        description,
        hasValue: required || optional,
        words: argChoices ?? [],
        takes: optionKinds[long!] ?? kinds[/[<[]([a-z-]+)/.exec(flags)?.[1] ?? ''] ?? [],
      })),
  };
}
