/**
 * One engine in a process of its own. Reads commands as lines of JSON on standard input and answers each with one line;
 * bench/reference/step_torch.py speaks the same protocol (bench/protocol.ts). The end of standard input ends it, in the
 * middle of a command too: then its driver is gone.
 */
import { useBackend } from '../src/tensor/backend';
import { adamDecays } from '../src/tensor/optimiserKinds';
import { openSession, type Program, type Session } from '../src/tensor/program';
import { totalSize } from '../src/tensor/parameters';
import { tf } from '../src/tensor/tf';
import { kappaOf } from '../src/balance/kappa';
import { both } from '../src/modules';
import { initialState } from '../src/train/programs';
import { packStep, updateValues } from '../src/train/stepInputs';
import { unpackStep } from '../src/train/stepNumbers';
import { trainProgram } from '../src/train/trainProgram';
import { answerLines, timedSteps } from './answering';
import { benchBatch, benchConfigs, benchSetting, benchShape } from './model';
import { productLimit } from './limit';
import { isTorch, probeSize, type Command, type Reply, type StepKind } from './protocol';

interface Opened {
  sessions: Session[];
  step(kind: StepKind): Promise<{ loss: number; kappa: number | null }>;
}

function open(command: Extract<Command, { do: 'open' }>): {
  opened: Opened;
  parameters: number;
  openMs: number;
  notice: string | null;
} {
  const config = benchConfigs[command.config];
  const shape = benchShape(config, command.batch),
    probe = benchShape(config, probeSize);
  const setting = benchSetting(config, false, command.precision);
  const modules = ['encoder', 'backbone'] as const;
  const kinds = new Set(command.kinds);
  const programs: Record<string, Program> = { plain: trainProgram(setting, shape, modules, null) };
  if (kinds.has('kappaBatch'))
    programs['kappaBatch'] = trainProgram(setting, shape, modules, { variant: 'a', probe: null });
  if (kinds.has('kappaProbe')) programs['kappaProbe'] = trainProgram(setting, shape, modules, { variant: 'a', probe });
  const initial = initialState(setting, 0);
  const { eager, kernels = 'plain' } = command;
  const begun = performance.now();
  const session = openSession(programs, initial, { eager, kernels });
  const openMs = performance.now() - begun;
  const sessions = [session];
  const regularised = benchSetting(config, true, command.precision);
  const second = kinds.has('regularised')
    ? openSession({ regularised: trainProgram(regularised, shape, modules, null) }, initialState(regularised, 0), {
        eager,
        kernels,
      })
    : null;
  if (second !== null) sessions.push(second);

  const batch = benchBatch(config, command.batch, 'batch');
  const asked = benchBatch(config, probeSize, 'probe');
  const updates = { own: 0, regularised: 0 };
  const step = async (kind: StepKind) => {
    const own = kind === 'regularised' ? second : session;
    if (own === null) throw new Error(`the session was opened without "${kind}"`);
    const count = ++updates[kind === 'regularised' ? 'regularised' : 'own'];
    const { optimiser } = kind === 'regularised' ? regularised : setting;
    const update = both(() => updateValues(adamDecays(optimiser), count, command.rate));
    const inputs = packStep({
      batch,
      update,
      probe: kind === 'kappaProbe' ? asked : null,
      weights: { encoder: 0.5, backbone: 0.5 },
    });
    const { step: numbers, measure } = unpackStep(outputOf(await own.run(kind, inputs), 'numbers'));
    return { loss: numbers.loss, kappa: measure === null ? null : kappaOf(measure.dBackbone, measure.dEncoder).kappa };
  };
  const parameters = modules.reduce((sum, module) => sum + totalSize(setting.model.trainable[module]), 0);
  return { opened: { sessions, step }, parameters, openMs, notice: session.notice ?? null };
}

function outputOf(outputs: Record<string, Float32Array>, name: string): Float32Array {
  const values = outputs[name];
  if (values === undefined) throw new Error(`no output "${name}"`);
  return values;
}

async function main(): Promise<void> {
  let eager = false;
  let opened: Opened | null = null;
  const answer = async (command: Command): Promise<Reply> => {
    switch (command.do) {
      case 'start': {
        const { backend } = command;
        if (isTorch(backend)) throw new Error(`${backend} is not a backend of TensorFlow.js`);
        const facts = await useBackend({ name: backend, threads: command.threads });
        tf.tidy(() => tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).dataSync());
        return {
          did: 'start',
          engine: facts.name,
          device: facts.device,
          threads: facts.threads,
          versions: facts.versions,
          tensorflow: facts.tensorflow,
        };
      }
      case 'open': {
        eager = command.eager;
        const made = open(command);
        opened = made.opened;
        return { did: 'open', parameters: made.parameters, openMs: made.openMs, notice: made.notice };
      }
      case 'steps': {
        if (opened === null) throw new Error('open first');
        const { step } = opened;
        const cpu = process.cpuUsage();
        const { ms, found } = await timedSteps(command.steps, () => step(command.kind));
        const { user, system } = process.cpuUsage(cpu);
        return {
          did: 'steps',
          ms,
          cpuMs: (user + system) / 1000 / command.steps,
          ...(found.at(-1) ?? { loss: NaN, kappa: null }),
        };
      }
      case 'matmul':
        return { did: 'matmul', gflops: await productLimit(command.repeats, { eager }) };
      case 'memory':
        return { did: 'memory', rss: process.memoryUsage().rss, peak: process.resourceUsage().maxRSS * 1024 };
    }
  };
  await answerLines(answer);
  process.exit(0); // Dawn keeps the process alive
}

void main();
