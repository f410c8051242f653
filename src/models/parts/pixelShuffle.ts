/**
 * Pixel shuffle downwards (InternVL, Chen et al. 2024, section 3.1): squares of neighbouring patches become one longer
 * token.
 */
import { tf, type Tensor } from '../../tensor/tf';

/**
 * x [B, side * side, width] -> [B, (side / factor)^2, width * factor^2]. A token holds its
 * square's patches row by row.
 */
export function pixelShuffle(x: Tensor, side: number, factor: number): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  const small = side / factor;
  const columns = tf.transpose(tf.reshape(x, [batch, side, small, factor * width]), [0, 2, 1, 3]);
  const squares = tf.transpose(tf.reshape(columns, [batch, small, small, factor * factor * width]), [0, 2, 1, 3]);
  return tf.reshape(squares, [batch, small * small, factor * factor * width]);
}
