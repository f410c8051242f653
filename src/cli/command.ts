/** How the command line is put together: from a table, so that help needs none of the commands' files. */
import { Command } from 'commander';
import { createRequire } from 'node:module';
import { configuredParts } from '../project';
import type { Wiring } from './wiring';

/** Gives a command its options and what it does. Its failures are UserErrors, which `main` prints. */
export type Define = (command: Command, wiring: () => Wiring) => void;

/** One command as the table has it. */
export type CommandEntry = {
  /** as it is typed, with its arguments, e.g. `plan <manifest>` */
  call: string;
  description: string;
  /** help does not list it */
  hidden?: boolean;
} & (
  | {
      /** the definition, from a file that is loaded when the command is called */
      load: () => Define;
      /** it may meet parts from outside this repository: `--parts` */
      parts?: true;
    }
  | {
      /** the commands below it */
      commands: readonly CommandEntry[];
    }
);

/** The name of a command: the first word of its call. */
export const nameOf = ({ call }: Pick<CommandEntry, 'call'>): string => call.split(' ')[0]!;

/**
 * Adds the commands of a table; of their files it loads that one alone which the words of the command line call, or ask
 * help about.
 */
export function addCommands(
  parent: Command,
  entries: readonly CommandEntry[],
  words: readonly string[],
  wiring: () => Wiring,
): void {
  const path = words.filter((word) => !word.startsWith('-'));
  const [called, ...rest] = path[0] === 'help' ? path.slice(1) : path;
  for (const entry of entries) {
    const command = parent.command(entry.call, { hidden: entry.hidden === true }).description(entry.description);
    if ('commands' in entry) addCommands(command, entry.commands, called === nameOf(entry) ? rest : [], wiring);
    else if (called === nameOf(entry)) {
      // Before the command's own file: names and tables are made of the parts when rooms are loaded.
      if (entry.parts === true) addParts(command, words);
      entry.load()(command, wiring);
    }
  }
}

const flags = '--parts <folder>';

/**
 * Adds the option, and loads the parts of the folder that it names, or else the config of the project. Throws UserError
 * for parts that do not fit.
 */
function addParts(command: Command, words: readonly string[]): void {
  command.option(flags, 'a folder of your own schedulers, regularisers, connectors and towers (docs/extending.md)');
  const look = new Command().helpOption(false).allowUnknownOption().allowExcessArguments().option(flags);
  const { parts = configuredParts() } = look.parse([...words], { from: 'user' }).opts<{ parts?: string }>();
  if (parts === undefined) return;
  (createRequire(__filename)('../ownParts') as typeof import('../ownParts')).loadParts(parts);
}
