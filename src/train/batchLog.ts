/**
 * What an evaluation has computed so far, batch by batch, so that it can be kept and gone on with. An evaluation asks
 * for the same batches in the same order whenever it is made, so a place in this order is all that a batch needs for a
 * name, and each batch has the composition that it has without an interruption.
 */

/** What is kept of one row of a batch: numbers or a text. Survives a round trip through JSON to the last bit. */
export type KeptRow = readonly number[] | string;

/** Batches since the checkpoint that they follow. */
export interface KeptEvaluation {
  batches: readonly (readonly KeptRow[])[];
  /** wall-clock seconds that they took; for run.json only */
  seconds: number;
}

/** Gives the rows of the next batch: the kept ones when there are some that fit, else what `compute` finds. */
export type NextBatch = <T extends KeptRow>(
  rows: number,
  fits: (row: KeptRow) => row is T,
  compute: () => Promise<readonly T[]>,
) => Promise<readonly T[]>;

export interface BatchLog {
  next: NextBatch;
  /** all batches so far */
  batches(): readonly (readonly KeptRow[])[];
  /** batches computed here, not taken from what was kept */
  computed(): number;
  /** begins anew: what follows belongs to another checkpoint */
  clear(): void;
}

/**
 * A log that begins with kept batches. `onComputed` is awaited after each batch that was computed; `onMisfit` is told
 * once when a kept batch is not what is asked for at its place: it and those after it are dropped and computed.
 */
export function batchLog(
  kept: readonly (readonly KeptRow[])[],
  onComputed: () => Promise<void>,
  onMisfit: () => void,
): BatchLog {
  let batches: (readonly KeptRow[])[] = [...kept];
  let at = 0;
  let computed = 0;
  return {
    next: async <T extends KeptRow>(
      rows: number,
      fits: (row: KeptRow) => row is T,
      compute: () => Promise<readonly T[]>,
    ): Promise<readonly T[]> => {
      const found = batches[at];
      if (found?.length === rows && found.every(fits)) {
        at += 1;
        return found;
      }
      if (found !== undefined) {
        batches = batches.slice(0, at);
        onMisfit();
      }
      const fresh = await compute();
      batches.push(fresh);
      at += 1;
      computed += 1;
      await onComputed();
      return fresh;
    },
    batches: () => batches.slice(0, at),
    computed: () => computed,
    clear: () => {
      batches = [];
      [at, computed] = [0, 0];
    },
  };
}

/** Keeps nothing. */
export const noLog: NextBatch = async (_rows, _fits, compute) => compute();
