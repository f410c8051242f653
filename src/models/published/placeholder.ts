/** The token in whose place features stand. */
import type { Fields } from '../checkpoint/config';

/**
 * The first of `names` that the configuration states; `missing` when it states none. null: features stand before the
 * text.
 */
export function placeholderOf(fields: Fields, names: readonly string[], missing: number | null): number | null {
  const name = names.find((candidate) => (fields.raw(candidate) ?? null) !== null);
  return name === undefined ? missing : fields.whole(name, 0, 2 ** 23, 0);
}
