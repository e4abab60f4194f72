/**
 * Tables for a terminal of 80 columns: any aligned table, and the latency table of an experiment.
 */
import chalk from 'chalk';
import type { MetricRow } from '../results/metrics.js';
import { humanCount, humanPercent, humanRatio, humanTime } from './units.js';

/** No line is longer. */
export const TERMINAL_COLUMNS = 80;

/** A column of a text table. */
export interface TextColumn {
  title: string;
  align: 'left' | 'right';
  /** When the table is too wide, columns go in the order of this number, the smallest first; columns without it stay. */
  droppable?: number;
  /** Colours a cell, already padded; `row` counts from 0. */
  paint?: (cell: string, row: number) => string;
}

/**
 * An aligned table with a header line, at most `width` characters wide: it first narrows its gaps, then drops droppable columns, then cuts the
 * widest cells (`…`). Lines end with a line feed.
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: ReadonlyArray<readonly string[]>,
  width: number = TERMINAL_COLUMNS,
): string {
  const { kept, gap, widths } = layOut(columns, rows, width);
  const line = (cells: readonly string[], paint: (cell: string, column: TextColumn) => string) =>
    kept
      .map((at, i) => {
        const column = columns[at];
        if (column === undefined) return '';
        const cell = cut(cells[at] ?? '', widths[i] ?? 0);
        const space = ' '.repeat((widths[i] ?? 0) - length(cell));
        const last = i === kept.length - 1;
        return paint(column.align === 'right' ? space + cell : last ? cell : cell + space, column);
      })
      .join(' '.repeat(gap));
  const header = columns.map((column) => column.title);
  return [
    line(header, (cell) => chalk.dim(cell)),
    ...rows.map((cells, row) => line(cells, (cell, column) => column.paint?.(cell, row) ?? cell)),
  ]
    .map((text) => `${text}\n`)
    .join('');
}

/**
 * The table of an experiment: a block per case (and recorder, where there are several), a line per policy. The first policy of a case is the
 * reference of the ratios. Under one policy several tasks' recorders of one name share a block, a line per task. `rows` in the order to print;
 * where there is a row over all seeds, that one is shown, otherwise the first.
 */
export function latencyTable(rows: readonly MetricRow[]): string {
  const recorders = new Set(rows.map((row) => row.metric_of));
  const byTask = recorders.size > 1 && new Set(rows.map((row) => row.policy)).size === 1;
  const groups = new Map<string, MetricRow[]>();
  for (const row of rows) {
    const detail = byTask ? [row.policy, recorderOf(row)] : recorders.size > 1 ? [row.metric_of] : [];
    const title = [row.case, ...detail].filter((part) => part !== '').join('  ');
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, group]) => caseBlock(title, overSeeds(group), byTask ? 'task' : 'policy')).join('\n');
}

/** The parts of `metric_of`: `task:recorder`. */
const taskOf = (row: MetricRow): string => row.metric_of.slice(0, row.metric_of.lastIndexOf(':'));
const recorderOf = (row: MetricRow): string => row.metric_of.slice(row.metric_of.lastIndexOf(':') + 1);

function caseBlock(title: string, rows: readonly MetricRow[], by: 'policy' | 'task'): string {
  const reference = rows[0];
  const cells = rows.map((row, i) => [
    by === 'policy' ? row.policy : taskOf(row),
    humanCount(row.samples),
    humanTime(row.min_us),
    humanTime(row.mean_us),
    humanTime(row.p50_us),
    humanTime(row.p99_us),
    humanTime(row.p999_us),
    humanTime(row.max_us),
    humanPercent(row.overflow_100us_pct),
    i === 0 ? 'ref' : humanRatio(row.max_us ?? Number.NaN, reference?.max_us ?? Number.NaN),
  ]);
  const overflow = (cell: string, row: number) => {
    const pct = rows[row]?.overflow_100us_pct ?? null;
    if (pct === null) return chalk.dim(cell);
    return pct === 0 ? chalk.green(cell) : pct < 1 ? chalk.yellow(cell) : chalk.red(cell);
  };
  const columns: TextColumn[] = [
    { title: by, align: 'left', paint: (cell, row) => (row === 0 ? chalk.bold(cell) : chalk.bold.cyan(cell)) },
    { title: 'samples', align: 'right', droppable: 4, paint: (cell) => chalk.dim(cell) },
    { title: 'min', align: 'right', droppable: 3 },
    { title: 'avg', align: 'right' },
    { title: 'p50', align: 'right', droppable: 2 },
    { title: 'p99', align: 'right' },
    { title: 'p99.9', align: 'right' },
    { title: 'max', align: 'right', paint: (cell) => chalk.bold(cell) },
    { title: '≥100 µs', align: 'right', paint: overflow },
    { title: 'max:ref', align: 'right', droppable: 1, paint: (cell, row) => (row === 0 ? chalk.dim(cell) : cell) },
  ];
  const shown = rows.length > 1 && by === 'policy' ? columns : columns.slice(0, -1);
  return `${chalk.bold(cut(title, TERMINAL_COLUMNS))}\n${textTable(shown, cells)}`;
}

function overSeeds(rows: readonly MetricRow[]): MetricRow[] {
  const chosen = new Map<string, MetricRow>();
  for (const row of rows) {
    const key = `${row.policy}\n${row.kernel}\n${row.machine}\n${row.metric_of}`;
    if (!chosen.has(key) || row.seed === 'all') chosen.set(key, row);
  }
  return [...chosen.values()];
}

interface Layout {
  /** Indices of the columns that are shown, and the width of each. */
  kept: number[];
  widths: number[];
  gap: number;
}

function layOut(columns: readonly TextColumn[], rows: ReadonlyArray<readonly string[]>, width: number): Layout {
  const natural = columns.map((column, i) =>
    Math.max(length(column.title), ...rows.map((row) => length(row[i] ?? ''))),
  );
  let kept = columns.map((_, i) => i);
  const total = (gap: number) => kept.reduce((sum, i) => sum + (natural[i] ?? 0), 0) + gap * (kept.length - 1);
  const firstToGo = () =>
    kept
      .filter((i) => columns[i]?.droppable !== undefined)
      .sort((a, b) => (columns[a]?.droppable ?? 0) - (columns[b]?.droppable ?? 0))[0];
  if (total(2) <= width) return { kept, widths: kept.map((i) => natural[i] ?? 0), gap: 2 };
  for (let drop = firstToGo(); total(1) > width && drop !== undefined; drop = firstToGo())
    kept = kept.filter((i) => i !== drop);
  const widths = kept.map((i) => natural[i] ?? 0);
  for (let excess = total(1) - width; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = Math.max(1, (widths[widest] ?? 1) - 1);
  }
  return { kept, widths, gap: 1 };
}

/** Cuts a text to a width in characters. */
function cut(text: string, width: number): string {
  return length(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`;
}

function length(text: string): number {
  return [...text].length;
}
