/**
 * The batch and the expected numbers of a reference folder (docs/models.md says what each file holds), checked against
 * the model.
 */
import { join } from 'node:path';
import { isObject, jsonLimits, readObject } from '../json';
import type { Family, FamilyModel } from '../models/published/family';
import { padded } from '../models/sequence';
import { openSafetensors, type SafetensorsFile } from '../models/weights/safetensors';
import { userError } from '../problems';
import type { BatchArrays, BatchShape } from './batches';
import { familyShape } from './familyPrograms';

export const stepFields = [
  'loss',
  'gradientNormEncoder',
  'gradientNormBackbone',
  'dBackbone',
  'dEncoder',
  'kappa',
] as const;
export type StepValues = Record<(typeof stepFields)[number], number>;

export interface Reference {
  batch: BatchArrays;
  shape: BatchShape;
  /** [B, prefixTokens, width] */
  features: Float32Array;
  /** [B, T, V] */
  logits: Float32Array;
  /** [B, T] 0 for a place whose logits mean nothing */
  counted: Uint8Array;
  loss: number;
  /** numbers of parameters by module */
  parameters: { encoder: number; backbone: number } | null;
  steps: StepValues[];
}

/** Images or sounds for each row of text. Throws UserError when the inputs do not fit the configuration. */
export function itemsOf(folder: string, family: Family): number {
  const path = join(folder, 'io.safetensors');
  const io = openSafetensors(path);
  try {
    const input = shapeOf(io, path, family.input.name),
      tokens = shapeOf(io, path, 'input_ids');
    const [count, ...item] = input;
    if (item.join() !== family.input.shape.join())
      throw userError({
        where: path,
        what: `${family.input.name} of the shape [${input.join(', ')}]`,
        expected: `[any number, ${family.input.shape.join(', ')}], as the configuration says`,
      });
    if (tokens.length !== 2 || tokens[0] === 0 || count! % tokens[0]! !== 0 || count === 0)
      throw userError({
        where: path,
        what: `${count} inputs for input_ids of the shape [${tokens.join(', ')}]`,
        expected: 'as many in every row',
      });
    return count! / tokens[0]!;
  } finally {
    io.close();
  }
}

function shapeOf(io: SafetensorsFile, where: string, name: string): number[] {
  const entry = io.entries.get(name);
  if (entry === undefined)
    throw userError({ where, what: `no tensor "${name}"`, expected: [...io.entries.keys()].sort().join(', ') });
  return entry.shape;
}

/** Batch and expected numbers of a reference folder. Throws UserError when they do not fit the model or each other. */
export function readReference(folder: string, model: FamilyModel): Reference {
  const path = join(folder, 'io.safetensors');
  const family = model.composition;
  const io = openSafetensors(path);
  try {
    const [rows, length] = shapeOf(io, path, 'input_ids') as [number, number];
    const integers = (name: string) => {
      const { shape, data } = io.readIntegers(name);
      if (shape.join() !== [rows, length].join())
        throw userError({
          where: path,
          what: `${name} of the shape [${shape.join(', ')}]`,
          expected: `[${rows}, ${length}]`,
        });
      return data;
    };
    const floats = (name: string, expected: number[]) => {
      const shape = shapeOf(io, path, name);
      if (shape.join() !== expected.join())
        throw userError({
          where: path,
          what: `${name} of the shape [${shape.join(', ')}]`,
          expected: `[${expected.join(', ')}]`,
        });
      return io.read(name).data;
    };
    const [ids, mask, labels] = [integers('input_ids'), integers('attention_mask'), integers('labels')];
    checkIds(`${path} input_ids`, model, { rows, length, ids, mask });
    const offset = model.decoding.before;
    const asked = askedLabels(labels, rows, length);
    const most = Math.max(1, ...asked.map((list) => list.length));
    const shape = familyShape(model, { batch: rows, tokens: length, labels: most });
    const batch: BatchArrays = {
      features: io.read(family.input.name).data,
      tokens: ids.map((id, i) => (mask[i] === 0 ? padded(id) : id)),
      ...placesOf(asked, most, offset, length),
    };
    const row = (values: Int32Array, r: number) => values.subarray(r * length, (r + 1) * length);
    // A padded place before the first real one sees nothing: what stands there is arbitrary.
    const counted = Uint8Array.from(mask, (_, i) =>
      offset > 0 ||
      row(mask, Math.floor(i / length))
        .subarray(0, (i % length) + 1)
        .includes(1)
        ? 1
        : 0,
    );
    return {
      batch,
      shape,
      counted,
      features: floats('encoder_features', [rows, model.prefixTokens, family.decoder.width]),
      logits: floats('logits', [rows, length, family.decoder.vocabulary]),
      ...readExpected(join(folder, 'expected.json')),
    };
  } finally {
    io.close();
  }
}

/**
 * Throws UserError for ids outside the vocabulary, texts beyond the context, or rows with too few or too many
 * placeholders.
 */
function checkIds(
  where: string,
  { composition: family, prefixTokens }: FamilyModel,
  { rows, length, ids, mask }: { rows: number; length: number; ids: Int32Array; mask: Int32Array },
): void {
  const { vocabulary, context } = family.decoder;
  ids.forEach((id, i) => {
    if (id !== family.placeholder && (id < 0 || id >= vocabulary))
      throw userError({ where, what: `id ${id} at ${i}`, expected: `0 to ${vocabulary - 1}` });
  });
  if (length > context)
    throw userError({ where, what: `${length} tokens`, expected: `at most the context of ${context}` });
  for (let r = 0; r < rows && family.placeholder !== null; r++) {
    const found = ids
      .subarray(r * length, (r + 1) * length)
      .filter((id, t) => id === family.placeholder && mask[r * length + t] === 1).length;
    if (found !== prefixTokens)
      throw userError({
        where,
        what: `${found} placeholders (id ${family.placeholder}) in row ${r}`,
        expected: `${prefixTokens}, one for each feature`,
      });
  }
}

/** Of each row the labels that are asked for, with their places; the first token of a row is predicted by nothing. */
type Asked = { label: number; t: number }[][];

const askedLabels = (labels: Int32Array, rows: number, length: number): Asked =>
  Array.from({ length: rows }, (_, r) =>
    Array.from(labels.subarray(r * length, (r + 1) * length), (label, t) => ({ label, t })).filter(
      ({ label, t }) => t > 0 && label >= 0,
    ),
  );

/** Positions, labels and mask of a batch [rows * most]. */
function placesOf(
  asked: Asked,
  most: number,
  offset: number,
  length: number,
): { positions: Int32Array; labels: Int32Array; mask: Float32Array } {
  const size = asked.length * most;
  const places = { positions: new Int32Array(size), labels: new Int32Array(size), mask: new Float32Array(size) };
  asked.forEach((list, r) =>
    list.forEach(({ label, t }, i) => {
      places.positions[r * most + i] = r * (offset + length) + offset + t - 1;
      places.labels[r * most + i] = label;
      places.mask[r * most + i] = 1;
    }),
  );
  return places;
}

function readExpected(path: string): Pick<Reference, 'loss' | 'parameters' | 'steps'> {
  const expected = readObject(path, jsonLimits.config);
  const number = (from: unknown, name: string): number => {
    const value = isObject(from) ? from[name] : undefined;
    if (typeof value !== 'number')
      throw userError({ where: path, what: `${name} is ${JSON.stringify(value)}`, expected: 'a number' });
    return value;
  };
  const { trajectory, parameters } = expected;
  if (!Array.isArray(trajectory) || trajectory.length === 0 || trajectory.length > 10_000)
    throw userError({ where: path, what: 'no trajectory', expected: 'a list of steps' });
  return {
    loss: number(expected, 'loss'),
    parameters:
      parameters === undefined
        ? null
        : { encoder: number(parameters, 'encoder'), backbone: number(parameters, 'backbone') },
    steps: trajectory.map((step: unknown) => ({
      loss: number(step, 'loss'),
      gradientNormEncoder: number(step, 'grad_norm_encoder'),
      gradientNormBackbone: number(step, 'grad_norm_backbone'),
      dBackbone: number(step, 'd_backbone'),
      dEncoder: number(step, 'd_encoder'),
      kappa: number(step, 'kappa'),
    })),
  };
}
