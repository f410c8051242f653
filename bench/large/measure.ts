/** Measures one case at the paper's sizes: engines in turn, as many at once as memory has room for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readResources } from '../../src/runner/resources';
import type { Precision } from '../../src/tensor/precision';
import { NotMeasured, startProcess, type EngineProcess } from '../engineProcess';
import { largeEngines, type LargeCase, type LargeEngineName } from './cases';
import { memoryOf, watchAnonymous } from './memory';
import { planLarge, type LargePlan } from './model';
import type { LargeCommand, LargeKind, LargeReply } from './protocol';
import type { LargeCaseResult, LargeOutcome, LargePair, LargeResult } from './record';

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

/** One process of a case: an engine with the kinds of step that it takes. */
export interface Member {
  engine: LargeEngineName;
  kinds: readonly LargeKind[];
  /** predicted peak, bytes */
  bytes: number;
}

/** The processes of a case. Steps with the regulariser have a state of their own, and so a process. */
export function membersOf({ engines, kinds }: LargeCase, plan: LargeCaseResult['plan']): Member[] {
  const member = (engine: LargeEngineName, own: readonly LargeKind[]): Member => {
    // PyTorch is taken to need what the product needs.
    const { memory } = plan[largeEngines[engine].precision]!;
    return { engine, kinds: own, bytes: Math.max(...own.map((kind) => memory[kind])) };
  };
  const measures = (engine: LargeEngineName): boolean => largeEngines[engine].kernels === 'fused';
  return [
    ...engines.map((engine) =>
      member(engine, ['plain', ...(measures(engine) && kinds.includes('kappa') ? (['kappa'] as const) : [])]),
    ),
    ...engines
      .filter((engine) => measures(engine) && kinds.includes('regularised'))
      .map((engine) => member(engine, ['regularised'])),
  ];
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
  /** steps of each kind in a round; 0: one, in the first round alone */
  steps: Partial<Record<LargeKind, number>>;
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
    const [kind, ...more] = member.kinds as [LargeKind, ...LargeKind[]];
    const { versions } = await process.ask({ do: 'start', threads }, longest);
    const { notice } = await process.ask(
      { do: 'open', folder, batch, precision, kernels, checkpointing, kinds: member.kinds },
      longest,
    );
    const steps: Ready['steps'] = {};
    const inRound = (ms: number, share: number) => Math.min(6, Math.round((1000 * share * seconds) / ms));
    const first = await process.ask({ do: 'steps', kind, steps: 1 }, longest);
    const openSeconds = (performance.now() - begun) / 1000;
    const isSlow = first.ms[0]! > slowMs;
    const second = isSlow ? first : await process.ask({ do: 'steps', kind, steps: 1 }, longest);
    steps[kind] = Math.max(1, inRound(second.ms[0]!, 1));
    const anonymous = watch.stop();
    const memory = memoryOf(process.pid ?? 0);
    for (const other of more) {
      const { ms } = await process.ask({ do: 'steps', kind: other, steps: 1 }, longest);
      steps[other] = inRound(ms[0]!, 0.5);
    }
    const result: LargeResult = {
      versions,
      notice,
      openSeconds: Number(openSeconds.toFixed(2)),
      ms: {},
      gflops: [],
      loss: isSlow ? first.loss : [...first.loss, ...second.loss],
      memory: memory === null ? null : { ...memory, anonymous },
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
  for (const kind of member.kinds) {
    const count = steps[kind]! === 0 && round === 0 ? 1 : steps[kind]!;
    if (count === 0) continue;
    const { ms } = await process.ask({ do: 'steps', kind, steps: count }, longest);
    (result.ms[kind] ??= []).push(...ms.map((value) => Number(value.toFixed(2))));
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
        say(`${member.engine} ${member.kinds.join(', ')}: ready`);
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
  const plan: Partial<Record<Precision, LargePlan>> = {};
  for (const { precision } of engines.map((name) => largeEngines[name]))
    plan[precision] ??= planLarge(size, batch, { precision, checkpointing });
  const outcomes: LargeCaseResult['engines'] = {};
  const tell = ({ engine, kinds }: Member, outcome: LargeOutcome) => {
    const known = outcomes[engine];
    if (kinds[0] !== 'regularised') outcomes[engine] = outcome;
    else if (known?.ok && outcome.ok) Object.assign(known.ms, outcome.ms);
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
    const member: Member = { engine: 'bfloat16', kinds: ['plain'], bytes: 0 };
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
