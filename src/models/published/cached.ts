/**
 * A family as runs know a model. Its tower is frozen and sees each image or sound by itself, so what it gives is computed once and kept with the features
 * of the small zoo; the model of a run is the connector and the language model. In a conversation about one image or sound the features stand behind the
 * same tokens in every question, the head of the template: a sequence is [head, features, text].
 */
import { logSoftmax, pickRows } from '../../tensor/ops';
import { tf, type Tensor, type Tensors } from '../../tensor/tf';
import { embedTokens } from '../parts/decoder';
import type { GenerativeModel } from '../multimodal';
import { within, type Part } from '../parts/part';
import type { Family } from './family';
import type { LoadedFamily } from './index';
import { familyModel, type FamilyModel, type FamilyOptions } from './model';

/** The family from its tower's features [B, rows, width] on. */
export const withoutTower = (family: Family): Family => ({
  ...family,
  input: { ...family.input, shape: [family.towerFeatures.rows, family.towerFeatures.width] },
  parameters: { ...family.parameters, tower: [] },
  tower: (_part, features) => features,
});

/** What the tower makes of inputs [N, ...family.input.shape]: features [N, rows, width]; `tensors` as the whole model has them. */
export const towerFeatures = (family: Family, tensors: Tensors, input: Tensor): Tensor =>
  family.tower({ tensors: within(tensors, 'tower') }, input);

/** The model of a run on cached features, and the family model whose parameters and names it has. `head` are the tokens before the features. Throws UserError for a target that names no linear layer. */
export function cachedFamilyModel(
  loaded: LoadedFamily,
  head: readonly number[],
  options: Omit<FamilyOptions, 'items'> = {},
): { model: GenerativeModel; family: FamilyModel } {
  const family = familyModel({ ...loaded, family: withoutTower(loaded.family) }, options);
  const { decoder } = family.family;
  const { connector, trainable, frozen, prefix, decoding } = family.bind({});
  const before = head.length + family.prefixTokens;
  const embedded = (part: Part, seen: Tensor, ids: Tensor): Tensor => {
    const [batch, length] = ids.shape as [number, number];
    const rows = (of: Tensor, count: number) => tf.reshape(embedTokens(part, of), [-1, count, decoder.width]);
    const text = length === 0 ? [] : [rows(tf.reshape(ids, [-1]), length)];
    const first = head.length === 0 ? [] : [tf.tile(rows(tf.tensor1d([...head], 'int32'), head.length), [batch, 1, 1])];
    return tf.concat([...first, seen, ...text], 1);
  };
  const model: GenerativeModel = {
    connector,
    trainable,
    frozen,
    prefix,
    logProbabilities({ backbone, frozen: state, prefix: seen, tokens, positions }) {
      const part = decoding.part(backbone, state);
      const [batch, length] = tokens.shape as [number, number];
      // The last token predicts nothing that is asked for.
      const embeddings = embedded(part, seen, tf.slice(tokens, [0, 0], [batch, length - 1]));
      const hidden = decoder.hidden(part, embeddings, tf.ones([batch, before + length - 1]));
      return logSoftmax(decoder.logits(part, pickRows(tf.reshape(hidden, [-1, decoder.width]), positions)));
    },
    decoding: {
      decoder,
      before,
      part: decoding.part,
      prompt(backbone, state, seen, tokens) {
        const [batch] = tokens.shape as [number, number];
        const counts = tf.cast(tf.greaterEqual(tokens, 0), 'float32');
        const ids = tf.cast(tf.relu(tf.cast(tokens, 'float32')), 'int32');
        return {
          embeddings: embedded(decoding.part(backbone, state), seen, ids),
          counts: tf.concat([tf.ones([batch, before]), counts], 1),
        };
      },
    },
  };
  return { model, family };
}
