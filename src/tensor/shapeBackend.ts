/**
 * A backend that computes shapes and nothing else: the same programs run on it, however large their model, and every
 * kernel is written down with what it would read, write and multiply. Its tensors hold no values; reading one is an
 * error.
 */
import { sizeOf } from './shape';
import { ordered, rules, type Attributes, type Info, type Shape } from './shapeRules';
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

const name = 'shapes';
const bytesOf = ({ shape, dtype }: { shape: Shape; dtype: tf.DataType }): number =>
  sizeOf(shape) * (dtype === 'bool' ? 1 : 4);

/**
 * Kernels in the order that they ran since `begin`, and the most bytes that TensorFlow.js itself held at once (what an
 * eager backend needs).
 */
interface Ledger {
  kernels: KernelCost[];
  held: number;
  most: number;
}
let ledger: Ledger = { kernels: [], held: 0, most: 0 };

/** What reading a tensor gives here. */
function withoutValue(): never {
  throw new Error('a tensor without values was read');
}

/** The backend; its class is made here, not when this file is read, so that `plan` need not load TensorFlow.js. */
function makeBackend() {
  return new (class ShapeBackend extends tf.KernelBackend {
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
    override move(
      id: object,
      _values: tf.BackendValues,
      shape: number[],
      dtype: tf.DataType,
      references: number,
    ): void {
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
    override readSync = withoutValue;
    override read = withoutValue;
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
  })();
}

let backend: ReturnType<typeof makeBackend> | null = null;

function register(): ReturnType<typeof makeBackend> {
  if (backend !== null) return backend;
  const made = makeBackend();
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
        const isList = infos.length > 1 || kernelName === 'SplitV' || kernelName === 'Unpack';
        return (isList ? infos : infos[0]!) as unknown as tf.TensorInfo;
      },
    });
  }
  return (backend = made);
}

/** A tensor without values, for state and inputs. */
export const shapeTensor = (shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): Tensor => {
  const made = register();
  return tf.engine().makeTensorFromTensorInfo({ dataId: made.make({ shape, dtype }), shape: [...shape], dtype }, made);
};

export const pieceOf = (tensor: Tensor): object => tensor.dataId;

/**
 * Runs `work` on tensors without values and gives what it returned with every kernel that ran. The backend that was
 * active before is active again afterwards. Throws Error for a kernel whose shapes are not known here (a fault of
 * ours).
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
