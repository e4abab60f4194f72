/**
 * Validation for people and for machines: the table of a terminal, and validation.csv.
 */
import chalk from 'chalk';
import { textTable } from '../report/table.js';
import { humanPercent, humanTime } from '../report/units.js';
import { writeTable } from '../results/csv.js';
import { fails, type ValidationRow, VERDICTS, type Verdict } from './compare.js';
import { MEMORY_RULES } from './memory/rules.js';
import { type Metric, RULES } from './tolerance.js';

const KEYS = ['kernel', 'case', 'label', 'mode', 'task', 'metric'] as const;
const COLUMNS = [...KEYS, 'samples', 'recorded', 'simulated', 'difference', 'tolerance', 'verdict'] as const;

/** What `--out` calls it. */
export const VALIDATION_FILE = 'validation.csv';

/** The rows as validation.csv. An empty cell is a figure that nobody has. */
export function validationCsv(rows: readonly ValidationRow[]): string {
  return writeTable(COLUMNS, rows, KEYS);
}

/** A block per case, at most 80 columns wide, and how many figures got which verdict. */
export function validationTable(rows: readonly ValidationRow[]): string {
  const blocks = new Map<string, ValidationRow[]>();
  for (const row of rows) {
    const title = `${row.kernel}  ${row.case}  ${row.label}  ${row.mode}`;
    blocks.set(title, [...(blocks.get(title) ?? []), row]);
  }
  return [...[...blocks].map(([title, block]) => `${chalk.bold(title)}\n${caseTable(block)}`), counts(rows)].join('\n');
}

function caseTable(rows: readonly ValidationRow[]): string {
  const [first] = rows;
  if (first?.verdict === 'void') return `${paint(first)('void')}: ${first.note}\n`;
  const cells = rows.map((row) => [
    row.task,
    row.metric === null ? '' : RULES[row.metric].title,
    figure(row.metric, row.recorded),
    figure(row.metric, row.simulated),
    difference(row),
    row.verdict,
  ]);
  return textTable(
    [
      { title: 'task', align: 'left', paint: (cell) => chalk.bold(cell) },
      { title: 'figure', align: 'left' },
      { title: 'recorded', align: 'right' },
      { title: 'simulated', align: 'right' },
      { title: 'difference', align: 'right' },
      {
        title: 'verdict',
        align: 'left',
        paint: (cell, at) => {
          const row = rows[at];
          return row === undefined ? cell : paint(row)(cell);
        },
      },
    ],
    cells,
  );
}

/** `linux-6.1: 58 agree, 0 disagree, 24 not measured, 1 void; 21 of 21 gating figures agree`. */
function counts(rows: readonly ValidationRow[]): string {
  const kernels = [...new Set(rows.map((row) => row.kernel))];
  return kernels
    .map((kernel) => {
      const own = rows.filter((row) => row.kernel === kernel);
      const count = (verdict: Verdict) => own.filter((row) => row.verdict === verdict).length;
      const judged = own.filter((row) => row.metric !== null && RULES[row.metric].gating && row.difference !== null);
      const failed = own.filter(fails).length;
      const verdicts = VERDICTS.map((verdict) => `${count(verdict)} ${verdict}`).join(', ');
      const gating = `${judged.length - failed} of ${judged.length} gating figures agree`;
      return `${chalk.bold(kernel)}: ${verdicts}\n${failed > 0 ? chalk.red(gating) : gating}\n`;
    })
    .join('');
}

/** Red fails the command, yellow does not. */
function paint(row: ValidationRow): (text: string) => string {
  switch (row.verdict) {
    case 'agree':
      return chalk.green;
    case 'disagree':
      return fails(row) ? chalk.red : chalk.yellow;
    case 'not measured':
      return chalk.dim;
    case 'void':
      return chalk.magenta;
  }
}

function difference({ metric, difference: value }: ValidationRow): string {
  if (value === null) return '–';
  return `${value < 0 ? '−' : '+'}${figure(metric, Math.abs(value))}`;
}

/** Times as times, shares as shares, everything else as it was counted. */
function humanMemory(metric: Metric, value: number): string {
  if (metric.endsWith('_ns')) return humanTime(value / 1000);
  if (metric.endsWith('_pct')) return humanPercent(value);
  return metric.endsWith('_us') ? humanTime(value) : value.toFixed(0);
}

function figure(metric: Metric | null, value: number | null): string {
  if (value === null || metric === null) return '–';
  if (metric.startsWith('replay_') && !metric.endsWith('_pct')) return value.toFixed(0);
  if (metric in MEMORY_RULES) return humanMemory(metric, value);
  if (metric.endsWith('_pct')) return humanPercent(value);
  return metric === 'switches_per_s' ? value.toFixed(1) : humanTime(value);
}
