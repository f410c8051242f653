/** Checkpoints of random weights, written tensor by tensor, so that one of any size needs no memory. */
import { closeSync, mkdirSync, openSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { theirName } from '../../src/models/checkpoint/names';
import { parametersOf } from '../../src/models/composition';
import { peftLayout, writePeftAdapter } from '../../src/models/peft';
import { familyOf } from '../../src/models/published';
import { cachedFamilyModel, withoutWeights } from '../../src/models/published/family';
import { userError } from '../../src/problems';
import { random } from '../../src/random';
import { toBfloat16 } from '../../src/tensor/bfloat16';
import { initialVector, valuesByName } from '../../src/tensor/parameters';
import { sizeOf } from '../../src/tensor/shape';
import { adapter, configOf, stepSize, type LargeSizeName } from './sizes';

/** A prime: rows of a matrix are not repeated in it. */
const blockValues = 1_048_573;
const deviation = 0.02;
const bytesOfValue = 2;

interface Entry {
  name: string;
  shape: number[];
  isGain: boolean;
}

/** What the file holds, in its order. */
function entriesOf(size: LargeSizeName): Entry[] {
  const family = familyOf(configOf(size));
  return parametersOf(family).map(({ name, shape }) => ({
    name: theirName(family.table, name),
    shape,
    isGain: shape.length === 1 && !name.endsWith('.bias'),
  }));
}

/** Bytes of a size's checkpoint on disk, without its header. */
export const checkpointBytes = (size: LargeSizeName): number =>
  entriesOf(size).reduce((sum, { shape }) => sum + bytesOfValue * sizeOf(shape), 0);

/**
 * Writes config.json, model.safetensors in bfloat16 (gains of one, all else normal) and the adapters' start in PEFT's
 * layout, `adapter/`, so that both sides begin alike. Throws UserError where the disk has no room for it.
 */
export function writeCheckpoint(folder: string, size: LargeSizeName): void {
  mkdirSync(folder, { recursive: true });
  const needed = checkpointBytes(size);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < needed)
    throw userError({
      where: folder,
      what: `${(needed / 1e9).toFixed(1)} GB are needed for ${size}, and ${((bavail * bsize) / 1e9).toFixed(1)} GB are free`,
      expected: 'a folder on a disk with room for it',
      hint: 'name another by --folder, or leave the size out of --sizes',
    });
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(configOf(size), null, 1)}\n`);
  writeWeights(join(folder, 'model.safetensors'), entriesOf(size));
  writeAdapter(join(folder, 'adapter'), size);
}

function writeWeights(path: string, entries: readonly Entry[]): void {
  const source = random(0, 'bench/weights');
  const block = toBfloat16(Float32Array.from({ length: blockValues }, () => deviation * source.normal()));
  const ones = toBfloat16(new Float32Array(blockValues).fill(1));
  let end = 0;
  const header = Object.fromEntries(
    entries.map(({ name, shape }) => {
      const from = end;
      end += bytesOfValue * sizeOf(shape);
      return [name, { dtype: 'BF16', shape, data_offsets: [from, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  text.copy(padded, 8);
  const file = openSync(path, 'w');
  try {
    writeSync(file, padded);
    let at = 0;
    for (const { shape, isGain } of entries)
      for (let left = sizeOf(shape); left > 0;) {
        const values = (isGain ? ones : block).subarray(at, at + left);
        for (let done = 0; done < values.byteLength;)
          done += writeSync(file, new Uint8Array(values.buffer, values.byteOffset + done, values.byteLength - done));
        left -= values.length;
        at = (at + values.length) % blockValues;
      }
  } finally {
    closeSync(file);
  }
}

/** The adapters as a run of seed 0 begins with them. */
function writeAdapter(folder: string, size: LargeSizeName): void {
  mkdirSync(folder, { recursive: true });
  const family = familyOf(configOf(size));
  const { trainable } = cachedFamilyModel(withoutWeights(family), [stepSize.start], {
    tuning: { backbone: { kind: 'lora', ...adapter, targets: [...adapter.targets] } },
  });
  const trained = valuesByName(trainable.backbone, initialVector(trainable.backbone, 0));
  writePeftAdapter(
    folder,
    peftLayout({ table: family.table, trained, adapterOf: () => adapter }, adapter, 'CAUSAL_LM'),
  );
}
