/**
 * Model files of CTranslate2 (version 6 of their binary format, little-endian): variables one after the other, each
 * with its name, shape, type and bytes, then other names of some of them. Every file is hostile: sizes are held against
 * the file before anything is allocated. Variables are read one at a time. Source: OpenNMT CTranslate2,
 * `python/ctranslate2/specs/model_spec.py` (`_serialize`).
 */
import { show } from '../../printable';
import { userError, type UserError } from '../../problems';
import { toFloat32 } from './dtypes';
import { bytesInMemory, openFile, type FileBytes } from './fileBytes';
import { allFinite, type WeightTensor } from './weight';

interface Variable {
  /** see `types` */
  type: number;
  shape: number[];
  /** bytes from the beginning of the file */
  from: number;
  to: number;
}

export interface Ctranslate2File {
  /** class of the model, e.g. `WhisperSpec` */
  spec: string;
  /** variables by name, and by the other names that the file gives them */
  variables: ReadonlyMap<string, Pick<Variable, 'shape'> & { type: string }>;
  /** Values of a variable in floating point. Throws UserError for an unknown name, another type, or values that are not finite. */
  read(name: string): WeightTensor;
  close(): void;
}

const types = [
  { name: 'float32', bytes: 4 },
  { name: 'int8', bytes: 1 },
  { name: 'int16', bytes: 2 },
  { name: 'int32', bytes: 4 },
  { name: 'float16', bytes: 2 },
  { name: 'bfloat16', bytes: 2 },
] as const;

/** Far above any published file. */
const limits = { variables: 65_536, axes: 8 } as const;

type Bad = (what: string, expected: string) => UserError;

/** Opens a file on disk; no values are read. The caller closes it. Throws UserError. */
export const openCtranslate2 = (path: string): Ctranslate2File =>
  openFile(path, 'a model.bin of CTranslate2', (bytes) => open(bytes, path));

/** The same of bytes in memory. */
export const readCtranslate2 = (bytes: Uint8Array, where: string): Ctranslate2File => open(bytesInMemory(bytes), where);

/** Reads what stands between values, one after the other. Throws UserError past the end of the file. */
function cursorOf(source: FileBytes, bad: Bad) {
  let at = 0;
  const skip = (length: number, what: string): number => {
    if (length > source.length - at) throw bad(`it breaks off in ${what}`, `at most ${source.length} bytes in all`);
    at += length;
    return at - length;
  };
  const bytes = (length: number, what: string): Buffer => {
    const into = Buffer.alloc(length);
    source.read(skip(length, what), into);
    return into;
  };
  return {
    at: () => at,
    skip,
    u8: (what: string) => bytes(1, what).readUInt8(0),
    u32: (what: string) => bytes(4, what).readUInt32LE(0),
    /** two bytes of length, then a text that ends in a zero */
    text(what: string): string {
      const text = bytes(bytes(2, what).readUInt16LE(0), what);
      if (text.at(-1) !== 0) throw bad(`${what} without an end`, 'a text that ends in a zero');
      return text.toString('utf8', 0, text.length - 1);
    },
  };
}

type Cursor = ReturnType<typeof cursorOf>;

function variableAt(cursor: Cursor, bad: Bad): [string, Variable] {
  const name = cursor.text('the name of a variable');
  const axes = cursor.u8(show(name));
  if (axes > limits.axes) throw bad(`${show(name)} with ${axes} axes`, `at most ${limits.axes}`);
  const shape = Array.from({ length: axes }, () => cursor.u32(show(name)));
  const type = cursor.u8(show(name));
  const size = types[type]?.bytes;
  if (size === undefined)
    throw bad(`${show(name)} of type ${type}`, types.map((known, i) => `${i} (${known.name})`).join(', '));
  const length = cursor.u32(show(name));
  // No honest product exceeds the four bytes of a length; two numbers that are multiplied stay exact below 2^53.
  const values = shape.reduce((product, side) => Math.min(product * side, 2 ** 40), 1);
  if (values * size !== length)
    throw bad(`${show(name)} of shape [${shape.join(', ')}] in ${length} bytes`, `${values * size} bytes`);
  const from = cursor.skip(length, show(name));
  return [name, { type, shape, from, to: from + length }];
}

function open(source: FileBytes, where: string): Ctranslate2File {
  const bad: Bad = (what, expected) => userError({ where, what, expected, hint: 'fetch it again' });
  const cursor = cursorOf(source, bad);
  const version = cursor.u32('the version');
  if (version !== 6) throw bad(`version ${version}`, 'version 6 of the format of CTranslate2');
  const spec = cursor.text('the class of the model');
  cursor.u32('the revision');
  const count = cursor.u32('the number of variables');
  if (count > limits.variables) throw bad(`${count} variables`, `at most ${limits.variables}`);
  const variables = new Map<string, Variable>();
  const put = (name: string, variable: Variable) => {
    if (variables.has(name)) throw bad(`${show(name)} is there twice`, 'one variable a name');
    variables.set(name, variable);
  };
  for (let i = 0; i < count; i++) put(...variableAt(cursor, bad));
  const aliases = cursor.u32('the number of other names');
  if (aliases > limits.variables) throw bad(`${aliases} other names`, `at most ${limits.variables}`);
  for (let i = 0; i < aliases; i++) {
    const alias = cursor.text('another name'),
      of = cursor.text('the name that it stands for');
    const variable = variables.get(of);
    if (variable === undefined) throw bad(`${show(alias)} for ${show(of)}`, 'a variable of the file');
    put(alias, variable);
  }
  if (cursor.at() !== source.length) throw bad(`${source.length - cursor.at()} bytes more`, 'the end of the file');
  return {
    spec,
    variables: new Map([...variables].map(([name, { type, shape }]) => [name, { shape, type: types[type]!.name }])),
    read(name) {
      const variable = variables.get(name);
      if (variable === undefined) throw bad(`no variable ${show(name)}`, [...variables.keys()].slice(0, 10).join(', '));
      const stored = new Uint8Array(variable.to - variable.from);
      source.read(variable.from, stored);
      const data = floats(stored, types[variable.type]!.name);
      if (data === null)
        throw bad(`${show(name)} of type ${types[variable.type]!.name}`, 'float32, float16 or bfloat16');
      if (!allFinite(data)) throw bad(`${show(name)} holds values that are not numbers`, 'finite numbers');
      return { shape: [...variable.shape], data };
    },
    close: () => source.close(),
  };
}

/** Stored values as float32, exactly; null for whole numbers. */
function floats(stored: Uint8Array, type: (typeof types)[number]['name']): Float32Array | null {
  if (type === 'float32') return new Float32Array(stored.buffer);
  if (type !== 'float16' && type !== 'bfloat16') return null;
  const data = new Float32Array(stored.length / 2);
  toFloat32(new Uint16Array(stored.buffer), type === 'float16' ? 'F16' : 'BF16', data);
  return data;
}
