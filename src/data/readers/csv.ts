/** CSV question files as released, by the library csv-parse: a header line, then one record a line. */
import { parse } from 'csv-parse/sync';
import { userError } from '../../problems';
import type { ReleasedFiles } from './files';
import type { Problems } from './record';

export interface CsvRow {
  /** file and line */
  place: string;
  values: Record<string, string>;
}

/**
 * The records of a CSV file by column, with the lines they begin on. Records with a fault of form (an unclosed quote,
 * more or fewer fields than the header) are noted and left out. A file that is not UTF-8 is read as Windows-1252, with
 * a notice. Throws UserError when the file is missing, has no records, or lacks one of `columns`.
 */
export async function readCsv(
  files: ReleasedFiles,
  name: string,
  columns: readonly string[],
  problems: Problems,
): Promise<CsvRow[]> {
  const text = await files.text(name, () => problems.note(`${name} is not UTF-8 and was read as Windows-1252`));
  let header: string[] = [];
  const rows = parse(text, {
    bom: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: 1_000_000,
    skip_records_with_error: true,
    columns: (names: string[]) => (header = names.map((each) => each.trim())),
    on_skip: (error) => {
      if (error !== undefined)
        problems.add(
          `${name}:${String((error as { lines?: number }).lines ?? '?')}`,
          'the record has no form',
          error.message.slice(0, 160),
        );
    },
  }) as unknown as { record: Record<string, string>; info: { lines: number } }[];
  const missing = columns.filter((column) => !header.includes(column));
  if (missing.length > 0)
    throw userError({
      where: name,
      what: `has no column ${missing.join(', ')}`,
      expected: `a header with ${columns.join(', ')}`,
    });
  return rows.map(({ record, info }) => ({ place: `${name}:${info.lines}`, values: record }));
}
