/** What a tower of the small zoo is, and how its frozen features are computed over files. */
import type { Modality } from '../../../modules';
import { userError } from '../../../problems';
import { tf, type Tensor, type Tensors } from '../../../tensor/tf';
import type { Declared, Part } from '../../parts/part';
import type { WeightTensor } from '../../weights/weight';

/** A tower with its weights on the current backend. */
export interface OpenTower {
  /**
   * Features of each file, rows x width, row by row; of null, a place that is left empty, nothing. `onFile` hears how
   * many are done. Throws UserError for a file it cannot take.
   */
  extract(files: readonly (string | null)[], onFile?: (done: number) => void): Promise<Float32Array[]>;
  /**
   * files in a pass, in whose last digits the place of a file among them may show; absent where each file is computed by
   * itself
   */
  batch?: number;
  /** what was cut or dropped in the files so far; absent for towers that refuse such files */
  notices?: readonly string[];
  /** Gives the weights' memory back. */
  close(): void;
}

/** What a tower computes from, and how a file becomes it. */
export interface TowerInput {
  /** of one image or sound, e.g. [height, width, 3] */
  shape: readonly number[];
  /** grows with any change of what is read, so that stored inputs are made anew */
  version: number;
  /**
   * One file as values of `shape`, the same on every backend. Throws UserError for a file that the tower cannot take.
   */
  read(file: string): Promise<Float32Array>;
}

/** The tower as a part of a model whose parameters may be trained. */
export interface TowerPart {
  parameters: readonly Declared[];
  /** linear layers that adapters go to when nothing else is said; none: it has none, and takes no adapter */
  adapted: readonly string[];
  /**
   * Values of all parameters as published, by name. Fetches them on first use. Throws UserError for a file that is not
   * what it should be.
   */
  weights(): Promise<Record<string, WeightTensor>>;
  /** inputs [B, ...input.shape] -> features [B, rows, width]; rows is one of `rowChoices` */
  apply(part: Part, input: Tensor, rows: number): Tensor;
}

export interface EncoderTower {
  /** as manifests say it */
  name: string;
  /** what it is, in a line */
  about: string;
  /**
   * `__filename` of where a tower of this repository stands, whose code belongs to the identity of the runs that use it
   * (src/parts/code.ts)
   */
  file?: string;
  modality: Modality;
  /** blocks that are run */
  blocks: number;
  /**
   * name of the data manifest of its weights, or of several; absent: it has no pretrained weights, or brings them in its
   * own folder
   */
  source?: string | readonly string[];
  /** sha256 of a tower from outside this repository; part of what its features depend on */
  code?: string;
  /** its weights were stored in 8 bits and are turned back into float32 */
  quantised: boolean;
  /** grows with any change of the computation, so that stored features are made anew */
  version: number;
  /** feature vectors per file unless asked otherwise */
  rows: number;
  /** numbers of rows that can be asked for */
  rowChoices: readonly number[];
  /** length of one feature vector */
  width: number;
  input: TowerInput;
  part: TowerPart;
  /**
   * The tower as published, for features that are computed once. Fetches the weights on first use. Throws UserError for
   * rows that are not a choice.
   */
  open(rows?: number): Promise<OpenTower>;
}

/** A tower without its way to open, which is the same for all of the zoo. */
export type TowerDefinition = Omit<EncoderTower, 'open'> & {
  /** files in a pass when features are computed */
  batch: number;
  /** weights in a form in which the part computes the same, but quicker, as long as nothing is trained */
  frozen?(weights: Record<string, WeightTensor>): Record<string, WeightTensor>;
};

/** The tower that a definition describes. */
export function encoderTower({ batch, frozen, ...tower }: TowerDefinition): EncoderTower {
  return {
    ...tower,
    async open(rows = tower.rows) {
      if (!tower.rowChoices.includes(rows))
        throw userError({
          where: `encoder ${tower.name}`,
          what: `${rows} rows`,
          expected: tower.rowChoices.join(' or '),
        });
      const weights = await tower.part.weights();
      const tensors: Tensors = Object.fromEntries(
        Object.entries(frozen?.(weights) ?? weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
      );
      return batchedTower(tensors, batch, tower.input.shape, tower.input.read, (inputs) =>
        tower.part.apply({ tensors }, inputs, rows),
      );
    },
  };
}

/**
 * Runs `compute` over files in batches of one size; the last is filled up with zeros so that every batch has the same
 * shape. A file may become several inputs of `shape`, one after the other (the tiles of an image): these are batched by
 * themselves.
 */
export function batchedTower(
  tensors: Record<string, Tensor>,
  size: number,
  shape: readonly number[],
  read: (file: string) => Promise<Float32Array>,
  compute: (inputs: Tensor) => Tensor,
): OpenTower {
  const length = shape.reduce((product, side) => product * side, 1);
  /** At most `size` inputs, one after the other -> the outputs of each. */
  async function pass(given: readonly Float32Array[]): Promise<Float32Array[]> {
    const batch = new Float32Array(size * length);
    given.forEach((input, i) => batch.set(input, i * length));
    const inputs = tf.tensor(batch, [size, ...shape]);
    const outputs = tf.tidy(() => compute(inputs));
    const values = (await outputs.data()) as Float32Array;
    tf.dispose([inputs, outputs]);
    const each = values.length / size;
    return given.map((_, i) => values.slice(i * each, (i + 1) * each));
  }
  return {
    batch: size,
    async extract(files, onFile) {
      const out: Float32Array[] = [];
      const nothing = new Float32Array(0);
      for (let from = 0; from < files.length; from += size) {
        const some = files.slice(from, from + size);
        const found = await Promise.all(some.map((file) => (file === null ? null : read(file))));
        const each = found.map((input) => (input === null ? [nothing] : pieces(input, length)));
        const inputs = each.flat();
        const outputs: Float32Array[] = [];
        for (let at = 0; at < inputs.length; at += size) outputs.push(...(await pass(inputs.slice(at, at + size))));
        each.forEach((own, i) => {
          const values = outputs.splice(0, own.length);
          out.push(some[i] === null ? nothing : joined(values));
        });
        onFile?.(out.length);
      }
      return out;
    },
    close: () => tf.dispose(tensors),
  };
}

/** The values in pieces of at most one length. */
const pieces = (values: Float32Array, length: number): Float32Array[] =>
  Array.from({ length: Math.ceil(values.length / length) }, (_, i) => values.subarray(i * length, (i + 1) * length));

/** The values of all parts, one after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const [only, ...more] = parts;
  if (only !== undefined && more.length === 0) return only;
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
