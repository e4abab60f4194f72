/**
 * Compares a table of exact figures with its baseline: which cells changed, which rows are gone or new.
 */
import { UserError } from '../errors.js';
import type { Table } from './csv.js';
import { KEY_COLUMNS } from './metrics.js';

/** A cell that is not as it was, as text; null where its column does not exist. */
export interface Difference {
  /** The row's key cells, joined by a comma and a space. */
  key: string;
  column: string;
  old: string | null;
  new: string | null;
}

/** What distinguishes two tables; all lists empty when their figures are the same. Keys as in `Difference`. */
export interface Comparison {
  differences: Difference[];
  /** Rows of the baseline only. */
  missing: string[];
  /** Rows of the new table only. */
  extra: string[];
}

/** Compares cell by cell as text: simulated figures are exact, so there is no tolerance. Rows are matched by `keyColumns`, in any order. */
export function compareTables(
  baseline: Table,
  current: Table,
  keyColumns: readonly string[] = KEY_COLUMNS,
): Comparison {
  const old = rowsByKey(baseline, keyColumns);
  const now = rowsByKey(current, keyColumns);
  const columns = [...new Set([...baseline.columns, ...current.columns])].filter((name) => !keyColumns.includes(name));
  const differences: Difference[] = [];
  for (const [key, before] of old) {
    const after = now.get(key);
    if (after === undefined) continue;
    for (const column of columns) {
      const cells = { old: before[column] ?? null, new: after[column] ?? null };
      if (cells.old !== cells.new) differences.push({ key, column, ...cells });
    }
  }
  return {
    differences,
    missing: [...old.keys()].filter((key) => !now.has(key)),
    extra: [...now.keys()].filter((key) => !old.has(key)),
  };
}

function rowsByKey(table: Table, keyColumns: readonly string[]): Map<string, Record<string, string>> {
  const rows = new Map<string, Record<string, string>>();
  for (const [i, row] of table.rows.entries()) {
    const key = keyColumns.map((column) => row[column] ?? '').join(', ');
    if (rows.has(key)) throw new UserError(table.file, `line ${table.lines[i]}`, `a second row for ${key}`);
    rows.set(key, row);
  }
  return rows;
}
