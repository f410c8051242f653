/**
 * A process that holds a tensor's file as a worker holds a frozen weight: node -r ts-node/register mapsFile.ts PATH
 * LENGTH. Says `ready` when it has read all of it, and waits until its input ends.
 */
import { useBackend } from '../src/tensor/backend';
import { sumOfFile } from './sumOfFile';

async function main(path: string, length: number): Promise<void> {
  await useBackend({ name: 'tensorflow', threads: 1 });
  await sumOfFile({ path, type: 'float32', length });
  console.log('ready');
  process.stdin.resume();
}

void main(process.argv[2]!, Number(process.argv[3]));
