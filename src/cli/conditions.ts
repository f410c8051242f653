/** Rows chosen and ordered by what a person typed: `--where scheduler=commit-clr`, `--sort accuracy`. Pure. */
import { nearestName } from '../nearest';
import { printable, show } from '../printable';
import { userError } from '../problems';

/** What is known of a row by the names that conditions use. */
export type Fields = Readonly<Record<string, unknown>>;

const operators = ['!=', '<=', '>=', '=', '<', '>'] as const;

export interface Condition {
  field: string;
  operator: (typeof operators)[number];
  value: string;
  /** as it was typed */
  text: string;
}

/** Reads `field=value`, with `!=`, `<`, `<=`, `>` and `>=` too; several are joined by `and`. Throws UserError. */
export function parseConditions(text: string): Condition[] {
  return text.split(/ +and +/).map((one) => {
    const found = /^\s*([A-Za-z][\w.-]*?)\s*(!=|<=|>=|==?|<|>)\s*(.*?)\s*$/.exec(one);
    if (found === null)
      throw userError({
        where: `--where ${show(one)}`,
        what: 'is no condition',
        expected: `FIELD${operators.join(' | FIELD')}, each with a value, e.g. scheduler=commit-clr`,
      });
    const [, field = '', operator = '=', value = ''] = found;
    return {
      field,
      operator: (operator === '==' ? '=' : operator) as Condition['operator'],
      value: value.replace(/^(["'])(.*)\1$/, '$2'),
      text: one.trim(),
    };
  });
}

/** The field that a name means: itself, or the kind of the part that it names. Throws UserError with the nearest. */
export function fieldNamed(name: string, rows: readonly Fields[], where: string): string {
  const known = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const found = [name, `${name}.kind`, `${name}.on`].find((each) => known.includes(each));
  if (found !== undefined || rows.length === 0) return found ?? name;
  const nearest = nearestName(name, known);
  const first = known.slice(0, 16);
  throw userError({
    where,
    what: `there is no field ${show(name)}`,
    expected: `one of ${printable(first.join(', '))}${known.length > first.length ? `, ... (${known.length} in all)` : ''}`,
    hint: nearest === undefined ? undefined : `did you mean ${nearest}?`,
  });
}

/** Places of the rows for which every condition holds. Throws UserError for a field or a value that cannot be meant. */
export function placesWhere(rows: readonly Fields[], conditions: readonly Condition[]): number[] {
  const tests = conditions.map((condition) => {
    const field = fieldNamed(condition.field, rows, `--where ${show(condition.text)}`);
    return (row: Fields) => holds(condition, row[field]);
  });
  return rows.flatMap((row, place) => (tests.every((test) => test(row)) ? [place] : []));
}

function holds({ operator, value, text }: Condition, found: unknown): boolean {
  const isNone = found === null || found === undefined;
  if (operator === '=' || operator === '!=') {
    const equal = isNone
      ? value === '' || value === 'null'
      : typeof found === 'number'
        ? value !== '' && Number(value) === found
        : (typeof found === 'string' ? found : JSON.stringify(found)) === value;
    return equal === (operator === '=');
  }
  const limit = Number(value);
  if (value === '' || Number.isNaN(limit) || (!isNone && typeof found !== 'number'))
    throw userError({
      where: `--where ${show(text)}`,
      what: `${Number.isNaN(limit) || value === '' ? show(value) : show(found)} is no number`,
      expected: `a number on either side of ${operator}`,
    });
  if (typeof found !== 'number') return false;
  switch (operator) {
    case '<':
      return found < limit;
    case '<=':
      return found <= limit;
    case '>':
      return found > limit;
    case '>=':
      return found >= limit;
  }
}

/** Fields of which the largest is the best. */
const bestLargest = ['accuracy', 'exact', 'lowest', 'highest'];

/**
 * Places of the rows in the order of a field: the best first where more is better (accuracy, exact), else the smallest;
 * texts by the numbers in them; rows without a value last. `reverse` turns it round but for these.
 */
export function placesBy(
  rows: readonly Fields[],
  name: string,
  reverse: boolean,
  byText: (a: string, b: string) => number,
): number[] {
  const field = fieldNamed(name, rows, `--sort ${show(name)}`);
  const direction = bestLargest.includes(field) === reverse ? 1 : -1;
  const isNone = (place: number) => rows[place]![field] === null || rows[place]![field] === undefined;
  const compare = (a: number, b: number): number => {
    if (isNone(a) || isNone(b)) return Number(isNone(a)) - Number(isNone(b));
    const [left, right] = [rows[a]![field], rows[b]![field]];
    const apart =
      typeof left === 'number' && typeof right === 'number' ? left - right : byText(String(left), String(right));
    return direction * apart;
  };
  return rows.map((_, place) => place).sort((a, b) => compare(a, b) || a - b);
}
