/** Measures one case at the paper's sizes: engines in turn, as many at once as memory has room for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readResources } from '../../src/runner/resources';
import { NotMeasured, startProcess, type EngineProcess } from '../engineProcess';
import { largeEngines, type LargeCase, type LargeEngineName } from './cases';
import { memoryOf, watchAnonymous } from './memory';
import { planLarge } from './model';
import type { LargeCommand, LargeKind, LargeReply } from './protocol';
import { planFor, type LargeCaseResult, type LargeOutcome, type LargePair, type LargeResult } from './record';

export interface LargeEffort {
  rounds: number;
  /** of plain steps of one engine in a round; of the other kinds half as long */
  seconds: number;
  threads: number;
}

type LargeProcess = EngineProcess<LargeCommand, LargeReply>;

/** A command of a model of billions of parameters may take as long. */
const longest = 1800;
/** A step that takes longer is slow: it needs no warming, and few of them are taken. */
const slowMs = 30_000;
const slowTurns = 2;
/** Of the memory that is free, what processes together may be predicted to need. */
const usable = 0.92;

/** One process of a case: an engine that takes one kind of step, so that its memory is that of this kind. */
export interface Member {
  engine: LargeEngineName;
  kind: LargeKind;
  /** predicted peak, bytes */
  bytes: number;
}

/** The processes of a case: plain steps of every engine, the other kinds of those with fused kernels. */
export function membersOf({ engines, kinds }: LargeCase, plan: LargeCaseResult['plan']): Member[] {
  return (['plain', ...kinds] as const).flatMap((kind) =>
    engines
      .filter((engine) => kind === 'plain' || largeEngines[engine].kernels === 'fused')
      .map((engine) => ({ engine, kind, bytes: planFor({ plan }, engine).memory[kind] })),
  );
}

/** Processes that run at the same time: as many as there is room for, in their order. */
export function groupsOf(members: readonly Member[], free: number): Member[][] {
  const groups: Member[][] = [];
  let left = 0;
  for (const member of members) {
    if (groups.length === 0 || member.bytes > left) {
      groups.push([]);
      left = free;
    }
    groups.at(-1)!.push(member);
    left -= member.bytes;
  }
  return groups;
}

/** A process that is ready for its rounds. */
interface Ready {
  member: Member;
  process: LargeProcess;
  result: LargeResult;
  /** steps in a round; 0: one, in the first round alone */
  steps: number;
  /** rounds in which it takes part */
  turns: number;
}

const launch = (engine: LargeEngineName, threads: number): LargeProcess =>
  largeEngines[engine].language === 'python'
    ? startProcess('python', 'reference/large_torch.py', threads)
    : startProcess('typescript', 'large/worker.cjs', threads);

/** Opens a model and takes its first steps. Throws NotMeasured when it cannot be had. */
async function makeReady(
  member: Member,
  { batch, checkpointing }: LargeCase,
  folder: string,
  { rounds, seconds, threads }: LargeEffort,
): Promise<Ready> {
  const { precision, kernels } = largeEngines[member.engine];
  const begun = performance.now();
  const process = launch(member.engine, threads);
  const watch = watchAnonymous(process.pid ?? 0);
  try {
    const { kind } = member;
    const { versions } = await process.ask({ do: 'start', threads }, longest);
    const { notice } = await process.ask(
      { do: 'open', folder, batch, precision, kernels, checkpointing, kind },
      longest,
    );
    const first = await process.ask({ do: 'steps', steps: 1 }, longest);
    const openSeconds = (performance.now() - begun) / 1000;
    const isSlow = first.ms[0]! > slowMs;
    const second = isSlow ? first : await process.ask({ do: 'steps', steps: 1 }, longest);
    const share = kind === 'plain' ? 1 : 0.5;
    const inRound = Math.min(6, Math.round((1000 * share * seconds) / second.ms[0]!));
    const steps = kind === 'plain' ? Math.max(1, inRound) : inRound;
    const anonymous = watch.stop();
    const memory = memoryOf(process.pid ?? 0);
    const result: LargeResult = {
      versions,
      notice,
      openSeconds: Number(openSeconds.toFixed(2)),
      ms: {},
      gflops: [],
      loss: isSlow ? first.loss : [...first.loss, ...second.loss],
      memory: memory === null ? {} : { [kind]: { ...memory, anonymous } },
    };
    return { member, process, result, steps, turns: isSlow ? Math.min(slowTurns, rounds) : rounds };
  } catch (error) {
    watch.stop();
    process.close();
    throw error;
  }
}

async function oneRound({ process, result, steps, member }: Ready, round: number): Promise<void> {
  await sleep(200); // threads of the engine before stop spinning
  const count = steps === 0 && round === 0 ? 1 : steps;
  if (count > 0) {
    const { ms } = await process.ask({ do: 'steps', steps: count }, longest);
    (result.ms[member.kind] ??= []).push(...ms.map((value) => Number(value.toFixed(2))));
  }
  result.gflops.push(Number((await process.ask({ do: 'matmul', repeats: 2 })).gflops.toFixed(2)));
}

/** Measures processes that run at the same time, in turn. */
async function measureGroup(
  members: readonly Member[],
  given: LargeCase,
  folder: string,
  effort: LargeEffort,
  tell: (member: Member, outcome: LargeOutcome) => void,
  say: (line: string) => void,
): Promise<void> {
  const live: Ready[] = [];
  const drop = (member: Member, error: unknown) => {
    if (!(error instanceof NotMeasured)) throw error;
    tell(member, { ok: false, reason: error.message });
    say(`${member.engine}: ${error.message}`);
  };
  try {
    for (const member of members)
      try {
        live.push(await makeReady(member, given, folder, effort));
        say(`${member.engine} ${member.kind}: ready`);
      } catch (error) {
        drop(member, error);
      }
    for (let round = 0; round < effort.rounds; round++) {
      for (const one of live.filter(({ turns }) => round < turns))
        try {
          await oneRound(one, round);
        } catch (error) {
          drop(one.member, error);
          one.process.close();
          live.splice(live.indexOf(one), 1);
        }
      say(`round ${round + 1} of ${effort.rounds}`);
    }
    for (const { member, result } of live) tell(member, { ok: true, ...result });
  } finally {
    for (const { process } of live) process.close();
  }
}

/** Has the product make the files of frozen weights that its engines map. Throws NotMeasured when it cannot. */
export async function prepareFiles({ engines }: LargeCase, folder: string, threads: number): Promise<void> {
  const own = engines.map((name) => largeEngines[name]).filter(({ language }) => language === 'typescript');
  const process = launch('bfloat16', threads);
  try {
    await process.ask({ do: 'start', threads }, longest);
    for (const precision of new Set(own.map((engine) => engine.precision)))
      await process.ask({ do: 'prepare', folder, precision }, longest);
  } finally {
    process.close();
  }
}

/** Measures one case on the checkpoint in `folder`; engines that cannot be had carry the reason instead of numbers. */
export async function measureCase(
  given: LargeCase,
  folder: string,
  effort: LargeEffort,
  say: (line: string) => void,
): Promise<LargeCaseResult> {
  const { size, batch, checkpointing, engines } = given;
  const plan: LargeCaseResult['plan'] = {};
  for (const name of engines) {
    const { language, precision, kernels } = largeEngines[name];
    if (language === 'typescript') plan[name] = planLarge(size, batch, { precision, checkpointing, kernels });
  }
  const outcomes: LargeCaseResult['engines'] = {};
  const tell = ({ engine, kind }: Member, outcome: LargeOutcome) => {
    const known = outcomes[engine];
    if (kind === 'plain') outcomes[engine] = outcome;
    else if (known?.ok && outcome.ok) {
      Object.assign(known.ms, outcome.ms);
      Object.assign(known.memory, outcome.memory);
    } else say(`${engine} ${kind}: ${outcome.ok ? 'its plain steps have no numbers' : outcome.reason}`);
  };
  const free = usable * readResources(false).memory;
  const members = membersOf(given, plan).filter((member) => {
    const isPossible = member.bytes <= free;
    if (!isPossible)
      tell(member, {
        ok: false,
        reason: `${gigabytes(member.bytes)} are predicted, and ${gigabytes(free)} may be taken`,
      });
    return isPossible;
  });
  for (const group of groupsOf(members, free)) await measureGroup(group, given, folder, effort, tell, say);
  return {
    size,
    batch,
    checkpointing,
    date: new Date().toISOString().slice(0, 10),
    threads: effort.threads,
    rounds: effort.rounds,
    plan,
    engines: outcomes,
    pair: given.pair ? await pairOf(given, folder, effort) : null,
  };
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Two processes of the product on one checkpoint, after a few steps of each. */
async function pairOf(given: LargeCase, folder: string, effort: LargeEffort): Promise<LargePair | { reason: string }> {
  const live: Ready[] = [];
  const sizeOf = () => live.map(({ process }) => memoryOf(process.pid ?? 0)?.proportional ?? NaN);
  try {
    const member: Member = { engine: 'bfloat16', kind: 'plain', bytes: 0 };
    live.push(await makeReady(member, given, folder, effort));
    const [one] = sizeOf() as [number];
    live.push(await makeReady(member, given, folder, effort));
    const both = sizeOf().reduce((sum, bytes) => sum + bytes, 0);
    return Number.isNaN(both) ? { reason: 'this system does not tell what processes share' } : { one, both };
  } catch (error) {
    if (error instanceof NotMeasured) return { reason: error.message };
    throw error;
  } finally {
    for (const { process } of live) process.close();
  }
}
