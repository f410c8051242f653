import { describe, expect, it } from 'vitest';
import { isOutOfMemory, largestBatch, memoryAdvice, OutOfMemoryError } from '../../src/train/memory';

describe('memory that runs out', () => {
  it('is recognised in what backends say, and other failures are not', () => {
    for (const message of [
      'OOM when allocating tensor with shape[8,30,288]',
      'RESOURCE_EXHAUSTED: failed to allocate memory',
      'std::bad_alloc',
      'Array buffer allocation failed',
      'Device lost: out of memory',
    ]) {
      expect(isOutOfMemory(new Error(message)), message).toBe(true);
    }
    for (const message of [
      'step 3: the loss is NaN',
      'INVALID_ARGUMENT: indices[0] = 12 is not in [0, 3)',
      'no ROOM for this',
    ])
      expect(isOutOfMemory(new Error(message)), message).toBe(false);
    let real: unknown;
    try {
      new ArrayBuffer(2 ** 52);
    } catch (error) {
      real = error;
    }
    expect(isOutOfMemory(real)).toBe(true);
  });

  it('finds the largest batch by halving', async () => {
    const tried: number[] = [];
    expect(
      await largestBatch(48, async (batch) => {
        tried.push(batch);
        return batch <= 7;
      }),
    ).toBe(6);
    expect(tried).toEqual([24, 12, 6]);
    expect(await largestBatch(4, async () => false)).toBe(0);
  });

  it('tells what was asked for and what would fit', () => {
    expect(new OutOfMemoryError(64, 'tensorflow', new Error('OOM when allocating\nmore')).message).toBe(
      'out of memory on tensorflow with a batch of 64 examples (OOM when allocating)',
    );
    expect(memoryAdvice(16, true)).toBe(
      'the largest batch found to fit by halving is 16; "accumulate" takes a batch in parts of that size',
    );
    expect(memoryAdvice(16, false)).toContain('"checkpointing": "layers" needs less for each');
    expect(memoryAdvice(0, false)).toContain('not even one example fits');
  });
});
