/**
 * The fuzz net: small sound inputs of every reader are changed, and each reader must answer with an error for people or
 * with something sound, in bounded time, and write nothing outside its own folder.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { exitCode, formatProblem, UserError } from '../../src/problems';
import { byteChanges, type ByteChange, changeBytes, changeJson, jsonChanges, type JsonChange } from './mutate';

/** A reader with a sound input of it. */
export interface Target {
  name: string;
  /** bytes; or a value that is changed as such, and as the text that `text` (by default JSON) makes of it */
  sample: Buffer | { value: unknown; text?(value: unknown): string };
  /** Reads an input; `place` is an empty folder. Gives what was read, to be compared. */
  read(input: Buffer, place: string): unknown;
  /** `same`: checksums guard the content, so that a changed input is refused or read as the unchanged one; else what holds of all that is read */
  result: 'same' | ((read: unknown) => boolean);
}

type Changes = { bytes: ByteChange[] } | { value: JsonChange[] };

/** Milliseconds that one reading may take, on a machine that others use too. */
const longest = 20_000;
/** What an error for people may be: lines, letters of one. */
const most = { problems: 130, letters: 6100 };

export const changesOf = ({ sample }: Target): fc.Arbitrary<Changes> => {
  const bytes = byteChanges.map((changes) => ({ bytes: changes }));
  return sample instanceof Buffer
    ? bytes
    : fc.oneof(
        bytes,
        jsonChanges.map((value) => ({ value })),
      );
};

/** The input that changes make of a target's sample; without changes the sample itself. */
export function inputOf({ sample }: Target, changes: Changes = { bytes: [] }): Buffer {
  if (sample instanceof Buffer) return 'bytes' in changes ? changeBytes(sample, changes.bytes) : sample;
  const given = sample as Exclude<Target['sample'], Buffer>;
  const text = (value: unknown) => Buffer.from(given.text?.(value) ?? JSON.stringify(value) ?? '', 'utf8');
  if ('value' in changes) return text(changeJson(given.value, changes.value));
  return changeBytes(text(given.value), changes.bytes);
}

/** Where readings happen: each in a fresh folder beside one that nobody may touch. */
export interface Place {
  base: string;
  close(): void;
}

/** A place with an environment of its own, so that caches and locks lie in it. */
export function openPlace(): Place {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'equipoise-fuzz-')));
  mkdirSync(join(base, 'others'));
  writeFileSync(join(base, 'others', 'mine'), 'untouched');
  const names = ['CACHE', 'DATA', 'LOCKS', 'TASKS', 'CHECKPOINTS', 'RESULTS'];
  const before = names.map((name) => [`EQUIPOISE_${name}`, process.env[`EQUIPOISE_${name}`]] as const);
  for (const [name] of before) process.env[name] = join(base, 'read', name.slice(10).toLowerCase());
  return {
    base,
    close() {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      rmSync(base, { recursive: true, force: true });
    },
  };
}

async function readIn({ base }: Place, target: Target, input: Buffer): Promise<unknown> {
  const place = join(base, 'read');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  return await target.read(input, place);
}

/** What is wrong with how a reader takes an input, in a sentence; null when nothing is. */
export async function faultOf(place: Place, target: Target, input: Buffer, expected: unknown): Promise<string | null> {
  const began = performance.now();
  let answer: string | null;
  try {
    const read = await readIn(place, target, input);
    const right = target.result === 'same' ? isDeepStrictEqual(read, expected) : target.result(read);
    answer = right ? null : `reads something unsound: ${(JSON.stringify(read) ?? String(read)).slice(0, 300)}`;
  } catch (error) {
    answer =
      error instanceof UserError
        ? unclear(error)
        : `throws ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const took = performance.now() - began;
  if (took > longest) return `takes ${Math.round(took / 1000)} s`;
  const { base } = place;
  if (readdirSync(base).sort().join() !== 'others,read' || !existsSync(join(base, 'others', 'mine')))
    return `writes outside: ${readdirSync(base).join()}`;
  if (
    readdirSync(join(base, 'others')).join() !== 'mine' ||
    readFileSync(join(base, 'others', 'mine'), 'utf8') !== 'untouched'
  )
    return 'changes what is not its own';
  return answer;
}

/** What is wrong with an error for people; null when it is clear. */
function unclear({ problems, code }: UserError): string | null {
  if (![exitCode.failed, exitCode.badInput, exitCode.unavailable].some((each) => each === code))
    return `exit code ${code}`;
  if (problems.length === 0 || problems.length > most.problems) return `${problems.length} problems at once`;
  for (const problem of problems) {
    const line = formatProblem(problem);
    if (problem.what.trim() === '' || line.length > most.letters)
      return `an unclear line of ${line.length} letters: ${line.slice(0, 300)}`;
    if (/\bundefined\b|\[object \w+\]|\bat \w+ \(.*:\d+:\d+\)/.test(line))
      return `an unclear line: ${line.slice(0, 300)}`;
  }
  return null;
}

/** The smallest change that a target takes wrongly, as fast-check shrinks it. */
export interface Finding {
  fault: string;
  changes: Changes;
  input: Buffer;
}

/** Changes a target's sample `runs` times; gives the first finding, made small, or null. Rejects when the sample itself is refused. */
export async function fuzz(place: Place, target: Target, runs: number, seed: number): Promise<Finding | null> {
  const expected = await readIn(place, target, inputOf(target));
  const unchanged = await faultOf(place, target, inputOf(target), expected);
  if (unchanged !== null) throw new Error(`the sample of ${target.name}: ${unchanged}`);
  const property = fc.asyncProperty(changesOf(target), async (changes) => {
    const fault = await faultOf(place, target, inputOf(target, changes), expected);
    if (fault !== null) throw new Error(fault);
  });
  const found = await fc.check(property, { seed, numRuns: runs });
  const changes = found.counterexample?.[0];
  if (!found.failed || changes === undefined) return null;
  const input = inputOf(target, changes);
  return { changes, input, fault: (await faultOf(place, target, input, expected)) ?? 'not seen again' };
}
