/** The engines of the benchmark and their processes: each runs alone in a child process, so that memory and threads are its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command, Reply } from './protocol';

export type EngineName = 'recorded' | 'eager' | 'wasm' | 'webgpu' | 'torch' | 'torch-compile';

export interface Engine {
  name: EngineName;
  title: string;
  backend: Extract<Command, { do: 'start' }>['backend'];
  eager: boolean;
  language: 'typescript' | 'python';
}

export const engines: readonly Engine[] = [
  { name: 'recorded', title: 'TensorFlow, recorded', backend: 'tensorflow', eager: false, language: 'typescript' },
  { name: 'torch', title: 'PyTorch, eager', backend: 'torch-eager', eager: true, language: 'python' },
  { name: 'eager', title: 'TensorFlow, op by op', backend: 'tensorflow', eager: true, language: 'typescript' },
  {
    name: 'torch-compile',
    title: 'PyTorch, torch.compile',
    backend: 'torch-compile',
    eager: false,
    language: 'python',
  },
  { name: 'wasm', title: 'wasm (one thread)', backend: 'wasm', eager: true, language: 'typescript' },
  { name: 'webgpu', title: 'WebGPU', backend: 'webgpu', eager: true, language: 'typescript' },
];

/** An engine that cannot be measured; the message goes into the table. */
export class NotMeasured extends Error {}

export interface EngineProcess {
  /** sends one command; throws NotMeasured when the engine fails, ends or needs more than `seconds` */
  ask<D extends Command['do']>(
    command: Extract<Command, { do: D }>,
    seconds?: number,
  ): Promise<Extract<Reply, { did: D }>>;
  close(): void;
}

const defaultSeconds = 600;

/** Starts the process of an engine; nothing is loaded yet. */
export function startEngine(engine: Engine, threads: number): EngineProcess {
  const python = process.env['EQUIPOISE_PYTHON'] ?? 'python3';
  const [program, args] =
    engine.language === 'python'
      ? ([python, ['-u', join(__dirname, 'reference', 'step_torch.py')]] as const)
      : ([process.execPath, [join(__dirname, 'worker.cjs')]] as const);
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      TF_CPP_MIN_LOG_LEVEL: '2',
    },
  });
  let complaint = '';
  let ended: string | null = null;
  let waiting: ((reply: Reply) => void) | null = null;
  const settle = (reply: Reply) => {
    const tell = waiting;
    waiting = null;
    tell?.(reply);
  };
  const end = (reason: string) => {
    ended ??= reason;
    settle({ did: 'failed', message: ended });
  };
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  child.stdin.on('error', () => undefined); // the exit below says more
  child.on('error', () =>
    end(
      `${engine.language === 'python' ? 'no Python: neither EQUIPOISE_PYTHON nor python3 starts' : 'Node did not start'}`,
    ),
  );
  child.on('close', (code, signal) => end(lastLine(complaint) ?? `the process ended (${signal ?? `code ${code}`})`));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) settle(JSON.parse(line) as Reply); // libraries print other things
  });
  return {
    async ask<D extends Command['do']>(command: Extract<Command, { do: D }>, seconds = defaultSeconds) {
      if (ended !== null) throw new NotMeasured(ended);
      let clock: NodeJS.Timeout | undefined;
      const reply = await new Promise<Reply>((resolve) => {
        waiting = resolve;
        clock = setTimeout(() => {
          end(`no answer to "${command.do}" in ${seconds} s`);
          child.kill('SIGKILL');
        }, seconds * 1000);
        child.stdin.write(`${JSON.stringify(command)}\n`);
      });
      clearTimeout(clock);
      if (reply.did === 'failed') throw new NotMeasured(reply.message);
      if (reply.did !== command.do) throw new Error(`asked to ${command.do}, the engine answered ${reply.did}`);
      return reply as Extract<Reply, { did: D }>;
    },
    close() {
      ended ??= 'closed';
      child.kill('SIGKILL');
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
