/** What has to wait, in a recorded program: a node that passes its input on, with a control edge from what it waits for. */
import { graphNode, typeAttribute } from './graph';
import type { OrderRecorder } from './recompute';
import { idOf, sourceOf, standFor, tensorOf, type Recording } from './recording';
import { tf, type Tensor } from './tf';

/**
 * TensorFlow's optimiser may move the edge on to the readers of the node; it neither drops it nor takes nodes for one
 * that wait for different things.
 */
export function orderRecorder(recording: Recording): OrderRecorder {
  let count = 0;
  const from = (tensor: Tensor) => sourceOf(recording, 'order', idOf(recording, tensor));
  return (x, tokens) => {
    const node = `${recording.name}/after/${count++}`;
    const { dtype } = tensorOf(recording, 'order', idOf(recording, x));
    const waitsFor = new Set(tokens.map((token) => `^${from(token).split(':')[0]!}`));
    recording.nodes.push(graphNode(node, 'Identity', [from(x), ...waitsFor], { T: typeAttribute(dtype) }));
    return standFor(recording, tf.zeros(x.shape, x.dtype as 'float32' | 'int32'), node);
  };
}
