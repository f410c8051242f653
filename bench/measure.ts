/**
 * Measures one size (configuration and batch): memory of each engine by itself, then all engines in turn, round by
 * round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NotMeasured } from './engineProcess';
import { startEngine, type Engine, type EngineName, type StepProcess } from './engines';
import { benchConfigs, stepFlops, type BenchConfigName } from './model';
import { stepKinds, type StepKind } from './protocol';
import type { EngineOutcome, EngineResult, PairResult, SizeResult } from './record';

export interface Effort {
  rounds: number;
  /** of steps of one kind in a round, if a step is short enough */
  seconds: number;
  /** in a round at most */
  steps: number;
  threads: number;
  /** that an engine's rounds take together: a slow engine has its turn in fewer of them */
  engineSeconds: number;
}

/** Rounds that even a slow engine takes part in. */
const fewestRounds = 3;

/** An engine whose step takes longer than this is not measured: a table would not be worth the hours. */
const longestStep = 60_000;
const rate = 1e-4;

/** An engine that is ready for its rounds. */
interface Ready {
  engine: Engine;
  process: StepProcess;
  result: EngineResult;
  /** steps of each kind in a round */
  steps: Record<StepKind, number>;
  /** rounds in which it takes part */
  turns: number;
}

/** Steps of each kind that a round has room for, and the time that they take together, by a first few of each. */
async function roundOf(
  engine: Engine,
  process: StepProcess,
  effort: Effort,
): Promise<{ steps: Record<StepKind, number>; roundMs: number }> {
  const steps = {} as Record<StepKind, number>;
  let roundMs = 0;
  for (const kind of stepKinds) {
    const [first] = (await process.ask({ do: 'steps', kind, steps: 1 })).ms as [number];
    // a slow first step may have been compiling
    const more = first <= 3000 ? 2 : engine.name === 'torch-compile' ? 1 : 0;
    const ms = Math.min(first, ...(more === 0 ? [] : (await process.ask({ do: 'steps', kind, steps: more })).ms));
    if (ms > longestStep) throw new NotMeasured(`a step takes ${Math.round(ms / 1000)} s`);
    steps[kind] = Math.max(1, Math.min(effort.steps, Math.round((1000 * effort.seconds) / ms)));
    roundMs += steps[kind] * ms;
  }
  return { steps, roundMs };
}

/**
 * Measures an engine's memory and opens the model in a second process; `onParameters` hears the size of the model.
 * Throws NotMeasured when it cannot be had.
 */
async function makeReady(
  engine: Engine,
  { config, batch }: { config: BenchConfigName; batch: number },
  effort: Effort,
  onParameters: (parameters: number) => void,
): Promise<Ready> {
  const memory = await memoryOf(engine, config, batch, effort.threads);
  const process = startEngine(engine, effort.threads);
  try {
    const started = await process.ask({ do: 'start', backend: engine.backend, threads: effort.threads });
    const opened = await process.ask({ do: 'open', config, batch, kinds: [...stepKinds], ...howOf(engine), rate });
    onParameters(opened.parameters);
    const { steps, roundMs } = await roundOf(engine, process, effort);
    const { device, threads, versions, tensorflow } = started;
    const result: EngineResult = {
      device,
      threads,
      versions: { ...versions, ...(tensorflow ? { tensorflow } : {}) },
      notice: opened.notice,
      openMs: opened.openMs,
      ms: {},
      gflops: [],
      memory,
      loss: {},
    };
    return { engine, process, result, steps, turns: turnsOf(roundMs, effort) };
  } catch (error) {
    process.close();
    throw error;
  }
}

/** Measures the given engines; those that cannot be had carry the reason instead of numbers. */
export async function measureSize(
  config: BenchConfigName,
  batch: number,
  chosen: readonly Engine[],
  effort: Effort,
  say: (line: string) => void,
): Promise<SizeResult> {
  const { patches, textTokens } = benchConfigs[config];
  const outcomes: Partial<Record<EngineName, EngineOutcome>> = {};
  const live: Ready[] = [];
  let parameters: number | null = null;
  const drop = (engine: Engine, error: unknown) => {
    if (!(error instanceof NotMeasured)) throw error;
    outcomes[engine.name] = { ok: false, reason: error.message };
    say(`${config} ${batch} ${engine.name}: ${error.message}`);
  };
  try {
    for (const engine of chosen) {
      try {
        live.push(await makeReady(engine, { config, batch }, effort, (count) => (parameters = count)));
        say(`${config} ${batch} ${engine.name}: ready`);
      } catch (error) {
        drop(engine, error);
      }
    }
    for (let round = 0; round < effort.rounds; round++) {
      for (const one of live.filter(({ turns }) => hasTurn(round, turns, effort.rounds))) {
        try {
          await oneRound(one.process, one.result, one.steps);
        } catch (error) {
          drop(one.engine, error);
          one.process.close();
          live.splice(live.indexOf(one), 1);
        }
      }
      say(`${config} ${batch}: round ${round + 1} of ${effort.rounds}`);
    }
    for (const { engine, result } of live) outcomes[engine.name] = { ok: true, ...result };
  } finally {
    for (const { process } of live) process.close();
  }
  const recorded = chosen.find(({ name }) => name === 'recorded');
  const pair = recorded === undefined ? { reason: 'not asked for' } : await pairOf(recorded, config, batch, effort);
  return {
    config,
    batch,
    parameters,
    flops: stepFlops(benchConfigs[config], batch),
    tokens: batch * (patches + textTokens),
    engines: outcomes,
    pair,
  };
}

/** How an engine computes its steps. */
const howOf = ({ eager, kernels = 'plain', precision }: Engine) => ({
  eager,
  kernels,
  ...(precision === undefined ? {} : { precision }),
});

/** Idle size and highest size of a process that does nothing but train a few steps. */
async function memoryOf(
  engine: Engine,
  config: BenchConfigName,
  batch: number,
  threads: number,
): Promise<{ idle: number; peak: number }> {
  const process = startEngine(engine, threads);
  try {
    await process.ask({ do: 'start', backend: engine.backend, threads });
    const idle = (await process.ask({ do: 'memory' })).rss;
    await process.ask({ do: 'open', config, batch, kinds: ['plain'], ...howOf(engine), rate });
    await process.ask({ do: 'steps', kind: 'plain', steps: 3 });
    return { idle, peak: (await process.ask({ do: 'memory' })).peak };
  } finally {
    process.close();
  }
}

/** In how many rounds an engine takes part whose part of one takes `roundMs`. */
export const turnsOf = (roundMs: number, { rounds, engineSeconds }: Pick<Effort, 'rounds' | 'engineSeconds'>): number =>
  Math.min(rounds, Math.max(fewestRounds, Math.floor((1000 * engineSeconds) / roundMs)));

/** Whether an engine with that many turns has one in this round (from 0); turns are spread evenly. */
export const hasTurn = (round: number, turns: number, rounds: number): boolean =>
  Math.floor(((round + 1) * turns) / rounds) > Math.floor((round * turns) / rounds);

async function oneRound(process: StepProcess, result: EngineResult, steps: Record<StepKind, number>): Promise<void> {
  await sleep(200); // threads of the engine before stop spinning
  if (steps.plain > 1) await process.ask({ do: 'steps', kind: 'plain', steps: 1 }); // and this one's caches fill
  for (const kind of stepKinds) {
    const { ms, loss } = await process.ask({ do: 'steps', kind, steps: steps[kind] });
    (result.ms[kind] ??= []).push(...ms.map((value) => Number(value.toFixed(3))));
    result.loss[kind] = loss;
  }
  result.gflops.push(Number((await process.ask({ do: 'matmul', repeats: 2 })).gflops.toFixed(2)));
}

/** Two single-threaded processes at once, and one two-threaded, in turn. */
async function pairOf(
  engine: Engine,
  config: BenchConfigName,
  batch: number,
  effort: Effort,
): Promise<PairResult | { reason: string }> {
  const processes = [2, 1, 1].map((threads) => ({ threads, process: startEngine(engine, threads) }));
  const [both, ...single] = processes.map(({ process }) => process) as [StepProcess, StepProcess, StepProcess];
  try {
    for (const { threads, process } of processes) {
      await process.ask({ do: 'start', backend: engine.backend, threads });
      await process.ask({ do: 'open', config, batch, kinds: ['plain'], ...howOf(engine), rate });
      await process.ask({ do: 'steps', kind: 'plain', steps: 3 });
    }
    const warm = await both.ask({ do: 'steps', kind: 'plain', steps: 3 });
    const steps = Math.max(3, Math.min(4 * effort.steps, Math.round((2000 * effort.seconds) / Math.min(...warm.ms))));
    const wall = async (workers: StepProcess[]) => {
      const begun = performance.now();
      await Promise.all(workers.map((worker) => worker.ask({ do: 'steps', kind: 'plain', steps })));
      return Number((performance.now() - begun).toFixed(2));
    };
    const result: PairResult = { steps, alone: [], together: [] };
    for (let round = 0; round < effort.rounds; round++) {
      result.alone.push(await wall([both]));
      result.together.push(await wall(single));
    }
    return result;
  } catch (error) {
    if (error instanceof NotMeasured) return { reason: error.message };
    throw error;
  } finally {
    for (const { process } of processes) process.close();
  }
}
