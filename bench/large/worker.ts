/**
 * The product's engine at the paper's sizes, in a process of its own. Reads commands as lines of JSON on standard input
 * (protocol.ts) and answers each with one line; the end of standard input ends it.
 */
import { useBackend } from '../../src/tensor/backend';
import { loadLarge, openLarge, type OpenedLarge } from './model';
import { answerLines, timedSteps } from '../answering';
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
    const { ms, found } = await timedSteps(command.steps, opened.step);
    return { did: 'steps', ms, loss: found };
  };
  await answerLines(answer);
}

void main();
