/**
 * The table of a validation for readers: validation.md, one line a recording, beside validation.csv, from which it follows.
 */
import type { ValidationRow } from './compare.js';
import { VALIDATION_FILE } from './report.js';

/** What `--out` calls it. */
export const PUBLISHED_FILE = 'validation.md';

/** The columns of validation.csv that it needs. */
export type PublishedRow = Pick<
  ValidationRow,
  'kernel' | 'case' | 'label' | 'mode' | 'metric' | 'simulated' | 'verdict'
>;

const HEAD = ['kernel', 'case', 'recording', 'figures that agree', 'replay', 'vruntime'];

/** Markdown; kernels and cases in the order of their names. */
export function publishedTable(rows: readonly PublishedRow[]): string {
  const kernels = grouped(rows, ({ kernel }) => kernel);
  return [
    '# Recorded kernels against the simulator, case by case',
    '',
    `Written by \`kpbench validate --out results\`; all figures are in [${VALIDATION_FILE}](${VALIDATION_FILE}), what they mean in`,
    '[docs/validation.md](../docs/validation.md). ✗: outside the tolerance.',
    '',
    ...kernels.map(([kernel, own]) => summary(kernel, own)),
    '',
    `| ${HEAD.join(' | ')} |`,
    '|---|---|---|--:|--:|--:|',
    ...kernels.flatMap(([, own]) => recordings(own).map(([, recording]) => line(recording))),
    '',
  ].join('\n');
}

function summary(kernel: string, rows: readonly PublishedRow[]): string {
  const figures = judgedIn('scenario', rows);
  const replays = rows.filter(({ metric }) => metric === 'right_decisions_pct').filter(isJudged);
  const memory = judgedIn('memory', rows);
  const agree = (of: readonly PublishedRow[]) => `${of.filter(agrees).length} of ${of.length}`;
  const parts = [`${agree(figures)} judged figures agree`, `in replay ${agree(replays)} recordings`];
  if (memory.length > 0) parts.push(`of memory ${agree(memory)} judged figures`);
  return `- **${kernel}**: ${parts.join('; ')}.`;
}

function line(rows: readonly PublishedRow[]): string {
  const [first] = rows;
  const figures = [...judgedIn('scenario', rows), ...judgedIn('memory', rows)];
  const agreeing = figures.length === 0 ? '–' : `${figures.filter(agrees).length} of ${figures.length}`;
  const cells = [first?.kernel, first?.case, first?.label, agreeing, percent(rows, 'right_decisions_pct')];
  return `| ${[...cells, percent(rows, 'vruntime_matched_pct')].join(' | ')} |`;
}

/** Of a mode, what was judged. */
function judgedIn(mode: string, rows: readonly PublishedRow[]): PublishedRow[] {
  return rows.filter((row) => row.mode === mode && isJudged(row));
}

function percent(rows: readonly PublishedRow[], metric: ValidationRow['metric']): string {
  const row = rows.find((one) => one.metric === metric && isJudged(one));
  if (row === undefined || row.simulated === null) return '–';
  return `${row.simulated.toFixed(2)} %${agrees(row) ? '' : ' ✗'}`;
}

/** Recordings of which something was judged. */
function recordings(rows: readonly PublishedRow[]): Array<[string, PublishedRow[]]> {
  const all = grouped(rows, ({ case: name, label }) => `${name} ${label}`);
  return all.filter(([, own]) => own.some(isJudged));
}

function grouped(rows: readonly PublishedRow[], keyOf: (row: PublishedRow) => string): Array<[string, PublishedRow[]]> {
  const groups = new Map<string, PublishedRow[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row)) ?? [];
    group.push(row);
    groups.set(keyOf(row), group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

const isJudged = ({ verdict }: PublishedRow): boolean => verdict === 'agree' || verdict === 'disagree';
const agrees = ({ verdict }: PublishedRow): boolean => verdict === 'agree';
