/**
 * The two programs of generation: `prompt` reads whole prompts and fills the cache, `next` takes one token a row. Both
 * stand beside the other programs of a run on the same state; the cache is state of its own: `cache/counts`, and for
 * each layer `cache/<prompt or fresh>/<keys or values>/<layer>`. Shapes are fixed, so that TensorFlow replays them as
 * recorded.
 */
import { embedTokens } from '../models/parts/decoder';
import { padded } from '../models/sequence';
import { promptAttention, stepAttention, type Cache } from '../models/generation/cache';
import type { Continuer, Prompt } from '../models/generation/continuer';
import type { GenerativeModel } from '../models/multimodal';
import { pickRows } from '../tensor/ops';
import { splitVector } from '../tensor/parameters';
import { sizeOf } from '../tensor/shape';
import type { Program, Session, StateValue, TensorSpec } from '../tensor/program';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import { frozenNames, frozenTensors, partsOf, trained } from './programs';

/**
 * Fixed shapes: prompts at once, beams of each (1 without beam search), text tokens of the longest prompt, tokens that
 * are generated at most.
 */
export interface GenerationShape {
  prompts: number;
  beams: number;
  promptTokens: number;
  newTokens: number;
  /** of one prompt's features */
  rows: number;
  width: number;
}

/** Names of the two programs in a session. */
const generationNames = { prompt: 'generate/prompt', next: 'generate/next' } as const;

const kinds = ['keys', 'values'] as const;

/** The last token is not read again: it needs no slot. */
const slotsOf = (shape: GenerationShape): number => Math.max(1, shape.newTokens - 1);

/** Names and shapes of the cache. */
function cacheShapes({ decoding }: GenerativeModel, shape: GenerationShape): Record<string, number[]> {
  const { layers, heads, size } = decoding.decoder.cache;
  const { prompts, beams } = shape;
  const out: Record<string, number[]> = { 'cache/counts': [prompts, decoding.before + shape.promptTokens] };
  for (let layer = 0; layer < layers; layer++) {
    for (const kind of kinds) {
      out[`cache/prompt/${kind}/${layer}`] = [prompts, heads, decoding.before + shape.promptTokens, size];
      out[`cache/fresh/${kind}/${layer}`] = [prompts * beams, heads, slotsOf(shape), size];
    }
  }
  return out;
}

/** The empty cache, to be added to a session's state. */
export const generationState = (model: GenerativeModel, shape: GenerationShape): Record<string, StateValue> =>
  Object.fromEntries(
    Object.entries(cacheShapes(model, shape)).map(([name, sides]) => [
      name,
      { shape: sides, data: new Float32Array(sizeOf(sides)) },
    ]),
  );

const stateOf = (which: 'prompt' | 'fresh', cache: Cache): Tensors =>
  Object.fromEntries(
    kinds.flatMap((kind) => cache[kind].map((tensor, layer) => [`cache/${which}/${kind}/${layer}`, tensor])),
  );

const integers = (...sides: number[]): TensorSpec => ({ shape: sides, dtype: 'int32' });
const floats = (...sides: number[]): TensorSpec => ({ shape: sides, dtype: 'float32' });

/** The piece of state that holds the parameters, as `evaluatedPiece` gives it. */
type Piece = 'theta' | 'average';

/** Both programs, by their names. */
export const generationPrograms = (
  model: GenerativeModel,
  shape: GenerationShape,
  piece: Piece = 'theta',
): Record<string, Program> => ({
  [generationNames.prompt]: promptProgram(model, shape, piece),
  [generationNames.next]: nextProgram(model, shape, piece),
});

/** Reads whole prompts and fills their part of the cache; what was generated before is forgotten. */
function promptProgram(model: GenerativeModel, shape: GenerationShape, piece: Piece): Program {
  const { decoder } = model.decoding;
  const fresh = Object.entries(cacheShapes(model, shape)).filter(([name]) => name.startsWith('cache/fresh/'));
  return {
    inputs: {
      features: floats(shape.prompts, shape.rows, shape.width),
      tokens: integers(shape.prompts, shape.promptTokens),
      last: integers(shape.prompts),
    },
    reads: [...trained(model).map((module) => `${module}/${piece}`), ...frozenNames(model)],
    run(inputs, state) {
      const frozen = frozenTensors(model, state);
      const { encoder, backbone } = partsOf(model, state, piece);
      const { embeddings, counts } = model.decoding.prompt(
        backbone,
        frozen,
        model.prefix({ encoder, frozen, features: need(inputs, 'features') }),
        need(inputs, 'tokens'),
      );
      const { attend, cache } = promptAttention(counts);
      const part = model.decoding.part(backbone, frozen);
      const hidden = decoder.hidden(part, embeddings, counts, attend);
      const logits = decoder.logits(part, pickRows(tf.reshape(hidden, [-1, hidden.shape[2]!]), need(inputs, 'last')));
      const empty = Object.fromEntries(fresh.map(([name, sides]) => [name, tf.zeros(sides)]));
      return { outputs: { logits }, state: { 'cache/counts': counts, ...stateOf('prompt', cache), ...empty } };
    },
  };
}

/** Keys and values of one half of the cache, each layer read from the state. */
function cacheOf(
  state: Tensors,
  which: 'prompt' | 'fresh',
  layers: number,
  read: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Cache {
  const of = (kind: (typeof kinds)[number]) =>
    Array.from({ length: layers }, (_, layer) => read(need(state, `cache/${which}/${kind}/${layer}`)));
  return { keys: of('keys'), values: of('values') };
}

/** Takes one token a row: that of the beam that the row goes on from. */
function nextProgram(model: GenerativeModel, shape: GenerationShape, piece: Piece): Program {
  const { decoder, before } = model.decoding;
  const { layers } = decoder.cache;
  const trainsBackbone = model.trainable.backbone.length > 0;
  const rows = shape.prompts * shape.beams;
  const cached = Object.keys(cacheShapes(model, shape));
  return {
    inputs: {
      ids: integers(rows),
      positions: integers(rows),
      slot: floats(slotsOf(shape)),
      written: floats(slotsOf(shape)),
      ...(shape.beams > 1 ? { parents: integers(rows) } : {}),
    },
    reads: [...(trainsBackbone ? [`backbone/${piece}`] : []), ...frozenNames(model), ...cached],
    run(inputs, state) {
      const part = model.decoding.part(
        trainsBackbone ? splitVector(need(state, `backbone/${piece}`), model.trainable.backbone) : [],
        frozenTensors(model, state),
      );
      const parents = inputs['parents'];
      const { attend, fresh } = stepAttention({
        beams: shape.beams,
        counts: need(state, 'cache/counts'),
        prompt: cacheOf(state, 'prompt', layers),
        slot: need(inputs, 'slot'),
        written: need(inputs, 'written'),
        fresh: cacheOf(state, 'fresh', layers, (tensor) =>
          parents === undefined ? tensor : tf.gather(tensor, parents as tf.Tensor1D),
        ),
      });
      const embedded = embedTokens(part, need(inputs, 'ids'));
      const width = embedded.shape[1]!;
      const hidden = decoder.next(
        part,
        tf.reshape(embedded, [rows, 1, width]),
        need(inputs, 'positions'),
        before + shape.promptTokens + shape.newTokens,
        attend,
      );
      return {
        outputs: { logits: decoder.logits(part, tf.reshape(hidden, [rows, width])) },
        state: stateOf('fresh', fresh),
      };
    },
  };
}

/** A session that holds the programs and the cache, as generation sees it. */
export function continuerOf(session: Session, { decoding }: GenerativeModel, shape: GenerationShape): Continuer {
  const { before, decoder } = decoding;
  const rows = shape.prompts * shape.beams;
  return {
    prompts: shape.prompts,
    beams: shape.beams,
    promptTokens: shape.promptTokens,
    newTokens: shape.newTokens,
    before,
    context: decoder.context,
    async begin(prompts: readonly Prompt[]) {
      const features = new Float32Array(shape.prompts * shape.rows * shape.width);
      const tokens = new Int32Array(shape.prompts * shape.promptTokens).fill(padded(0));
      const last = new Int32Array(shape.prompts);
      prompts.forEach((prompt, row) => {
        features.set(prompt.features, row * shape.rows * shape.width);
        tokens.set(prompt.tokens, row * shape.promptTokens);
        last[row] = row * (before + shape.promptTokens) + before + prompt.tokens.length - 1;
      });
      return (await session.run(generationNames.prompt, { features, tokens, last }))['logits']!;
    },
    async next({ ids, parents, positions, slot }) {
      const slots = slotsOf(shape);
      const inputs = {
        ids: Int32Array.from(ids),
        positions: Int32Array.from(positions),
        slot: Float32Array.from({ length: slots }, (_, i) => (i === slot ? 1 : 0)),
        written: Float32Array.from({ length: slots }, (_, i) => (i <= slot ? 1 : 0)),
        ...(shape.beams > 1 ? { parents: Int32Array.from(parents) } : {}),
      };
      if (inputs.ids.length !== rows) throw new Error(`${inputs.ids.length} tokens for ${rows} rows`);
      return (await session.run(generationNames.next, inputs))['logits']!;
    },
  };
}
