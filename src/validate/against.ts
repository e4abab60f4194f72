/**
 * Holds a validation against an earlier one: what agreed must go on agreeing.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { UserError } from '../errors.js';
import type { ValidationRow } from './compare.js';

const KEYS = ['kernel', 'case', 'label', 'mode', 'task', 'metric'] as const;

/** Rows that agreed in the earlier table and do not agree any more. Rows that only one of the two has are no part of it. */
export function lostAgreement(rows: readonly ValidationRow[], file: string): ValidationRow[] {
  const agreed = new Set(readTable(file).flatMap((row) => (row.verdict === 'agree' ? [keyOf(row)] : [])));
  return rows.filter((row) => row.verdict !== 'agree' && agreed.has(keyOf(row)));
}

function keyOf(row: Readonly<Partial<Record<(typeof KEYS)[number], string | null>>>): string {
  return KEYS.map((key) => row[key] ?? '').join('\n');
}

function readTable(file: string): Array<Record<string, string>> {
  try {
    return parse(readFileSync(file, 'utf8'), { columns: true });
  } catch {
    throw new UserError('--against', file, 'expected a validation.csv that can be read');
  }
}
