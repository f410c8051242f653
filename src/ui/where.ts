/**
 * Rows chosen by a condition of SQL that a person wrote: a database of its own in memory that holds nothing but the rows, sees no file and
 * no network, and is given little time and memory.
 */
import { openDatabase, type Cell } from '../../analysis/database';

/** Letters of a condition at most. */
const longest = 500;
const mostSeconds = 2;

/** A condition that cannot be used, with a reason for a person. */
export class BadCondition extends Error {}

export interface Column {
  name: string;
  type: 'VARCHAR' | 'DOUBLE' | 'BOOLEAN';
}

/** A value as a column holds it: numbers, texts and truth values as they are, all else as JSON. */
const cellOf = (value: unknown): Cell | boolean =>
  value === null || value === undefined
    ? null
    : typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? value
      : JSON.stringify(value);

/** Columns of rows; a name that only differs in its dots or its case from an earlier one is left out. */
export function columnsOf(rows: readonly Record<string, unknown>[]): Column[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const seen = new Set<string>();
  return names.flatMap((name): Column[] => {
    if (seen.has(columnName(name).toLowerCase())) return [];
    seen.add(columnName(name).toLowerCase());
    const values = rows.map((row) => cellOf(row[name])).filter((value) => value !== null);
    const all = (type: string) => values.length > 0 && values.every((value) => typeof value === type);
    return [{ name, type: all('number') ? 'DOUBLE' : all('boolean') ? 'BOOLEAN' : 'VARCHAR' }];
  });
}

/** The name of a column in a condition: dots become underscores, so that it needs no quotes. */
export const columnName = (name: string): string => name.replaceAll(/[^A-Za-z0-9]/g, '_');

/** Whether brackets and quotes are closed, and no bracket before it was opened: else it would not stay a condition. */
function isOneExpression(condition: string): boolean {
  const outside = condition.replaceAll(/'[^']*'|"[^"]*"/g, '');
  if (/['"]|--|\/\*/.test(outside)) return false;
  let depth = 0;
  for (const sign of outside) {
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** Places of the rows for which the condition holds. Throws BadCondition. */
export async function rowsWhere(rows: readonly Record<string, unknown>[], condition: string): Promise<number[]> {
  if (condition.length > longest) throw new BadCondition(`it is longer than ${longest} letters`);
  if (!isOneExpression(condition))
    throw new BadCondition('it must be one condition, with its brackets and quotes closed and without a comment');
  const { connection, close } = await openDatabase();
  const timer = setTimeout(() => connection.interrupt(), mostSeconds * 1000);
  try {
    const columns = columnsOf(rows);
    const list = columns.map(({ name, type }) => `"${columnName(name)}" ${type}`);
    await connection.run(`create table settings (place integer, ${list.join(', ')})`);
    const marks = columns.map((_, i) => `$${i + 2}`);
    const insert = await connection.prepare(`insert into settings values ($1, ${marks.join(', ')})`);
    for (const [place, row] of rows.entries()) {
      insert.bindInteger(1, place);
      columns.forEach(({ name, type }, i) => {
        const value = cellOf(row[name]);
        if (value === null) insert.bindNull(i + 2);
        else if (type === 'DOUBLE') insert.bindDouble(i + 2, value as number);
        else if (type === 'BOOLEAN') insert.bindBoolean(i + 2, value as boolean);
        else insert.bindVarchar(i + 2, String(value));
      });
      await insert.run();
    }
    for (const limit of ["memory_limit = '256MB'", "max_temp_directory_size = '0KB'", 'enable_external_access = false'])
      await connection.run(`set ${limit}`);
    await connection.run('set lock_configuration = true');
    return await chosen(connection, `select place from settings where (${condition}\n) order by place`);
  } finally {
    clearTimeout(timer);
    close();
  }
}

async function chosen(
  connection: Awaited<ReturnType<typeof openDatabase>>['connection'],
  sql: string,
): Promise<number[]> {
  try {
    // One statement alone: a condition may not bring a second one along.
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) throw new BadCondition('it must be one condition');
    const found = await (await statements.prepare(0)).runAndReadAll();
    const places = new Set(found.getRowObjectsJS().map((row) => Number(row['place'])));
    return [...places].sort((a, b) => a - b);
  } catch (error) {
    if (error instanceof BadCondition) throw error;
    const [first = ''] = (error as Error).message.split('\n');
    throw new BadCondition(/interrupt/i.test(first) ? `it took longer than ${mostSeconds} s` : first.slice(0, 300));
  }
}
