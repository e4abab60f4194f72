/**
 * CSV as kpbench writes and reads it: RFC 4180 with LF, UTF-8, fixed decimals, rows sorted, so that equal results are equal bytes.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { UserError } from '../errors.js';
import { EXTRA_COLUMNS, FIGURE_COLUMNS, KEY_COLUMNS, type MetricRow } from './metrics.js';

/** A cell to write; null is an empty cell: not measured. */
export type Cell = string | number | null;

/** A table as it was read: every cell as text, every row with the line it began on. */
export interface Table {
  /** For messages. */
  file: string;
  columns: string[];
  rows: Array<Record<string, string>>;
  lines: number[];
}

const METRIC_COLUMNS: readonly string[] = [...KEY_COLUMNS, ...FIGURE_COLUMNS];

/** An experiment's CSV, sorted by its key columns. Columns of services and of memory are there if a row has them. */
export function writeMetrics(rows: readonly MetricRow[]): string {
  const extra = EXTRA_COLUMNS.filter((column) => rows.some((row) => row[column] !== undefined));
  if (extra.length === 0) return writeTable(METRIC_COLUMNS, rows, KEY_COLUMNS);
  const whole = rows.map((row) => ({ ...Object.fromEntries(extra.map((column) => [column, null])), ...row }));
  return writeTable([...METRIC_COLUMNS, ...extra], whole, KEY_COLUMNS);
}

/** The rows of an experiment's CSV; `file` names it in errors. Columns that it does not know are ignored. */
export function readMetrics(text: string, file: string): MetricRow[] {
  const table = readTable(text, file, METRIC_COLUMNS);
  return table.rows.map((cells, i) => metricRow(cells, file, table.lines[i] ?? 0));
}

/**
 * Any table. Numbers in columns `*_us` get 3 decimals, `*_pct` 4; others are written as they are. Rows are sorted by `sortBy` (default: all
 * columns from left to right), numbers by value and before text.
 */
export function writeTable<Column extends string>(
  columns: readonly Column[],
  rows: ReadonlyArray<Readonly<Record<Column, Cell>>>,
  sortBy: readonly NoInfer<Column>[] = columns,
): string {
  const sorted = rows.toSorted((a, b) => {
    for (const column of sortBy) {
      const order = compareCells(a[column], b[column]);
      if (order !== 0) return order;
    }
    return 0;
  });
  const cells = sorted.map((row) => columns.map((column) => cellText(column, row[column])));
  return stringify([[...columns], ...cells], { record_delimiter: '\n' });
}

/** Reads any table that has (at least) the columns `required`. */
export function readTable(text: string, file: string, required: readonly string[] = []): Table {
  const records = parseRecords(text, file);
  const header = records[0]?.cells;
  if (header === undefined) throw new UserError(file, 'line 1', 'expected a header line, found an empty file');
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw new UserError(file, 'line 1', `column ${twice} appears twice`);
  const missing = required.filter((name) => !header.includes(name));
  if (missing.length > 0) throw new UserError(file, 'line 1', `expected the column ${missing.join(', ')}`);
  const table: Table = { file, columns: header, rows: [], lines: [] };
  for (const { cells, line } of records.slice(1)) {
    if (cells.length !== header.length)
      throw new UserError(file, `line ${line}`, `expected ${header.length} cells, found ${cells.length}`);
    table.rows.push(Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ''])));
    table.lines.push(line);
  }
  return table;
}

/** A number cell of a table; null if it is empty. */
export function numberCell(text: string, file: string, line: number, column: string): number | null {
  if (text === '') return null;
  if (!/^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text))
    throw new UserError(file, `line ${line}`, `${column}: expected a number, found "${text}"`);
  return Number(text);
}

function metricRow(cells: Record<string, string>, file: string, line: number): MetricRow {
  const text = (column: string) => cells[column] ?? '';
  const number = (column: string) => numberCell(text(column), file, line, column);
  const samples = number('samples');
  if (samples === null || !Number.isInteger(samples) || samples < 0)
    throw new UserError(file, `line ${line}`, `samples: expected a whole number, found "${text('samples')}"`);
  const seed = text('seed');
  if (!/^(all|\d+)$/.test(seed))
    throw new UserError(file, `line ${line}`, `seed: expected a whole number or all, found "${seed}"`);
  return {
    experiment: text('experiment'),
    case: text('case'),
    policy: text('policy'),
    kernel: text('kernel'),
    machine: text('machine'),
    seed,
    metric_of: text('metric_of'),
    samples,
    min_us: number('min_us'),
    p50_us: number('p50_us'),
    p90_us: number('p90_us'),
    p99_us: number('p99_us'),
    p999_us: number('p999_us'),
    p9999_us: number('p9999_us'),
    max_us: number('max_us'),
    mean_us: number('mean_us'),
    overflow_100us_pct: number('overflow_100us_pct'),
    max_low_us: number('max_low_us'),
    max_high_us: number('max_high_us'),
    overflow_low_pct: number('overflow_low_pct'),
    overflow_high_pct: number('overflow_high_pct'),
  };
}

function parseRecords(text: string, file: string): Array<{ cells: string[]; line: number }> {
  const starts: number[] = [];
  let next = 1;
  try {
    const records: string[][] = parse(text, {
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (record: string[], { lines }) => {
        starts.push(Math.max(next, lines - countBreaks(record)));
        next = lines + 1;
        return record;
      },
    });
    return records.map((cells, i) => ({ cells, line: starts[i] ?? 0 }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = 'lines' in error && typeof error.lines === 'number' ? `line ${error.lines}` : null;
    throw new UserError(file, line, `not valid CSV: ${error.message}`);
  }
}

function countBreaks(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);
}

function cellText(column: string, value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) throw new RangeError(`${column}: ${value} is no figure; write null for "not measured"`);
  if (column.endsWith('_us')) return value.toFixed(3);
  if (column.endsWith('_pct')) return value.toFixed(4);
  if (column.endsWith('_per_s')) return value.toFixed(1);
  return String(value);
}

/** Numbers, also as text, by value and before other text; text by code unit, the same in every locale; empty cells last. */
function compareCells(a: Cell, b: Cell): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  const [x, y] = [numeric(a), numeric(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return String(a) < String(b) ? -1 : 1;
}

function numeric(cell: string | number): number {
  return typeof cell === 'number' || /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : Number.NaN;
}
