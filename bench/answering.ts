/** What every engine's process in TypeScript does with its commands; reference/step_torch.py has the same for PyTorch. */
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';

/** A command that could not be answered: the driver goes on with the next engine. */
interface Failed {
  did: 'failed';
  message: string;
}

/**
 * Reads commands as lines of JSON on standard input and answers each with one line. The end of standard input ends the
 * process, in the middle of a command too: then its driver is gone.
 */
export async function answerLines<Command, Reply>(answer: (command: Command) => Promise<Reply>): Promise<void> {
  process.stdin.on('end', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: Reply | Failed;
    try {
      reply = await answer(JSON.parse(line) as Command);
    } catch (error) {
      reply = { did: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

/** Takes steps one after the other; their milliseconds and what came of each. */
export async function timedSteps<Found>(
  steps: number,
  step: () => Promise<Found>,
): Promise<{ ms: number[]; found: Found[] }> {
  const ms: number[] = [],
    found: Found[] = [];
  for (let i = 0; i < steps; i++) {
    const begun = performance.now();
    found.push(await step());
    ms.push(performance.now() - begun);
    await turn(); // to hear that the driver is gone
  }
  return { ms, found };
}
