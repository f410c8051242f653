/**
 * A backend that computes shapes and nothing else: the same programs run on it, however large their model, and every kernel
 * is written down with what it would read, write and multiply. Its tensors hold no values; reading one is an error.
 */
import { tf, type Tensor } from './tf';

/** One kernel of a program. */
export interface KernelCost {
  kernel: string;
  /** multiplications and additions of matrix products and convolutions; 0 for all else */
  flops: number;
  /** bytes of its inputs and outputs */
  bytes: number;
  /** pieces of memory it reads, and those it makes: [piece, bytes] */
  reads: readonly object[];
  makes: readonly (readonly [object, number])[];
  /** each output element depends on the inputs' elements at its place alone, so it may take an input's memory */
  inPlace: boolean;
}

type Shape = readonly number[];
interface Info {
  dataId: object;
  shape: number[];
  dtype: tf.DataType;
}
type Attributes = Record<string, unknown>;
/** Shapes and types of the outputs, and the products. */
interface Rule {
  outputs(inputs: readonly Info[], attributes: Attributes): { shape: Shape; dtype?: tf.DataType }[];
  flops?(inputs: readonly Info[], outputs: readonly Shape[], attributes: Attributes): number;
  inPlace?: boolean;
  /** the output is the first input's memory under another shape */
  alias?: boolean;
}

const name = 'shapes';
export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
const bytesOf = ({ shape, dtype }: { shape: Shape; dtype: tf.DataType }): number =>
  sizeOf(shape) * (dtype === 'bool' ? 1 : 4);

/** Kernels in the order that they ran since `begin`, and the most bytes that TensorFlow.js itself held at once (what an eager backend needs). */
interface Ledger {
  kernels: KernelCost[];
  held: number;
  most: number;
}
let ledger: Ledger = { kernels: [], held: 0, most: 0 };

class ShapeBackend extends tf.KernelBackend {
  readonly pieces = new Map<object, { bytes: number; references: number }>();
  make(info: { shape: Shape; dtype: tf.DataType }): object {
    const id = {};
    const bytes = bytesOf(info);
    this.pieces.set(id, { bytes, references: 1 });
    ledger.held += bytes;
    ledger.most = Math.max(ledger.most, ledger.held);
    return id;
  }
  override write(_values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    return this.make({ shape, dtype });
  }
  override move(id: object, _values: tf.BackendValues, shape: number[], dtype: tf.DataType, references: number): void {
    this.pieces.set(id, { bytes: bytesOf({ shape, dtype }), references });
  }
  override incRef(id: object): void {
    this.pieces.get(id)!.references += 1;
  }
  override refCount(id: object): number {
    return this.pieces.get(id)?.references ?? 0;
  }
  override disposeData(id: object, force = false): boolean {
    const piece = this.pieces.get(id);
    if (piece === undefined) return true;
    piece.references -= 1;
    if (piece.references > 0 && !force) return false;
    ledger.held -= piece.bytes;
    return this.pieces.delete(id);
  }
  override numDataIds(): number {
    return this.pieces.size;
  }
  override readSync(): never {
    throw new Error('a tensor without values was read');
  }
  override read(): Promise<never> {
    return Promise.reject(new Error('a tensor without values was read'));
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {
    this.pieces.clear();
  }
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

const rules: Record<string, Rule> = {
  ...Object.fromEntries(
    [
      'Abs',
      'Atan',
      'Ceil',
      'Cos',
      'Elu',
      'Erf',
      'Exp',
      'Expm1',
      'Floor',
      'LeakyRelu',
      'Log',
      'Log1p',
      'Neg',
      'Reciprocal',
      'Relu',
      'Relu6',
      'Round',
      'Rsqrt',
      'Sigmoid',
      'Sign',
      'Sin',
      'Selu',
      'Softplus',
      'Sqrt',
      'Square',
      'Step',
      'Tanh',
      'ZerosLike',
      'OnesLike',
      'ClipByValue',
    ].map((kernel) => [kernel, unary()]),
  ),
  ...Object.fromEntries(
    [
      'Add',
      'AddV2',
      'FloorDiv',
      'Maximum',
      'Minimum',
      'Multiply',
      'Pow',
      'RealDiv',
      'SquaredDifference',
      'Sub',
      'Prelu',
    ].map((kernel) => [kernel, binary()]),
  ),
  ...Object.fromEntries(
    ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'NotEqual'].map((kernel) => [
      kernel,
      binary('bool'),
    ]),
  ),
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
];

let backend: ShapeBackend | null = null;

function register(): ShapeBackend {
  if (backend !== null) return backend;
  const made = new ShapeBackend();
  tf.registerBackend(name, () => made, 0);
  for (const [kernelName, rule] of Object.entries(rules)) {
    tf.registerKernel({
      kernelName,
      backendName: name,
      kernelFunc: ({ inputs, attrs }) => {
        const given = ordered(kernelName, inputs as unknown as Record<string, Info>);
        const attributes = (attrs ?? {}) as Attributes;
        const outputs = rule
          .outputs(given, attributes)
          .map(({ shape, dtype }) => ({ shape: [...shape], dtype: dtype ?? 'float32' }));
        const first = given[0];
        if (rule.alias === true && first !== undefined) {
          made.incRef(first.dataId);
          return { ...outputs[0]!, dataId: first.dataId } as unknown as tf.TensorInfo;
        }
        const infos = outputs.map((output) => ({ ...output, dataId: made.make(output) }));
        ledger.kernels.push({
          kernel: kernelName,
          flops:
            rule.flops?.(
              given,
              infos.map(({ shape }) => shape),
              attributes,
            ) ?? 0,
          inPlace: rule.inPlace === true,
          bytes: [...given, ...infos].reduce((sum, info) => sum + bytesOf(info), 0),
          reads: given.map(({ dataId }) => dataId),
          makes: infos.map((info) => [info.dataId, bytesOf(info)] as const),
        });
        return (kernelName === 'SplitV' || kernelName === 'Unpack' ? infos : infos[0]!) as unknown as tf.TensorInfo;
      },
    });
  }
  return (backend = made);
}

/** Inputs in the order that the rules expect. TensorFlow.js hands them over by name, lists by index. */
function ordered(kernel: string, inputs: Record<string, Info> | readonly Info[]): Info[] {
  if (Array.isArray(inputs)) return [...(inputs as Info[])];
  // What an op leaves out comes as undefined.
  const entries = Object.entries(inputs as Record<string, Info | undefined>).filter(
    (entry): entry is [string, Info] => entry[1] !== undefined,
  );
  const place = (key: string) => (/^\d+$/.test(key) ? Number(key) : inputNames.indexOf(key));
  const unknown = entries.find(([key]) => place(key) < 0);
  if (unknown !== undefined)
    throw new Error(`kernel ${kernel} has an input "${unknown[0]}" that the rules of shapes do not know`);
  return entries.sort(([a], [b]) => place(a) - place(b)).map(([, info]) => info);
}

/** A tensor without values, for state and inputs. */
export const shapeTensor = (shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): Tensor => {
  const made = register();
  return tf.engine().makeTensorFromTensorInfo({ dataId: made.make({ shape, dtype }), shape: [...shape], dtype }, made);
};

export const pieceOf = (tensor: Tensor): object => tensor.dataId;

/**
 * Runs `work` on tensors without values and gives what it returned with every kernel that ran. The backend that was active
 * before is active again afterwards. Throws Error for a kernel whose shapes are not known here (a fault of ours).
 */
export function withoutValues<T>(work: () => T): { result: T; kernels: KernelCost[]; eagerBytes: number } {
  const engine = tf.engine();
  register();
  const before = engine.backendName as string | undefined;
  const outer = ledger;
  ledger = { kernels: [], held: 0, most: 0 };
  void tf.setBackend(name); // at once: the backend needs no preparation
  engine.startScope();
  try {
    return { result: work(), kernels: ledger.kernels, eagerBytes: ledger.most };
  } finally {
    engine.endScope();
    ledger = outer;
    if (before !== undefined && before !== null && before !== name) void tf.setBackend(before);
  }
}
