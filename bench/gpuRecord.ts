/**
 * Puts what bench/gpu.sh found into one file: `node -r ts-node/register bench/gpuRecord.ts FOLDER FILE`. The folder has, for
 * each part, what it said (NAME.out, NAME.err) and how it ended (NAME.end: exit code and seconds).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../src/files';

/** Exit code of a part that `timeout` has ended. */
const tookTooLong = 124;

/** One part of the look at a GPU. */
interface Part {
  code: number;
  seconds: number;
  problem?: string;
  /** the last lines on standard error of a part that failed */
  said?: string;
  /** null where it left nothing that can be read */
  found: unknown;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface TestResults {
  testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
}

function conformanceOf(results: TestResults): object {
  const all = results.testResults.flatMap((file) => file.assertionResults);
  const failed = all.filter(({ status }) => status === 'failed');
  const passed = all.filter(({ status }) => status === 'passed').length;
  return {
    passed,
    skipped: all.length - passed - failed.length,
    failed: failed.map(({ fullName, failureMessages }) => ({
      name: fullName,
      why: failureMessages[0]?.split('\n')[0] ?? '',
    })),
  };
}

/** The record of what lies in a folder. */
export function gpuRecord(folder: string, date = new Date()): object {
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '';
  const json = (name: string): unknown => {
    try {
      return JSON.parse(read(name));
    } catch {
      return null;
    }
  };
  const part = (name: string, found: unknown): Part => {
    const [code = NaN, seconds = NaN] = read(`${name}.end`).split(' ').map(Number);
    const said = read(`${name}.err`).split('\n').slice(-5).join('\n');
    return {
      code,
      seconds,
      ...(code === tookTooLong ? { problem: 'took too long' } : {}),
      ...(code === 0 || said === '' ? {} : { said }),
      found,
    };
  };
  const tests = json('conformance.json') as TestResults | null;
  return {
    format: 'equipoise-gpu/1',
    date: date.toISOString(),
    nvidia: part('nvidia', read('nvidia.out').split('\n').filter(Boolean)),
    doctor: part('doctor', json('doctor.out')),
    conformance: part('conformance', tests === null ? null : conformanceOf(tests)),
    bench: [4, 16].map((batch) => ({ batch, ...part(`bench${batch}`, json(`bench${batch}.json`)) })),
  };
}

if (require.main === module) {
  const [folder, file] = process.argv.slice(2) as [string, string];
  writeWhole(file, `${JSON.stringify(gpuRecord(folder), null, 1)}\n`);
  console.log(`wrote ${file}`);
}
