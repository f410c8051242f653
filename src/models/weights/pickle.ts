/**
 * Python's pickles (protocols 0 to 5, the opcodes that PyTorch's files use) as plain data. A pickle is a program; here
 * nothing of it is ever run: a call stays a record of what was to be called with what, and whoever reads the data decides
 * which calls mean something. Every other opcode is refused, and sizes are held against the file. No library is used,
 * because those of npm build objects while they read. Source: CPython, `Lib/pickletools.py`.
 */
import { show } from '../../printable';
import { userError } from '../../problems';

/** A name of a Python module: a class or function that was to be imported. */
export interface PickledName {
  kind: 'name';
  name: string;
}
/** A call that was to be made, with what was to be put into its result. */
export interface PickledCall {
  kind: 'call';
  of: Pickled;
  given: readonly Pickled[];
  entries: Map<Pickled, Pickled>;
}
/** What lies outside the pickle, by the key that names it. */
export interface PickledOutside {
  kind: 'outside';
  key: Pickled;
}
export type Pickled =
  null | boolean | number | string | PickledName | PickledCall | PickledOutside | Map<Pickled, Pickled> | Pickled[];

/** Far above what a file of weights holds. */
const limits = { bytes: 16 * 2 ** 20, values: 2_000_000 } as const;

const mark = Symbol('mark');

/** Reads the bytes of a pickle in their order. */
class Bytes {
  private at = 0;
  constructor(
    private readonly bytes: Buffer,
    private readonly refuse: (what: string, expected: string) => Error,
  ) {}
  /** the next `length` bytes */
  take(length: number): Buffer {
    if (length > this.bytes.length - this.at)
      throw this.refuse('its pickle breaks off', `at most ${this.bytes.length} bytes`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  text(length: number): string {
    return new TextDecoder('utf-8').decode(this.take(length));
  }
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    const text = this.text((end < 0 ? this.bytes.length : end) - this.at);
    this.take(1);
    return text;
  }
  u8 = (): number => this.take(1).readUInt8(0);
  u16 = (): number => this.take(2).readUInt16LE(0);
  u32 = (): number => this.take(4).readUInt32LE(0);
}

/** A whole number of Python, little-endian in two's complement; those that are not exact here are refused. */
function wholeNumber(bytes: Buffer, refuse: (what: string, expected: string) => Error): number {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  if (bytes.length > 0 && (bytes.at(-1)! & 0x80) !== 0) value -= 1n << BigInt(8 * bytes.length);
  if (BigInt.asIntN(54, value) !== value) throw refuse('a whole number beyond 2^53', 'smaller numbers');
  return Number(value);
}

/** The machine of a pickle: its stack and memory. */
class Machine {
  readonly stack: (Pickled | typeof mark)[] = [];
  readonly memory = new Map<number, Pickled>();
  made = 0;
  constructor(readonly refuse: (what: string, expected: string) => Error) {}
  push(value: Pickled): void {
    this.made += 1;
    if (this.made > limits.values) throw this.refuse(`more than ${limits.values} values`, 'a file of weights');
    this.stack.push(value);
  }
  pop(): Pickled {
    const value = this.stack.pop();
    if (value === undefined || value === mark) throw this.refuse('an opcode without its values', 'a sound pickle');
    return value;
  }
  top(): Pickled {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }
  /** what stands above the last mark, which goes with it */
  aboveMark(): Pickled[] {
    const from = this.stack.lastIndexOf(mark);
    if (from < 0) throw this.refuse('an opcode without its mark', 'a sound pickle');
    return this.stack.splice(from).slice(1) as Pickled[];
  }
  last(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }
  /** puts entries, key after value, into the dictionary, or into the result of a call, below them */
  setItems(items: readonly Pickled[]): void {
    const into = this.top();
    const map = into instanceof Map ? into : isCall(into) ? into.entries : null;
    if (map === null || items.length % 2 === 1) throw this.refuse('entries of what is no dictionary', 'a dictionary');
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }
  append(items: readonly Pickled[]): void {
    const into = this.top();
    if (!Array.isArray(into)) throw this.refuse('items of what is no list', 'a list');
    for (const item of items) into.push(item);
  }
  recall(place: number): void {
    const value = this.memory.get(place);
    if (value === undefined) throw this.refuse(`a memory ${place} that was never written`, 'a sound pickle');
    this.push(value);
  }
  call(): void {
    const [of, given] = this.last(2) as [Pickled, Pickled];
    if (!Array.isArray(given)) throw this.refuse('a call without its list of values', 'a sound pickle');
    this.push({ kind: 'call', of, given, entries: new Map() });
  }
}

export const isCall = (value: Pickled | undefined): value is PickledCall =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'call';
export const isName = (value: Pickled | undefined): value is PickledName =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'name';
export const isOutside = (value: Pickled | undefined): value is PickledOutside =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'outside';

/** What each opcode does; those that are not here are refused. */
const opcodes: Readonly<Record<number, (m: Machine, b: Bytes) => void>> = {
  0x80: (_, b) => void b.u8(), // PROTO
  0x95: (_, b) => void b.take(8), // FRAME
  0x28: (m) => void m.stack.push(mark), // MARK
  0x4e: (m) => m.push(null), // NONE
  0x88: (m) => m.push(true), // NEWTRUE
  0x89: (m) => m.push(false), // NEWFALSE
  0x4b: (m, b) => m.push(b.u8()), // BININT1
  0x4d: (m, b) => m.push(b.u16()), // BININT2
  0x4a: (m, b) => m.push(b.take(4).readInt32LE(0)), // BININT
  0x8a: (m, b) => m.push(wholeNumber(b.take(b.u8()), m.refuse)), // LONG1
  0x47: (m, b) => m.push(b.take(8).readDoubleBE(0)), // BINFLOAT
  0x8c: (m, b) => m.push(b.text(b.u8())), // SHORT_BINUNICODE
  0x58: (m, b) => m.push(b.text(b.u32())), // BINUNICODE
  0x5d: (m) => m.push([]), // EMPTY_LIST
  0x29: (m) => m.push([]), // EMPTY_TUPLE
  0x7d: (m) => m.push(new Map()), // EMPTY_DICT
  0x85: (m) => m.push(m.last(1)), // TUPLE1
  0x86: (m) => m.push(m.last(2)), // TUPLE2
  0x87: (m) => m.push(m.last(3)), // TUPLE3
  0x74: (m) => m.push(m.aboveMark()), // TUPLE
  0x6c: (m) => m.push(m.aboveMark()), // LIST
  0x61: (m) => m.append(m.last(1)), // APPEND
  0x65: (m) => m.append(m.aboveMark()), // APPENDS
  0x73: (m) => m.setItems(m.last(2)), // SETITEM
  0x75: (m) => m.setItems(m.aboveMark()), // SETITEMS
  0x71: (m, b) => void m.memory.set(b.u8(), m.top()), // BINPUT
  0x72: (m, b) => void m.memory.set(b.u32(), m.top()), // LONG_BINPUT
  0x94: (m) => void m.memory.set(m.memory.size, m.top()), // MEMOIZE
  0x68: (m, b) => m.recall(b.u8()), // BINGET
  0x6a: (m, b) => m.recall(b.u32()), // LONG_BINGET
  0x63: (m, b) => m.push({ kind: 'name', name: `${b.line()}.${b.line()}` }), // GLOBAL
  0x93: (m) => m.push({ kind: 'name', name: m.last(2).map(String).join('.') }), // STACK_GLOBAL
  0x52: (m) => m.call(), // REDUCE
  0x81: (m) => m.call(), // NEWOBJ
  0x62: (m) => void m.pop(), // BUILD: the state of an object, of which nothing is read
  0x51: (m) => m.push({ kind: 'outside', key: m.pop() }), // BINPERSID
};

/** The value of a pickle. Throws UserError for one that is not made of the opcodes above, or is too large. */
export function readPickle(bytes: Buffer, where: string): Pickled {
  const refuse = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch it again' });
  if (bytes.length > limits.bytes) throw refuse(`a pickle of ${bytes.length} bytes`, `at most ${limits.bytes}`);
  const machine = new Machine(refuse);
  const input = new Bytes(bytes, refuse);
  for (;;) {
    const opcode = input.u8();
    if (opcode === 0x2e) return machine.pop(); // STOP
    const run = opcodes[opcode];
    if (run === undefined)
      throw refuse(`its pickle has the opcode ${show(`0x${opcode.toString(16)}`)}`, 'data of tensors and nothing else');
    run(machine, input);
  }
}
