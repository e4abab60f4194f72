/**
 * The history of figures over commits: newline-delimited JSON, one figure a line, only ever appended to.
 */
import { z } from 'zod';
import { UserError } from '../errors.js';

const entrySchema = z.strictObject({
  date: z.string().regex(/^\d{4}-\d{2}-\d{2}/, 'expected an ISO date'),
  commit: z.string().min(1),
  metric: z.string().min(1),
  value: z.number(),
  unit: z.string(),
});

/** One figure at one commit; `value` in `unit`, `date` in ISO 8601. */
export type HistoryEntry = z.infer<typeof entrySchema>;

/** `text` with the entries as further lines. */
export function appendHistory(text: string, entries: readonly HistoryEntry[]): string {
  const begin = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const lines = entries.map(({ date, commit, metric, value, unit }) =>
    JSON.stringify({ date, commit, metric, value, unit }),
  );
  return begin + lines.map((line) => `${line}\n`).join('');
}

/** The entries of a history file, in its order; `file` names it in errors. Empty lines are skipped. */
export function parseHistory(text: string, file: string): HistoryEntry[] {
  return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parseLine(line, file, i + 1)]));
}

function parseLine(line: string, file: string, number: number): HistoryEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError(file, `line ${number}`, 'expected a JSON object on one line');
  }
  const parsed = entrySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new UserError(file, `line ${number}`, `${place}${issue?.message ?? 'not a history entry'}`);
}
