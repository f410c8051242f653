/** The fused Adam of TensorFlow in a recorded program: one node that updates a vector and its moments in place. */
import type { AdamRecorder } from './adam';
import { graphNode, tensorAttribute, typeAttribute } from './graph';
import { FLOAT, idOf, sourceOf, standFor, tensorOf, type Recording } from './recording';
import { tf, type Tensor } from './tf';

/**
 * Updates of vectors whose old values the program reads from `reads`; what cannot be one node is left to the ops.
 * @param inPlace hears of each state that a node has updated, with the node that reads its new value
 */
export function adamRecorder(
  recording: Recording,
  { reads, readPrefix, inPlace }: { reads: readonly string[]; readPrefix: string; inPlace: Map<string, string> },
): AdamRecorder {
  const { name, nodes } = recording;
  const from = (tensor: Tensor) => sourceOf(recording, 'adam', idOf(recording, tensor));
  return (given) => {
    const keys = [given.theta, given.first, given.second]
      .map((tensor) => tensorOf(recording, 'adam', idOf(recording, tensor)).source ?? '')
      .flatMap((node) => (node.startsWith(readPrefix) ? [node.slice(readPrefix.length)] : []));
    const [theta, first, second] = keys;
    // The node has one rate for the whole vector.
    if (given.scale.rank > 0) return null;
    if (theta === undefined || first === undefined || second === undefined || keys.some((key) => inPlace.has(key)))
      return null;
    const update = `${name}/adam/${theta}`;
    // beta powers of 0: the bias corrections are in the rate. Every read of an old value comes first.
    const inputs = [
      `var/${theta}`,
      `var/${first}`,
      `var/${second}`,
      `${update}/zero`,
      `${update}/zero`,
      from(given.scale),
      from(given.beta1),
      from(given.beta2),
      from(given.epsilon),
      from(given.gradient),
      ...reads.map((key) => `^${readPrefix}${key}`),
    ];
    nodes.push(
      graphNode(`${update}/zero`, 'Const', [], {
        dtype: typeAttribute(FLOAT),
        value: tensorAttribute([], FLOAT, new Float32Array(1)),
      }),
      graphNode(update, 'ResourceApplyAdam', inputs, { T: typeAttribute(FLOAT) }),
    );
    const fresh = (key: string, { shape }: Tensor): Tensor => {
      const read = `${update}/new/${key}`;
      nodes.push(graphNode(read, 'ReadVariableOp', [`var/${key}`, `^${update}`], { dtype: typeAttribute(FLOAT) }));
      inPlace.set(key, read);
      return standFor(recording, tf.zeros(shape), read);
    };
    return { theta: fresh(theta, given.theta), first: fresh(first, given.first), second: fresh(second, given.second) };
  };
}
