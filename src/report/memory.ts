/**
 * What memory cost the tasks that go first and those that go last: a line a case and policy. The first recorder of the first task is its allocations,
 * its last recorder all of a request; how much the last group got done is measured against the first policy of the case.
 */
import chalk from 'chalk';
import { ALL_SEEDS, type MetricRow } from '../results/metrics.js';
import { type TextColumn, textTable } from './table.js';
import { humanCount, humanPercent, humanTime } from './units.js';

/** Whether rows tell of memory under more than one priority. */
export const ofMemory = (rows: readonly MetricRow[]): boolean => new Set(rows.map((row) => row.priority ?? 0)).size > 1;

interface Line {
  case: string;
  policy: string;
  /** Of the first priority: its allocations, and its requests. */
  first: MetricRow;
  request: MetricRow;
  last: MetricRow;
  /** Share of its work that the last priority lost. */
  lostPct: number | null;
}

function linesOf(rows: readonly MetricRow[]): Line[] {
  const groups = new Map<string, MetricRow[]>();
  for (const row of rows.filter(({ seed }) => seed === ALL_SEEDS)) {
    const key = JSON.stringify([row.case, row.policy]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const reference = new Map<string, number>();
  return [...groups.values()].flatMap((group) => {
    const priorities = group.map((row) => row.priority ?? 0);
    const ofPriority = (priority: number) => group.filter((_, i) => priorities[i] === priority);
    const [first, ...others] = ofPriority(Math.min(...priorities));
    const [last] = ofPriority(Math.max(...priorities));
    if (first === undefined || last === undefined) return [];
    const ops = last.ops_per_s ?? null;
    if (ops !== null && !reference.has(first.case)) reference.set(first.case, ops);
    const whole = reference.get(first.case) ?? 0;
    const lostPct = ops === null || whole === 0 ? null : 100 * (1 - ops / whole);
    return [{ case: first.case, policy: first.policy, first, request: others.at(-1) ?? first, last, lostPct }];
  });
}

const COLUMNS: TextColumn[] = [
  { title: 'case', align: 'left', paint: (cell) => chalk.bold(cell) },
  { title: 'policy', align: 'left', paint: (cell) => chalk.cyan(cell) },
  { title: 'p99.9', align: 'right', droppable: 6 },
  { title: 'max', align: 'right', paint: (cell) => chalk.bold(cell) },
  { title: 'request p99', align: 'right', droppable: 7 },
  { title: 'stalled', align: 'right', droppable: 5 },
  { title: 'full', align: 'right', droppable: 3 },
  { title: 'io', align: 'right', droppable: 1 },
  { title: 'refaults/s', align: 'right', droppable: 2 },
  { title: 'direct/s', align: 'right', droppable: 4 },
  { title: 'kswapd', align: 'right', droppable: 3 },
  { title: 'RUE', align: 'right', droppable: 1 },
  { title: 'last’s loss', align: 'right' },
  { title: 'killed', align: 'right' },
];

function cellsOf(line: Line): string[] {
  const { first, request, last, lostPct } = line;
  const rounded = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : humanCount(Math.round(value));
  const pct = (value: number | null | undefined) => humanPercent(value ?? null);
  return [
    line.case,
    line.policy,
    humanTime(first.p999_us),
    humanTime(first.max_us),
    humanTime(request.p99_us),
    pct(first.group_stall_pct),
    pct(first.group_stall_full_pct),
    pct(first.group_io_some_pct),
    rounded(first.group_refaults_per_s),
    rounded(first.direct_reclaims_per_s),
    pct(first.kswapd_cpu_pct),
    pct(first.rue_cpu_pct),
    lostPct === null ? '–' : `${lostPct <= -0.5 ? '−' : ''}${Math.abs(lostPct).toFixed(0)} %`,
    `${rounded(first.group_oom_kills)} + ${rounded(last.group_oom_kills)}`,
  ];
}

/** For a terminal. */
export function memoryTable(rows: readonly MetricRow[]): string {
  return textTable(COLUMNS, linesOf(rows).map(cellsOf));
}

/** As a Markdown table. `killed` names tasks of the first and of the last priority. */
export function memoryMarkdown(rows: readonly MetricRow[]): string {
  const head = COLUMNS.map(({ title }) => title);
  const lines = linesOf(rows).map((line) => {
    const [name, policy, p999, most, ...others] = cellsOf(line);
    return [name, `\`${policy}\``, p999, `**${most}**`, ...others];
  });
  return [head, head.map((_, i) => (i < 2 ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
