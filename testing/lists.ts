/**
 * Lists in assertions: `[].every(...)` is true, and a loop over nothing fails nothing, so an empty list must fail by
 * itself.
 */
import { expect } from 'vitest';

/** The list, which must not be empty: for loops with assertions inside. */
export function notEmpty<T>(items: Iterable<T>): readonly T[] {
  const list = [...items];
  expect(list.length, 'an empty list proves nothing').toBeGreaterThan(0);
  return list;
}

/**
 * Asserts that the list is not empty and that `holds` is true of every item; those that it is not true of are shown.
 */
export function expectEvery<T>(items: Iterable<T>, holds: (item: T, index: number) => boolean): void {
  expect(notEmpty(items).filter((item, index) => !holds(item, index))).toEqual([]);
}
