/** Small changes to sound inputs, as fast-check makes and shrinks them: of JSON values, and of bytes. */
import fc from 'fast-check';

/** One change of a JSON value. `at`, from 0 to 1, chooses one of its places. */
export interface JsonChange {
  at: number;
  how: 'replace' | 'remove' | 'rename' | 'add' | 'repeat' | 'swap';
  /** what is put there */
  value: unknown;
}

/** Values that a field may wrongly have: other types, bounds of numbers, names that mean something to JavaScript. */
const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  2,
  1e9,
  2 ** 31,
  2 ** 53,
  -1e300,
  1e-300,
  '',
  ' ',
  'x',
  '1',
  'true',
  '../outside',
  '/outside',
  '__proto__',
  'constructor',
  'toString',
  'a\u0000b',
  '\u202ea',
  '\ud800',
  'é',
  'x'.repeat(5000),
  [],
  {},
  [[]],
  [null],
  [0, 0],
  { x: 1 },
  { __proto__: null, length: 3 },
  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['deep']]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
];
const oddKeys = ['x', '', '__proto__', 'constructor', 'kind', 'toString', 'a.b', 'ünï'];

/** A place from 0 to 1, all alike: numbers as they usually come would choose the first place far too often. */
const anywhere = fc.noBias(fc.nat(999_999)).map((n) => n / 1e6);

/** One to three changes of a JSON value. */
export const jsonChanges: fc.Arbitrary<JsonChange[]> = fc.array(
  fc.record({
    at: anywhere,
    how: fc.constantFrom<JsonChange['how'][]>('replace', 'remove', 'rename', 'add', 'repeat', 'swap'),
    value: fc.constantFrom(...oddValues),
  }),
  { minLength: 1, maxLength: 3 },
);

type Holder = Record<string, unknown> | unknown[];

/** Every place of a value: the object or list that holds it, and its key there. */
function placesOf(value: unknown, found: { holder: Holder; key: string | number }[] = []): typeof found {
  if (value === null || typeof value !== 'object') return found;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    found.push({ holder: value as Holder, key });
    placesOf((value as Record<string | number, unknown>)[key], found);
  }
  return found;
}

/** A copy of a JSON value with these changes, one after the other. */
export function changeJson(value: unknown, changes: readonly JsonChange[]): unknown {
  const root = [structuredClone(value)];
  for (const change of changes) {
    const places = placesOf(root);
    const place = places[Math.floor(change.at * places.length)];
    if (place !== undefined) applyTo(place.holder, place.key, structuredClone(change.value), change, places);
  }
  return root[0] ?? null;
}

function applyTo(
  holder: Holder,
  key: string | number,
  value: unknown,
  { how, at }: JsonChange,
  places: ReturnType<typeof placesOf>,
): void {
  const set = (where: string | number, what: unknown) =>
    Object.defineProperty(holder, where, { value: what, enumerable: true, configurable: true, writable: true });
  const here = (holder as Record<string | number, unknown>)[key];
  const oddKey = oddKeys[Math.floor(at * 997) % oddKeys.length]!;
  switch (how) {
    case 'replace':
      return void set(key, value);
    case 'remove':
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[String(key)];
      return;
    case 'rename':
      if (Array.isArray(holder)) return void set(key, value);
      delete holder[String(key)];
      return void set(at > 0.5 ? oddKey : `${String(key).slice(0, -1)}x`, here);
    case 'add':
      if (Array.isArray(here)) here.push(value);
      else if (here !== null && typeof here === 'object')
        Object.defineProperty(here, oddKey, { value, enumerable: true, configurable: true, writable: true });
      else set(key, value);
      return;
    case 'repeat':
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(here));
      else set(`${String(key)}2`, here);
      return;
    case 'swap': {
      const other = places[Math.floor(((at * 7919) % 1) * places.length)]!;
      set(key, structuredClone((other.holder as Record<string | number, unknown>)[other.key]));
    }
  }
}

/** One change of bytes. `at`, from 0 to 1, is the place; a third of all falls into the first 64 bytes, where headers are. */
export interface ByteChange {
  at: number;
  head: boolean;
  how: 'flip' | 'set' | 'cut' | 'remove' | 'insert' | 'repeat' | 'number' | 'letter';
  /** bit, byte, or which of the extreme numbers */
  what: number;
  /** bytes that are removed, inserted or repeated */
  length: number;
}

/** One to four changes of bytes. */
export const byteChanges: fc.Arbitrary<ByteChange[]> = fc.array(
  fc.record({
    at: anywhere,
    head: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
    how: fc.constantFrom<ByteChange['how'][]>('flip', 'set', 'cut', 'remove', 'insert', 'repeat', 'number', 'letter'),
    what: fc.noBias(fc.nat(255)),
    length: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Lengths and counts that break programs, as 32 bits. */
const extremes = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0, 0x0100_0000, 12];
/** Letters with a meaning in formats of text. */
const letters = Buffer.from('{}[]",:\\\n\r\t\0-*&!#|>%@`\'/.<0e\xff');

/** A copy of bytes with these changes, one after the other. */
export function changeBytes(bytes: Uint8Array, changes: readonly ByteChange[]): Buffer {
  let out = Buffer.from(bytes);
  for (const { at, head, how, what, length } of changes) {
    if (out.length === 0) break;
    const place = Math.floor(at * (head ? Math.min(64, out.length) : out.length));
    const [before, after] = [out.subarray(0, place), out.subarray(place)];
    switch (how) {
      case 'flip':
        out[place]! ^= 1 << (what & 7);
        break;
      case 'set':
        out[place] = what;
        break;
      case 'letter':
        out[place] = letters[what % letters.length]!;
        break;
      case 'cut':
        out = Buffer.from(before);
        break;
      case 'remove':
        out = Buffer.concat([before, after.subarray(length)]);
        break;
      case 'insert':
        out = Buffer.concat([before, Buffer.alloc(length, what), after]);
        break;
      case 'repeat':
        out = Buffer.concat([before, after.subarray(0, length), after]);
        break;
      case 'number': {
        const value = extremes[what % extremes.length]!;
        if (place + 4 > out.length) break;
        if (what < 128) out.writeUInt32LE(value, place);
        else out.writeUInt32BE(value, place);
      }
    }
  }
  return out;
}
