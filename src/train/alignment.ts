/** The aligned encoder of a seed: from the cache, or trained now and cached. All methods of a seed start from it. */
import { existsSync, readFileSync } from 'node:fs';
import { cachePath, canonicalJson, sha256, writeWhole } from '../files';
import type { RunSpec } from '../manifest/run';
import { readSafetensors, writeSafetensors } from '../models/weights/safetensors';
import { modelCode } from '../models/inputs/modelCode';
import { usedParts } from '../ownParts';
import { saidCode } from '../parts/code';
import { codeOfOptimisers } from '../tensor/optimiserCode';
import { asFloat32 } from '../tensor/bfloat16';
import { adamDecays, alignmentOptimiser, type OptimiserSpec } from '../tensor/optimiserKinds';
import { valuesByName, vectorByName } from '../tensor/parameters';
import { openSession, type Program, type StateValue, type Values } from '../tensor/program';
import { valuesBetween } from '../tensor/tensorFile';
import { tf } from '../tensor/tf';
import { methodVersion } from '../version';
import { align, alignClassesProgram, classTargets } from './align';
import { alignmentItems } from './asked';
import { fillBatch, type BatchShape } from './batches';
import type { Prepared } from './prepare';
import { initialState, trained, type Setting } from './programs';
import { trainProgram } from './trainProgram';

/**
 * What the alignment phase makes of the encoder's parameters and the connector's, whichever module the connector
 * belongs to, in the flat vectors of both modules. Throws UserError for a damaged cache file.
 */
export async function alignedState(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Record<string, StateValue>> {
  const { model } = prepared.alignment;
  const phase = alignmentSetting(setting, model);
  const isSame = model === setting.model && phase.optimiser.kind === setting.optimiser.kind;
  const start = isSame ? initial : initialState(phase, spec.seed);
  const encoder = await alignedEncoder(spec, phase, prepared, start, onStage, signal);
  if (model === setting.model) return { 'encoder/theta': { ...initial['encoder/theta']!, data: encoder } };
  const aligned = valuesByName(model.trainable.encoder, encoder);
  return Object.fromEntries(
    trained(setting.model).map((module) => {
      const specs = setting.model.trainable[module];
      const { shape, data } = initial[`${module}/theta`]!;
      return [
        `${module}/theta`,
        { shape, data: vectorByName(specs, { ...valuesByName(specs, asFloat32(data)), ...aligned }) },
      ];
    }),
  );
}

/** The phase has one rate, tells nothing of parts or norms, and takes its own batches whole. */
export const alignmentSetting = (
  { partRates: _rates, toldParts: _told, parameterNorms: _norms, accumulate: _parts, ...setting }: Setting,
  model: Setting['model'],
): Setting => ({ ...setting, model, optimiser: alignmentOptimiser(setting.optimiser) });

/** As alignments that are in the cache since before LoRA+ have it: the phase has no adapters' rates. */
const loraRatioLeftOut = (spec: OptimiserSpec): object =>
  Object.fromEntries(Object.entries(spec).filter(([name]) => name !== 'loraRatio'));

/** The encoder's parameters after the alignment phase [size], from the cache where they are. */
async function alignedEncoder(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { align: options, seed, encoder, connector, backbone } = spec;
  // All methods of a seed share the phase: of parts from outside only those count that it trains.
  const own = usedParts({ ...spec, scheduler: { kind: '' }, regulariser: { kind: '' } });
  const code = saidCode({ ...modelCode(spec), ...codeOfOptimisers([setting.optimiser.kind]) });
  const start = asFloat32(initial['encoder/theta']!.data);
  const identity = sha256(
    canonicalJson({
      ...(own === undefined ? {} : { parts: own.sha256 }),
      ...(code === undefined ? {} : { code }),
      options,
      ...(spec.tiles === 1 ? {} : { tiles: spec.tiles }),
      ...(spec.precision === 'float32' ? {} : { precision: spec.precision }),
      ...(spec.checkpointing === 'none' ? {} : { checkpointing: spec.checkpointing }),
      seed,
      encoder,
      connector,
      backbone,
      optimiser: loraRatioLeftOut(setting.optimiser),
      set: prepared.set.identity,
      weights: prepared.weights,
      methodVersion,
      backend: tf.getBackend(),
      vocabulary: prepared.codec.vocabulary.ids,
      start: sha256(new Uint8Array(start.buffer, start.byteOffset, start.byteLength)),
    }),
  );
  const path = cachePath('alignment', `${identity.slice(0, 32)}.safetensors`);
  if (existsSync(path)) return readSafetensors(readFileSync(path), path).tensors['encoder/theta']!.data;
  const theta = await alignNow(spec, setting, prepared, initial, onStage, signal);
  writeWhole(path, writeSafetensors({ 'encoder/theta': { shape: [theta.length], data: theta } }));
  return theta;
}

/** What the phase trains on: its program, what state that needs, and its examples. */
interface AlignmentData {
  program: Program;
  reads: (name: string) => boolean;
  count: number;
  batchOf(indices: number[]): Record<string, Values>;
}

/** Captions, by the training objective of the encoder alone. */
function captionData(
  setting: Setting,
  { captions, alignment: { features } }: Prepared,
  shape: BatchShape,
): AlignmentData {
  return {
    program: trainProgram(setting, shape, ['encoder'], null),
    reads: (name) => name.startsWith('frozen/'),
    count: captions.length,
    batchOf: (indices) =>
      fillBatch(
        indices.map((i) => captions[i]!),
        features,
        shape,
      ),
  };
}

/** Sounds and their classes. */
function classData(setting: Setting, prepared: Prepared, shape: BatchShape): AlignmentData {
  const sounds = alignmentItems(prepared.set);
  return {
    program: alignClassesProgram(setting, shape, classWords(prepared)),
    reads: () => false,
    count: sounds.length,
    batchOf(indices) {
      const items = indices.map((i) => sounds[i]!);
      const features = new Float32Array(shape.batch * shape.rows * shape.width);
      items.forEach((item, row) =>
        features.set(prepared.alignment.features(item.media), row * shape.rows * shape.width),
      );
      return { features, targets: classTargets(items, prepared.set.classes) };
    },
  };
}

async function alignNow(
  { align: options, seed }: RunSpec,
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const bySound = prepared.captions.length === 0;
  const { batch } = options;
  const { program, reads, count, batchOf } = (bySound ? classData : captionData)(
    setting,
    prepared,
    prepared.alignment.shape(batch),
  );
  const state = Object.fromEntries(
    Object.entries(initial).filter(
      ([name]) => name.startsWith('encoder/') || name.startsWith('backbone/theta') || reads(name),
    ),
  );
  const session = openSession({ align: program }, state);
  try {
    let step = 0;
    for await (const loss of align(session, options, seed, count, batchOf, batch, adamDecays(setting.optimiser))) {
      signal?.throwIfAborted();
      step += 1;
      if (step % 5 === 0) await new Promise((resolve) => setImmediate(resolve)); // so that `signal` can fire
      if (step % 20 === 0 || step === options.steps)
        onStage(`alignment ${step}/${options.steps}, loss ${loss.toFixed(3)}`);
    }
    return await session.read('encoder/theta');
  } finally {
    session.dispose();
  }
}

/** Embedding of each class word: the mean over its tokens. */
function classWords({ set, codec, tokenEmbedding }: Prepared): Float32Array[] {
  const { data, shape } = tokenEmbedding;
  const width = shape[1]!;
  const prompt = set.items[0]!.prompt;
  return set.classes.map((name) => {
    const ids = codec.answer(prompt, name);
    const word = new Float32Array(width);
    for (const id of ids)
      asFloat32(valuesBetween(data, id * width, (id + 1) * width)).forEach(
        (value, i) => (word[i]! += value / ids.length),
      );
    return word;
  });
}
