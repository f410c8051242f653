/**
 * Where products of matrices may be rounded. A program computes in float32; what runs inside `inBfloat16` may have its
 * products lowered by the recorder (lowering.ts), but for what runs inside `inFloat32` there: sums and selections that
 * are written as products.
 */
import type { Precision } from './precision';
import { scoped } from './scoped';

/** `can`: somebody heeds what is asked for; `may`: it is asked for here. */
const rounding = scoped({ can: false, may: false });

/**
 * Products of this part of a program are rounded to bfloat16, and those of its gradients where these are taken inside:
 * a gradient is made where it is asked for, not where its function ran. Throws Error where programs are not recorded,
 * since there they would silently be float32.
 */
export function inBfloat16<T>(body: () => T): T {
  if (!rounding.now().can)
    throw new Error('products in bfloat16 need a program that is recorded on the tensorflow backend');
  return rounding.during({ can: true, may: true }, body);
}

/** Products of this part in the precision that a run asks for. Throws as `inBfloat16`. */
export const inPrecision = <T>(precision: Precision | undefined, body: () => T): T =>
  precision === 'bfloat16' ? inBfloat16(body) : body();

/** Products of this part stay in float32 wherever it stands. */
export const inFloat32 = <T>(body: () => T): T => rounding.during({ ...rounding.now(), may: false }, body);

/** Runs `body` for somebody who asks `isRounded` of every product: the recorder, or the count of costs. */
export const heedingPrecision = <T>(body: () => T): T => rounding.during({ can: true, may: false }, body);

/** Whether a product that is made now may be rounded. */
export const isRounded = (): boolean => rounding.now().may;
