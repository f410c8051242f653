/**
 * What every kernel makes of its inputs, in shapes alone: the knowledge of the backend that computes nothing else
 * (`shapeBackend.ts`).
 */
import { fusedKernels, type FusedKernel } from './fusedShapes';
import { sizeOf } from './shape';
import { tf } from './tf';

export type Shape = readonly number[];
export interface Info {
  dataId: object;
  shape: number[];
  dtype: tf.DataType;
}
export type Attributes = Record<string, unknown>;
/** Shapes and types of the outputs, and the products. */
export interface Rule {
  outputs(inputs: readonly Info[], attributes: Attributes): { shape: Shape; dtype?: tf.DataType }[];
  flops?(inputs: readonly Info[], outputs: readonly Shape[], attributes: Attributes): number;
  inPlace?: boolean;
  /** the output is the first input's memory under another shape */
  alias?: boolean;
}

const broadcast = (a: Shape, b: Shape): number[] => {
  const rank = Math.max(a.length, b.length);
  const at = (shape: Shape, i: number) => shape[shape.length - rank + i] ?? 1;
  return Array.from({ length: rank }, (_, i) => (at(a, i) === 1 ? at(b, i) : at(a, i)));
};
/** Without axes all of them are meant. */
const reduced = (shape: Shape, axes: number | readonly number[] | null | undefined, keep: boolean): number[] => {
  const given = (
    axes === null || axes === undefined ? shape.map((_, i) => i) : typeof axes === 'number' ? [axes] : axes
  ).map((axis) => (axis < 0 ? axis + shape.length : axis));
  return keep ? shape.map((side, i) => (given.includes(i) ? 1 : side)) : shape.filter((_, i) => !given.includes(i));
};

const unary = (dtype?: tf.DataType): Rule => ({
  outputs: ([x]) => [{ shape: x!.shape, dtype: dtype ?? x!.dtype }],
  inPlace: true,
});
const binary = (dtype?: tf.DataType): Rule => ({
  outputs: ([a, b]) => [{ shape: broadcast(a!.shape, b!.shape), dtype: dtype ?? a!.dtype }],
  inPlace: true,
});
const reduction: Rule = {
  outputs: ([x], { axis, reductionIndices, keepDims }) => [
    { shape: reduced(x!.shape, (axis ?? reductionIndices) as number[] | undefined, keepDims === true) },
  ],
};
const reshaped = (shapeOf: (x: Info, attributes: Attributes) => Shape): Rule => ({
  outputs: ([x], attributes) => [{ shape: shapeOf(x!, attributes), dtype: x!.dtype }],
  alias: true,
});
const convolutionFlops = (filter: Shape, output: Shape): number =>
  2 * (sizeOf(filter) / filter.at(-1)!) * sizeOf(output);

const padding = (side: number, window: number, stride: number, pad: unknown): number =>
  pad === 'same' ? Math.ceil(side / stride) : Math.floor((side - window) / stride) + 1;
const pairOf = (value: unknown): [number, number] =>
  Array.isArray(value) ? [value[0] as number, value[1] as number] : [value as number, value as number];
const pooling: Rule = {
  outputs: ([x], { filterSize, strides, pad }) => {
    const [batch, height, width, channels] = x!.shape as [number, number, number, number];
    const [windowHeight, windowWidth] = pairOf(filterSize),
      [down, across] = pairOf(strides);
    return [
      { shape: [batch, padding(height, windowHeight, down, pad), padding(width, windowWidth, across, pad), channels] },
    ];
  },
};

const convolution: Rule = {
  outputs: ([x, filter], { strides, pad }) => {
    const [batch, height, width] = x!.shape as [number, number, number],
      [down, across] = pairOf(strides);
    return [
      {
        shape: [
          batch,
          padding(height, filter!.shape[0]!, down, pad),
          padding(width, filter!.shape[1]!, across, pad),
          filter!.shape[3]!,
        ],
      },
    ];
  },
  flops: ([, filter], [out]) => convolutionFlops(filter!.shape, out!),
};
/** Inputs are the gradient of what was pooled, then what was pooled. */
const poolingGradient: Rule = { outputs: ([, x]) => [{ shape: x!.shape }] };

function fusedRule({ outputs, flops, inPlace }: FusedKernel): Rule {
  const shapes = (inputs: readonly Info[]) => inputs.map(({ shape }) => shape);
  return {
    outputs: (inputs) => outputs(shapes(inputs)).map((shape) => ({ shape })),
    ...(flops === undefined ? {} : { flops: (inputs) => flops(shapes(inputs)) }),
    ...(inPlace === undefined ? {} : { inPlace }),
  };
}

/** One rule for kernels whose names stand in a row. */
const alike = (kernels: string, rule: Rule): Record<string, Rule> =>
  Object.fromEntries(kernels.split(' ').map((kernel) => [kernel, rule]));

/** The rule of each kernel that programs use. */
export const rules: Readonly<Record<string, Rule>> = {
  ...alike(
    'Abs Atan Ceil Cos Elu Erf Exp Expm1 Floor LeakyRelu Log Log1p Neg Reciprocal Relu Relu6 Round Rsqrt ' +
      'Sigmoid Sign Sin Selu Softplus Sqrt Square Step Tanh ZerosLike OnesLike ClipByValue',
    unary(),
  ),
  ...alike('Add AddV2 FloorDiv Maximum Minimum Multiply Pow RealDiv SquaredDifference Sub Prelu', binary()),
  ...alike('Equal Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr NotEqual', binary('bool')),
  LogicalNot: unary('bool'),
  IsNan: unary('bool'),
  IsFinite: unary('bool'),
  IsInf: unary('bool'),
  Softmax: unary(),
  Cumsum: unary(),
  Reverse: unary(),
  Select: { outputs: ([, a]) => [{ shape: a!.shape, dtype: a!.dtype }] },
  AddN: { outputs: ([a]) => [{ shape: a!.shape }], inPlace: true },
  Cast: { outputs: ([x], { dtype }) => [{ shape: x!.shape, dtype: dtype as tf.DataType }] },
  Identity: { ...reshaped((x) => x.shape) },
  Reshape: reshaped((x, { shape }) => tf.util.inferFromImplicitShape(shape as number[], sizeOf(x.shape))),
  ExpandDims: reshaped((x, { dim }) => {
    const at = (dim as number) < 0 ? (dim as number) + x.shape.length + 1 : (dim as number);
    return [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
  }),
  Sum: reduction,
  Mean: reduction,
  Max: reduction,
  Min: reduction,
  Prod: reduction,
  All: reduction,
  Any: reduction,
  ArgMax: { outputs: ([x], { axis }) => [{ shape: reduced(x!.shape, axis as number, false), dtype: 'int32' }] },
  Transpose: {
    outputs: ([x], { perm }) => [{ shape: (perm as number[]).map((axis) => x!.shape[axis]!), dtype: x!.dtype }],
  },
  Concat: {
    outputs: (inputs, { axis }) => [
      {
        shape: inputs[0]!.shape.map((side, i) =>
          i === axis ? inputs.reduce((sum, { shape }) => sum + shape[i]!, 0) : side,
        ),
        dtype: inputs[0]!.dtype,
      },
    ],
  },
  Pack: {
    outputs: (inputs, { axis }) => [
      {
        shape: [...inputs[0]!.shape.slice(0, axis as number), inputs.length, ...inputs[0]!.shape.slice(axis as number)],
        dtype: inputs[0]!.dtype,
      },
    ],
  },
  Unpack: {
    outputs: ([x], { axis }) =>
      Array.from({ length: x!.shape[axis as number]! }, () => ({
        shape: reduced(x!.shape, axis as number, false),
        dtype: x!.dtype,
      })),
  },
  SplitV: {
    outputs: ([x], { numOrSizeSplits, axis }) => {
      const at = (axis as number) < 0 ? (axis as number) + x!.shape.length : (axis as number);
      const sizes = Array.isArray(numOrSizeSplits)
        ? (numOrSizeSplits as number[])
        : Array.from({ length: numOrSizeSplits as number }, () => x!.shape[at]! / (numOrSizeSplits as number));
      return sizes.map((size) => ({ shape: x!.shape.map((side, i) => (i === at ? size : side)), dtype: x!.dtype }));
    },
  },
  Slice: {
    outputs: ([x], { begin, size }) => [
      {
        shape: (size as number[]).map((side, i) => (side < 0 ? x!.shape[i]! - (begin as number[])[i]! : side)),
        dtype: x!.dtype,
      },
    ],
  },
  PadV2: {
    outputs: ([x], { paddings }) => [
      {
        shape: x!.shape.map((side, i) => side + (paddings as number[][])[i]![0]! + (paddings as number[][])[i]![1]!),
        dtype: x!.dtype,
      },
    ],
  },
  Tile: {
    outputs: ([x], { reps }) => [{ shape: x!.shape.map((side, i) => side * (reps as number[])[i]!), dtype: x!.dtype }],
  },
  BroadcastTo: { outputs: ([x], { shape }) => [{ shape: shape as number[], dtype: x!.dtype }] },
  Fill: {
    outputs: (_none, { shape, dtype }) => [
      { shape: shape as number[], dtype: (dtype as tf.DataType | undefined) ?? 'float32' },
    ],
  },
  Range: {
    outputs: (_none, { start, stop, step, dtype }) => [
      {
        shape: [Math.max(0, Math.ceil(((stop as number) - (start as number)) / (step as number)))],
        dtype: dtype as tf.DataType,
      },
    ],
  },
  OneHot: {
    outputs: ([x], { depth, dtype }) => [{ shape: [...x!.shape, depth as number], dtype: dtype as tf.DataType }],
  },
  GatherV2: {
    outputs: ([x, indices], { axis }) => [
      {
        shape: [...x!.shape.slice(0, axis as number), ...indices!.shape, ...x!.shape.slice((axis as number) + 1)],
        dtype: x!.dtype,
      },
    ],
  },
  UnsortedSegmentSum: {
    outputs: ([x, ids], { numSegments }) => [{ shape: [numSegments as number, ...x!.shape.slice(ids!.shape.length)] }],
  },
  BatchMatMul: {
    outputs: ([a, b], { transposeA, transposeB }) => [
      {
        shape: [
          ...broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2)),
          a!.shape.at(transposeA ? -1 : -2)!,
          b!.shape.at(transposeB ? -2 : -1)!,
        ],
      },
    ],
    flops: ([a], [out], { transposeA }) => 2 * sizeOf(out!) * a!.shape.at(transposeA ? -2 : -1)!,
  },
  Conv2D: convolution,
  FusedConv2D: convolution,
  Conv2DBackpropInput: {
    outputs: (_inputs, { inputShape }) => [{ shape: inputShape as number[] }],
    flops: ([dy, filter]) => convolutionFlops(filter!.shape, dy!.shape),
  },
  Conv2DBackpropFilter: {
    outputs: (_inputs, { filterShape }) => [{ shape: filterShape as number[] }],
    flops: ([, dy], [filter]) => convolutionFlops(filter!, dy!.shape),
  },
  AvgPool: pooling,
  AvgPoolGrad: poolingGradient,
  MaxPool: pooling,
  MaxPoolGrad: poolingGradient,
  ...Object.fromEntries(Object.entries(fusedKernels).map(([name, kernel]) => [name, fusedRule(kernel)])),
};

/** The names that a kernel's inputs may have, in their order; several tensors come as one list. */
const inputNames = [
  'x',
  'a',
  'condition',
  'dy',
  'logits',
  'indices',
  't',
  'e',
  'filter',
  'b',
  'segmentIds',
  'input',
  'output',
  'bias',
  'dim',
  'value',
];

/** Inputs in the order that the rules expect. TensorFlow.js hands them over by name, lists by index. */
export function ordered(kernel: string, inputs: Record<string, Info> | readonly Info[]): Info[] {
  if (Array.isArray(inputs)) return [...(inputs as Info[])];
  // What an op leaves out comes as undefined.
  const entries = Object.entries(inputs as Record<string, Info | undefined>).filter(
    (entry): entry is [string, Info] => entry[1] !== undefined,
  );
  const names = fusedKernels[kernel]?.inputs ?? inputNames;
  const place = (key: string) => (/^\d+$/.test(key) ? Number(key) : names.indexOf(key));
  const unknown = entries.find(([key]) => place(key) < 0);
  if (unknown !== undefined)
    throw new Error(`kernel ${kernel} has an input "${unknown[0]}" that the rules of shapes do not know`);
  return entries.sort(([a], [b]) => place(a) - place(b)).map(([, info]) => info);
}
