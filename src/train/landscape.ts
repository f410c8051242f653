/**
 * The loss over the two modules' parameter directions, and the way that training took through it: a slice of the
 * parameter space through the run's own start and end. Directions: the encoder's and the backbone's displacement over
 * the run; coordinates (0, 0) are the parameters after the first step, (1, 1) the last.
 */
import { runDefaults } from '../manifest/defaults';
import type { RunSpec } from '../manifest/run';
import { random } from '../random';
import { evaluatedPiece } from '../tensor/optimiserKinds';
import { openSession, type Session } from '../tensor/program';
import { fillBatch, type Example } from './batches';
import type { Prepared } from './prepare';
import { initialState, scoreProgram, type Setting } from './programs';
import { both, moduleNames, type PerModule } from '../modules';
import type { JournalRecord } from './records';
import { trainPrepared } from './run';

/**
 * A place on the way of the run. `outside`: distance from the plane over the length of the module's whole displacement.
 */
export interface PathPoint {
  step: number;
  encoder: number;
  backbone: number;
  /** nats a label token, of the probe */
  loss: number;
  outside: PerModule<number>;
}

export interface Landscape {
  format: 'equipoise-landscape/1';
  /** coordinates of the grid, the same on both axes */
  axis: number[];
  /** nats a label token: [encoder coordinate][backbone coordinate] */
  loss: number[][];
  path: PathPoint[];
  /** training questions in the probe on which all losses are measured */
  questions: number;
}

export interface LandscapeOptions {
  /** grid points along each axis */
  points: number;
  /** told every record of the training, in order */
  onRecord: (record: JournalRecord) => void;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Places kept of a run: the first step, the last, and evenly between. */
const mostPlaces = 60;
const probeQuestions = 64;
const probeBatch = 32;
/** The grid goes this far beyond start and end, in displacements. */
const margin = 0.35;

type Theta = PerModule<Float32Array>;

/**
 * Trains the run once more, keeping its parameters on the way, and measures the loss around them.
 * Throws Error for a run in which a module does not move: there is no direction then.
 */
export async function lossLandscape(
  spec: RunSpec,
  prepared: Prepared,
  steps: number,
  options: LandscapeOptions,
): Promise<Landscape> {
  const places = await trainedPlaces(spec, prepared, steps, options);
  const [start, end] = [places[0]!.theta, places.at(-1)!.theta];
  const direction = both((module) => subtract(end[module], start[module]));
  for (const module of moduleNames)
    if (norm(direction[module]) === 0)
      throw new Error(`the ${module} did not move in this run: there is no direction to look along`);

  const { optimiser } = runDefaults; // nothing is trained here
  const vocabulary = prepared.codec.vocabulary.ids.length;
  const setting: Setting = { model: prepared.model, vocabulary, optimiser, regulariser: { kind: 'none' } };
  const session = openSession(
    { score: scoreProgram(setting, prepared.shape(probeBatch)) },
    initialState(setting, spec.seed),
    { kernels: spec.kernels },
  );
  const probe = random(prepared.set.identity, 'landscape').shuffle(prepared.examples.train).slice(0, probeQuestions);
  try {
    const path: PathPoint[] = [];
    for (const { step, theta } of places) {
      const at = both((module) => along(subtract(theta[module], start[module]), direction[module]));
      path.push({
        step,
        encoder: at.encoder.coordinate,
        backbone: at.backbone.coordinate,
        loss: await probeLoss(session, prepared, probe, theta),
        outside: both((module) => at[module].outside),
      });
    }
    const coordinates = moduleNames.flatMap((module) => path.map((point) => point[module]));
    const [low, high] = [Math.min(0, ...coordinates) - margin, Math.max(1, ...coordinates) + margin];
    const axis = Array.from({ length: options.points }, (_, i) => low + ((high - low) * i) / (options.points - 1));
    const loss: number[][] = [];
    for (const a of axis) {
      const encoder = moved(start.encoder, direction.encoder, a);
      const row: number[] = [];
      for (const b of axis) {
        options.signal?.throwIfAborted();
        row.push(
          await probeLoss(session, prepared, probe, {
            encoder,
            backbone: moved(start.backbone, direction.backbone, b),
          }),
        );
      }
      loss.push(row);
      options.onProgress?.(loss.length, axis.length);
    }
    return { format: 'equipoise-landscape/1', axis, loss, path, questions: probe.length };
  } finally {
    session.dispose();
  }
}

/** The parameters after the first step, the last, and about `mostPlaces` between them. */
async function trainedPlaces(
  spec: RunSpec,
  prepared: Prepared,
  steps: number,
  { onRecord, signal }: LandscapeOptions,
): Promise<{ step: number; theta: Theta }[]> {
  const stride = Math.max(1, Math.ceil(steps / mostPlaces));
  const piece = evaluatedPiece(spec.optimiser);
  const places: { step: number; theta: Theta }[] = [];
  const records = trainPrepared(spec, prepared, {
    ...(signal === undefined ? {} : { signal }),
    checkpoints: {
      due: (step) => step === 1 || step % stride === 0 || step === steps,
      save: ({ loop, tensors }) =>
        places.push({
          step: loop.step,
          theta: both((module) => Float32Array.from(tensors[`${module}/${piece}`]?.data ?? [])),
        }),
    },
  });
  for (;;) {
    const next = await records.next();
    if (next.done === true) return places;
    onRecord(next.value);
  }
}

/** Mean cross-entropy of the probe's answers, nats a label token. */
async function probeLoss(
  session: Session,
  prepared: Prepared,
  probe: readonly Example[],
  theta: Theta,
): Promise<number> {
  for (const module of moduleNames) if (theta[module].length > 0) await session.write(`${module}/theta`, theta[module]);
  const shape = prepared.shape(probeBatch);
  let [sum, count] = [0, 0];
  for (let from = 0; from < probe.length; from += probeBatch) {
    const rows = probe.slice(from, from + probeBatch);
    const { labels } = await session.run('score', fillBatch(rows, prepared.features, shape));
    rows.forEach((example, row) => {
      const length = example.tokens.length - example.answerFrom;
      for (let i = 0; i < length; i++) sum -= labels![row * shape.labels + i]!;
      count += length;
    });
  }
  return sum / count;
}

const subtract = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - b[i]!);
const moved = (from: Float32Array, direction: Float32Array, by: number): Float32Array =>
  from.map((value, i) => value + by * direction[i]!);
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (a: Float32Array): number => Math.sqrt(dot(a, a));

/** Where a displacement lies along a direction, in units of it, and how far beside. */
function along(displacement: Float32Array, direction: Float32Array): { coordinate: number; outside: number } {
  const length = dot(direction, direction);
  const coordinate = dot(displacement, direction) / length;
  return { coordinate, outside: Math.sqrt(Math.max(0, dot(displacement, displacement) / length - coordinate ** 2)) };
}
