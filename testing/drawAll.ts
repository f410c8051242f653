/**
 * Draws every figure and table of argv[2] into argv[3], in a process of its own (analysisFigures.test.ts compares two).
 */
import { makeFigures, makeTables } from '../analysis/index';

async function main(): Promise<void> {
  const [results, out] = process.argv.slice(2) as [string, string];
  await makeFigures(results, out);
  await makeTables(results, out);
}

void main();
