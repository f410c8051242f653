/**
 * The product's engine at the paper's sizes, in a process of its own. Reads commands as lines of JSON on standard input
 * (protocol.ts) and answers each with one line; the end of standard input ends it.
 */
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { useBackend } from '../../src/tensor/backend';
import { loadLarge, openLarge, type OpenedLarge } from './model';
import { productLimit } from '../limit';
import type { LargeCommand, LargeReply } from './protocol';

async function main(): Promise<void> {
  let opened: OpenedLarge | null = null;
  const answer = async (command: LargeCommand): Promise<LargeReply> => {
    if (command.do === 'start') {
      const { versions, tensorflow } = await useBackend({ name: 'tensorflow', threads: command.threads });
      return { did: 'start', versions: { ...versions, ...(tensorflow === null ? {} : { tensorflow }) } };
    }
    if (command.do === 'prepare') {
      loadLarge(command.folder, command.precision);
      return { did: 'prepare' };
    }
    if (command.do === 'open') {
      opened = openLarge(command);
      return { did: 'open', notice: opened.notice };
    }
    if (opened === null) throw new Error('open first');
    if (command.do === 'matmul')
      return { did: 'matmul', gflops: await productLimit(command.repeats, { precision: opened.precision }) };
    const ms: number[] = [],
      loss: number[] = [];
    for (let i = 0; i < command.steps; i++) {
      const begun = performance.now();
      loss.push(await opened.step(command.kind));
      ms.push(performance.now() - begun);
      await turn(); // to hear that the driver is gone
    }
    return { did: 'steps', ms, loss };
  };
  process.stdin.on('end', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: LargeReply;
    try {
      reply = await answer(JSON.parse(line) as LargeCommand);
    } catch (error) {
      reply = { did: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

void main();
