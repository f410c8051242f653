/**
 * The engines of the benchmark and their processes: each runs alone in a child process, so that memory and threads are
 * its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Kernels } from '../src/tensor/kernels';
import type { Precision } from '../src/tensor/precision';
import type { Command, Reply } from './protocol';

export type EngineName =
  | 'recorded'
  | 'fused'
  | 'bfloat16'
  | 'eager'
  | 'wasm'
  | 'webgpu'
  | 'torch'
  | 'torch-compile'
  | 'webgpu-bfloat16'
  | 'torch-gpu'
  | 'torch-gpu-bfloat16';

export interface Engine {
  name: EngineName;
  title: string;
  backend: Extract<Command, { do: 'start' }>['backend'];
  eager: boolean;
  /** left out, the plain ones */
  kernels?: Kernels;
  /** of the training pass; left out: float32 */
  precision?: Precision;
  language: 'typescript' | 'python';
}

export const engines: readonly Engine[] = [
  { name: 'recorded', title: 'TensorFlow, recorded', backend: 'tensorflow', eager: false, language: 'typescript' },
  {
    name: 'fused',
    title: 'TensorFlow, recorded, fused',
    backend: 'tensorflow',
    eager: false,
    kernels: 'fused',
    language: 'typescript',
  },
  {
    name: 'bfloat16',
    title: 'TensorFlow, recorded, bfloat16',
    backend: 'tensorflow',
    eager: false,
    precision: 'bfloat16',
    language: 'typescript',
  },
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

/** Engines that are measured when they are named alone (`--only`): they want a GPU (bench/gpu.sh). */
export const gpuEngines: readonly Engine[] = [
  {
    name: 'webgpu-bfloat16',
    title: 'WebGPU, bfloat16',
    backend: 'webgpu',
    eager: true,
    precision: 'bfloat16',
    language: 'typescript',
  },
  { name: 'torch-gpu', title: 'PyTorch, CUDA', backend: 'torch-gpu', eager: true, language: 'python' },
  {
    name: 'torch-gpu-bfloat16',
    title: 'PyTorch, CUDA, autocast',
    backend: 'torch-gpu-bfloat16',
    eager: true,
    language: 'python',
  },
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
  /** of the process; undefined when it did not start */
  pid: number | undefined;
}

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
function spawnEngine({ language }: Engine, threads: number) {
  const python = process.env['EQUIPOISE_PYTHON'] ?? 'python3';
  const [program, args] =
    language === 'python'
      ? ([python, ['-u', join(__dirname, 'reference', 'step_torch.py')]] as const)
      : ([process.execPath, [join(__dirname, 'worker.cjs')]] as const);
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
  waiting: ((reply: Reply) => void) | null;
}

function settle(conversation: Conversation, reply: Reply): void {
  const tell = conversation.waiting;
  conversation.waiting = null;
  tell?.(reply);
}

/** The first reason stays; whoever waits is told. */
function end(conversation: Conversation, reason: string): void {
  conversation.ended ??= reason;
  settle(conversation, { did: 'failed', message: conversation.ended });
}

/** Listens to a process until it ends. */
function listen(child: ReturnType<typeof spawnEngine>, { language }: Engine): Conversation {
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
    if (line.startsWith('{')) settle(conversation, JSON.parse(line) as Reply); // libraries print other things
  });
  return conversation;
}

/** Starts the process of an engine; nothing is loaded yet. */
export function startEngine(engine: Engine, threads: number): EngineProcess {
  const child = spawnEngine(engine, threads);
  live.add(child);
  const conversation = listen(child, engine);
  return {
    pid: child.pid,
    async ask<D extends Command['do']>(command: Extract<Command, { do: D }>, seconds = defaultSeconds) {
      if (conversation.ended !== null) throw new NotMeasured(conversation.ended);
      let clock: NodeJS.Timeout | undefined;
      const reply = await new Promise<Reply>((resolve) => {
        conversation.waiting = resolve;
        clock = setTimeout(() => {
          end(conversation, `no answer to "${command.do}" in ${seconds} s`);
          endGroup(child);
        }, seconds * 1000);
        child.stdin.write(`${JSON.stringify(command)}\n`);
      });
      clearTimeout(clock);
      if (reply.did === 'failed') throw new NotMeasured(reply.message);
      if (reply.did !== command.do) throw new Error(`asked to ${command.do}, the engine answered ${reply.did}`);
      return reply as Extract<Reply, { did: D }>;
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
