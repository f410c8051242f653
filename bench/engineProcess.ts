/**
 * Engines of the benchmarks as child processes, so that memory and threads are each one's own. A process reads commands as
 * lines of JSON on standard input and answers each with one line.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Which program runs an engine. */
export type Language = 'typescript' | 'python';

/** What every engine may answer instead. */
interface Failed {
  did: 'failed';
  message: string;
}

/** An engine that cannot be measured; the message goes into the table. */
export class NotMeasured extends Error {}

export interface EngineProcess<Command extends { do: string }, Reply extends { did: string }> {
  /** sends one command; throws NotMeasured when the engine fails, ends or needs more than `seconds` */
  ask<D extends Command['do']>(
    command: Extract<Command, { do: D }>,
    seconds?: number,
  ): Promise<Extract<Reply, { did: D }>>;
  close(): void;
  /** of the process; undefined when it did not start */
  pid: number | undefined;
}

const isFailed = (reply: { did: string } | Failed): reply is Failed => reply.did === 'failed';

const defaultSeconds = 600;

/** The processes that run now. Each leads a group of its own, because torch.compile starts processes in turn. */
const live = new Set<ChildProcess>();

function endGroup(child: ChildProcess): void {
  live.delete(child);
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/**
 * From now on an interrupt or end signal to this process ends all engines before it ends this process, and so does its
 * end by other ways. A process that is killed cannot do that: then the engines end because their standard input does.
 */
export function endEnginesWithThisProcess(): void {
  const endAll = () => live.forEach(endGroup);
  process.on('exit', endAll);
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.on(signal, () => process.exit(128 + number));
}

/** The child process of an engine, with its threads set. */
function spawnEngine(language: Language, script: string, threads: number) {
  const python = process.env['EQUIPOISE_PYTHON'] ?? 'python3';
  const file = join(__dirname, script);
  const [program, args] =
    language === 'python' ? ([python, ['-u', file]] as const) : ([process.execPath, [file]] as const);
  return spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...process.env,
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      TF_CPP_MIN_LOG_LEVEL: '2',
    },
  });
}

/** What an engine's process says, one reply a command, and why it has ended. */
interface Conversation {
  /** null while the process runs */
  ended: string | null;
  /** called with the next reply */
  waiting: ((reply: { did: string } | Failed) => void) | null;
}

function settle(conversation: Conversation, reply: { did: string } | Failed): void {
  const tell = conversation.waiting;
  conversation.waiting = null;
  tell?.(reply);
}

/** The first reason stays; whoever waits is told. */
function end(conversation: Conversation, reason: string): void {
  conversation.ended ??= reason;
  settle(conversation, { did: 'failed', message: conversation.ended } satisfies Failed);
}

/** Listens to a process until it ends. */
function listen(child: ReturnType<typeof spawnEngine>, language: Language): Conversation {
  const conversation: Conversation = { ended: null, waiting: null };
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  child.stdin.on('error', () => undefined); // the exit below says more
  child.on('error', () =>
    end(
      conversation,
      language === 'python' ? 'no Python: neither EQUIPOISE_PYTHON nor python3 starts' : 'Node did not start',
    ),
  );
  child.on('exit', () => endGroup(child));
  child.on('close', (code, signal) =>
    end(conversation, lastLine(complaint) ?? `the process ended (${signal ?? `code ${code}`})`),
  );
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) settle(conversation, JSON.parse(line) as { did: string }); // libraries print other things
  });
  return conversation;
}

/** Starts the program `script` of this folder in a process of its own. */
export function startProcess<Command extends { do: string }, Reply extends { did: string }>(
  language: Language,
  script: string,
  threads: number,
): EngineProcess<Command, Reply> {
  const child = spawnEngine(language, script, threads);
  live.add(child);
  const conversation = listen(child, language);
  return {
    pid: child.pid,
    async ask<D extends Command['do']>(command: Extract<Command, { do: D }>, seconds = defaultSeconds) {
      if (conversation.ended !== null) throw new NotMeasured(conversation.ended);
      let clock: NodeJS.Timeout | undefined;
      const reply = await new Promise<{ did: string } | Failed>((resolve) => {
        conversation.waiting = resolve;
        clock = setTimeout(() => {
          end(conversation, `no answer to "${command.do}" in ${seconds} s`);
          endGroup(child);
        }, seconds * 1000);
        child.stdin.write(`${JSON.stringify(command)}\n`);
      });
      clearTimeout(clock);
      if (isFailed(reply)) throw new NotMeasured(reply.message);
      if (reply.did !== command.do) throw new Error(`asked to ${command.do}, the engine answered ${reply.did}`);
      return reply as Reply as Extract<Reply, { did: D }>;
    },
    close() {
      conversation.ended ??= 'closed';
      endGroup(child);
    },
  };
}

/** The last line that says something: of a Python traceback the error itself. */
function lastLine(text: string): string | null {
  return (
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .at(-1)
      ?.slice(0, 200) ?? null
  );
}
