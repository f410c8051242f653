/** Options that several commands share, checked. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DeviceRequest } from '../manifest/run';
import { parseOverride, type Override } from '../manifest/overrides';
import type { CheckpointInterval } from '../runner/messages';
import type { BackendRequest } from '../tensor/backend';

/** What makes a manifest's runs definite. */
export interface SweepOptions {
  profile?: string;
  backend: BackendRequest['name'];
  device?: DeviceRequest;
  threads?: number | 'auto';
  /** values in place of the manifest's */
  set?: Override[];
}

/** Adds `--profile`, `--backend`, `--device` and `--threads`. */
export function sweepOptions(command: Command): Command {
  return command
    .option('--profile <name>', 'a profile of the manifest, e.g. smoke')
    .option(
      '--set <field=value>',
      'another value for a field of the runs, e.g. batch=16 or seed=[1,2]; may be given again. It makes an experiment of its own',
      (text: string, before: Override[] = []) => [...before, parseOverride(text)],
    )
    .addOption(
      new Option('--backend <name>', 'which library computes; auto: tensorflow where it is linked, else wasm')
        .choices(['auto', 'tensorflow', 'wasm', 'webgpu', 'cpu'])
        .default('auto'),
    )
    .addOption(new Option('--device <device>', 'instead of what the manifest asks for').choices(['cpu', 'gpu', 'any']))
    .option(
      '--threads <n|auto>',
      'threads of each run, by which its last digits differ: another number makes other runs; auto: all processors for a manifest of one run, else 1 (default: 1)',
      workers,
    );
}

/** A whole number of at least `least`. Throws InvalidArgumentError, which the command line reports. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`a whole number of at least ${least} is expected.`);
    return value;
  };
}

/** `--workers` and `--threads`: a number or `auto`. */
export function workers(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : wholeNumber(1)(text);
}

/** `--checkpoint`: `30s`, `500ms` or `100steps`. Throws InvalidArgumentError, which the command line reports. */
export function checkpointInterval(text: string): CheckpointInterval {
  const found = /^(\d+(?:\.\d+)?)(s|ms|steps)$/.exec(text);
  const value = Number(found?.[1]);
  if (found === null || !(value > 0) || (found[2] === 'steps' && !Number.isInteger(value)))
    throw new InvalidArgumentError('a time such as 30s or a number of steps such as 100steps is expected.');
  return found[2] === 'steps' ? { steps: value } : { seconds: found[2] === 'ms' ? value / 1000 : value };
}
