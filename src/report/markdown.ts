/** Markdown that commands refresh in place: tables between a pair of marker comments. */
import { UserError } from '../errors.js';
import type { MetricRow } from '../results/metrics.js';
import { humanPercent, humanTime } from './units.js';

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`. */
export function replaceSection(document: string, name: string, content: string, file = 'README.md'): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new UserError(file, null, `expected the markers ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n${content}\n${document.slice(to)}`;
}

/** The table of an experiment for a README: maximum and overflow with their confidence intervals. */
export function markdownTable(rows: readonly MetricRow[]): string {
  const interval = (low: number | null, high: number | null, human: (value: number) => string) =>
    low === null || high === null ? '' : ` (${human(low)} … ${human(high)})`;
  const lines = rows.map((row) =>
    [
      row.case,
      `\`${row.policy}\``,
      humanTime(row.mean_us),
      humanTime(row.p50_us),
      humanTime(row.p99_us),
      humanTime(row.p999_us),
      `**${humanTime(row.max_us)}**${interval(row.max_low_us, row.max_high_us, humanTime)}`,
      `**${humanPercent(row.overflow_100us_pct)}**${interval(row.overflow_low_pct, row.overflow_high_pct, humanPercent)}`,
    ].join(' | '),
  );
  return [
    '| load | policy | avg | p50 | p99 | p99.9 | max (95 % interval over seeds) | ≥ 100 µs, % |',
    '|---|---|--:|--:|--:|--:|--:|--:|',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}
