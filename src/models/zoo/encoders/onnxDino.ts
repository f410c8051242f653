/**
 * Weights of a DINOv2 backbone inside an ONNX export by transformers, as those of `parts/vit.ts`. The export keeps its
 * positions for the grid of training and resizes them in the graph; they are resized once, here.
 */
import { userError } from '../../../problems';
import { sizeOf } from '../../../tensor/shape';
import { gridSide, vitParameters, type VitOptions } from '../../parts/vit';
import type { OnnxWeights } from '../../weights/onnx';
import { namedWeights } from '../../weights/onnxNamed';
import { transposed, type WeightTensor } from '../../weights/weight';

/** Keys's cubic kernel (1981) with a = -0.75, as PyTorch's bicubic interpolation has it. */
function cubic(x: number): number {
  const a = -0.75,
    d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** For each of `to` places on a line of `from`: the four neighbours, those past an end taken as the end, and their weights. */
const taps = (from: number, to: number): { at: number; weight: number }[][] =>
  Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5,
      first = Math.floor(centre) - 1;
    return [0, 1, 2, 3].map((k) => ({
      at: Math.max(0, Math.min(from - 1, first + k)),
      weight: cubic(centre - first - k),
    }));
  });

/**
 * A square grid of vectors [from * from, width] at another size, [to * to, width]: bicubic, places at the middle of
 * their cells, no smoothing when the grid shrinks, as the graph says (Resize: cubic, half_pixel, cubic_coeff_a -0.75).
 */
export function resizedGrid(grid: Float32Array, from: number, to: number): Float32Array {
  const width = grid.length / (from * from);
  const lines = taps(from, to);
  const out = new Float32Array(to * to * width);
  const sum = new Float64Array(width);
  lines.forEach((down, row) =>
    lines.forEach((across, column) => {
      sum.fill(0);
      for (const y of down)
        for (const x of across) {
          const weight = y.weight * x.weight,
            at = (y.at * from + x.at) * width;
          for (let i = 0; i < width; i++) sum[i]! += weight * grid[at + i]!;
        }
      out.set(sum, (row * to + column) * width);
    }),
  );
  return out;
}

/** Names below `backbone.encoder.layer.N`. */
const modules: Readonly<Record<string, string>> = {
  attentionNorm: 'norm1',
  q: 'attention.attention.query',
  k: 'attention.attention.key',
  v: 'attention.attention.value',
  o: 'attention.output.dense',
  feedForwardNorm: 'norm2',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
};
const scales: Readonly<Record<string, string>> = {
  attentionScale: 'layer_scale1.lambda1',
  feedForwardScale: 'layer_scale2.lambda1',
};
const outside: Readonly<Record<string, string>> = {
  patches: 'backbone.embeddings.patch_embeddings.projection.weight',
  'patches.bias': 'backbone.embeddings.patch_embeddings.projection.bias',
  postNorm: 'backbone.layernorm.weight',
  'postNorm.bias': 'backbone.layernorm.bias',
};

/**
 * All parameters of the transformer. `trained` is the side of the grid of positions in the file. Throws UserError when
 * a weight is missing or has another shape.
 */
export function onnxDino(
  onnx: OnnxWeights,
  options: VitOptions,
  trained: number,
  where = 'DINOv2 weights',
): Record<string, WeightTensor> {
  const { weight, matrix } = namedWeights(onnx, 'a DINOv2 backbone exported by transformers', where);
  const { width } = options.block;
  /** The constant that the node `name` reads first: it lost its own name in the export. */
  const readBy = (name: string, shape: readonly number[]): Float32Array => {
    const nodes = onnx.nodes.filter((node) => node.name === `/backbone/embeddings/${name}`);
    if (nodes.length !== 1)
      throw userError({
        where,
        what: `${nodes.length} nodes ${name}`,
        expected: 'one',
        hint: 'fetch the weights again',
      });
    return weight(nodes[0]!.inputs[0] ?? '', 0, shape).data;
  };
  function valuesOf(name: string, shape: readonly number[]): WeightTensor {
    if (name === 'classToken') return weight('backbone.embeddings.cls_token', 0, [1, 1, width]);
    if (name === 'positions') {
      const data = new Float32Array(sizeOf(shape));
      data.set(readBy('Concat_6', [1, 1, width]));
      const grid = readBy('Reshape_1', [1, trained * trained, width]);
      data.set(resizedGrid(grid, trained, gridSide(options)), width);
      return { shape: [...shape], data };
    }
    if (outside[name] !== undefined) return weight(outside[name], 0, shape);
    const [, layer, part, bias] = name.split('.') as [string, string, string, string?];
    const stem = `backbone.encoder.layer.${layer}.`;
    if (scales[part] !== undefined) return weight(stem + scales[part], 0, shape);
    const module = stem + modules[part]!;
    if (bias !== undefined) return weight(`${module}.bias`, 0, shape);
    return shape.length === 2
      ? transposed(matrix(module, [shape[1]!, shape[0]!]))
      : weight(`${module}.weight`, 0, shape);
  }
  return Object.fromEntries(
    vitParameters(options).map(({ name, shape }) => [name, { shape, data: valuesOf(name, shape).data }]),
  );
}
