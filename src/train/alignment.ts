/** The aligned encoder of a seed: from the cache, or trained now and cached. All methods of a seed start from it. */
import { existsSync, readFileSync } from 'node:fs';
import { cachePath, canonicalJson, sha256, writeWhole } from '../files';
import type { RunSpec } from '../manifest/run';
import { readSafetensors, writeSafetensors } from '../models/safetensors';
import { optimiserOptions } from '../tensor/optimiser';
import { valuesByName, vectorByName } from '../tensor/parameters';
import { openSession, type StateValue } from '../tensor/program';
import { tf } from '../tensor/tf';
import { methodVersion } from '../version';
import { align, alignClassesProgram, classTargets } from './align';
import { fillBatch } from './batches';
import type { Prepared } from './prepare';
import { initialState, type Setting } from './programs';
import { trainProgram } from './trainProgram';
import { moduleNames } from '../modules';

/** Examples of the alignment's batch when the manifest names none: captions cost a pass of the backbone, classes do not. */
const defaultBatch = { captions: 16, classes: 64 };

/** Examples of an alignment batch, by sounds' classes or by captions. */
export const alignmentBatch = (options: RunSpec['align'], bySound: boolean): number =>
  options.batch ?? (bySound ? defaultBatch.classes : defaultBatch.captions);

/**
 * What the alignment phase makes of the encoder's parameters and the connector's, whichever module the connector belongs to, in the flat vectors of both
 * modules. Throws UserError for a damaged cache file.
 */
export async function alignedState(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Record<string, StateValue>> {
  const { alignmentModel } = prepared;
  if (alignmentModel === setting.model)
    return {
      'encoder/theta': {
        ...initial['encoder/theta']!,
        data: await alignedEncoder(spec, setting, prepared, initial, onStage, signal),
      },
    };
  const phase = { ...setting, model: alignmentModel };
  const aligned = valuesByName(
    alignmentModel.trainable.encoder,
    await alignedEncoder(spec, phase, prepared, initialState(phase, spec.seed), onStage, signal),
  );
  return Object.fromEntries(
    moduleNames.map((module) => {
      const specs = setting.model.trainable[module];
      const { shape, data } = initial[`${module}/theta`]!;
      return [`${module}/theta`, { shape, data: vectorByName(specs, { ...valuesByName(specs, data), ...aligned }) }];
    }),
  );
}

/** The encoder's parameters after the alignment phase [size]. */
async function alignedEncoder(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  initial: Record<string, StateValue>,
  onStage: (stage: string) => void,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { align: options, seed, encoder, connector, backbone } = spec;
  const identity = sha256(
    canonicalJson({
      options,
      seed,
      encoder,
      connector,
      backbone,
      optimiser: spec.optimiser,
      set: prepared.set.identity,
      weights: prepared.weights,
      methodVersion,
      backend: tf.getBackend(),
      vocabulary: prepared.codec.vocabulary.ids,
      start: sha256(new Uint8Array(initial['encoder/theta']!.data.buffer)),
    }),
  );
  const path = cachePath('alignment', `${identity.slice(0, 32)}.safetensors`);
  if (existsSync(path)) return readSafetensors(readFileSync(path), path).tensors['encoder/theta']!.data;

  const bySound = prepared.captions.length === 0;
  const batch = alignmentBatch(options, bySound);
  const shape = prepared.shape(batch);
  const sounds = prepared.set.alignment.filter((item) => item.kind === 'classes');
  const frozen = Object.fromEntries(
    Object.entries(initial).filter(
      ([name]) =>
        name.startsWith('encoder/') || name.startsWith('backbone/theta') || (!bySound && name.startsWith('frozen/')),
    ),
  );
  const program = bySound
    ? alignClassesProgram(setting, shape, classWords(prepared))
    : trainProgram(setting, shape, ['encoder'], null);
  const session = openSession({ align: program }, frozen);
  try {
    const count = bySound ? sounds.length : prepared.captions.length;
    const batchOf = (indices: number[]) => {
      if (!bySound)
        return fillBatch(
          indices.map((i) => prepared.captions[i]!),
          prepared.features,
          shape,
        );
      const items = indices.map((i) => sounds[i]!);
      const features = new Float32Array(batch * shape.rows * shape.width);
      items.forEach((item, row) => features.set(prepared.features(item.media), row * shape.rows * shape.width));
      return { features, targets: classTargets(items, prepared.set.classes) };
    };
    let step = 0;
    for await (const loss of align(session, options, seed, count, batchOf, batch, optimiserOptions(spec.optimiser))) {
      signal?.throwIfAborted();
      step += 1;
      if (step % 5 === 0) await new Promise((resolve) => setImmediate(resolve)); // so that `signal` can fire
      if (step % 20 === 0 || step === options.steps)
        onStage(`alignment ${step}/${options.steps}, loss ${loss.toFixed(3)}`);
    }
    const theta = await session.read('encoder/theta');
    writeWhole(path, writeSafetensors({ 'encoder/theta': { shape: [theta.length], data: theta } }));
    return theta;
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
    for (const id of ids) for (let i = 0; i < width; i++) word[i]! += data[id * width + i]! / ids.length;
    return word;
  });
}
