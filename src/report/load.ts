/** A service under load: the table of its cases, and the picture of latency against offered load, one line a policy. */
import chalk from 'chalk';
import { ALL_SEEDS, type MetricRow } from '../results/metrics.js';
import { memoryTable, ofMemory } from './memory.js';
import { INK, LINE_COLOURS, LINE_DASHES, renderSvg } from './svg.js';
import { latencyTable, type TextColumn, textTable } from './table.js';
import { humanCount, humanPercent, humanTime } from './units.js';

/** Whether rows stand for services under load. */
export const ofService = (rows: readonly MetricRow[]): boolean =>
  rows.some((row) => row.throughput_per_s !== undefined);

/**
 * The table of an experiment: latencies by case; of services what was served and how late, too; of memory who paid, and of several cases
 * nothing else, as there would be a table a recorder and case.
 */
export function resultTable(rows: readonly MetricRow[]): string {
  if (ofService(rows)) return loadTable(rows);
  if (!ofMemory(rows)) return latencyTable(rows);
  const memory = `${chalk.bold(rows[0]?.experiment ?? '')}  page allocations and requests of the first priority\n${memoryTable(rows)}`;
  return new Set(rows.map((row) => row.case)).size === 1 ? `${latencyTable(rows)}\n${memory}` : memory;
}

/** One block a recorder, one line a case and policy: the row over all seeds, or the only one. */
function loadTable(rows: readonly MetricRow[]): string {
  const summary = rows.filter((row) => row.seed === ALL_SEEDS);
  const recorders = [...new Set(summary.map((row) => row.metric_of))];
  return recorders
    .map((recorder) => {
      const block = summary.filter((row) => row.metric_of === recorder);
      return `${chalk.bold(`${block[0]?.experiment ?? ''}  ${recorder}`)}\n${textTable(COLUMNS, block.map(cellsOf))}`;
    })
    .join('\n');
}

const COLUMNS: TextColumn[] = [
  { title: 'case', align: 'left', paint: (cell) => chalk.bold(cell) },
  { title: 'policy', align: 'left', paint: (cell) => chalk.cyan(cell) },
  { title: 'served/s', align: 'right', droppable: 2 },
  { title: 'p50', align: 'right', droppable: 3 },
  { title: 'p99', align: 'right', paint: (cell) => chalk.bold(cell) },
  { title: 'p99.9', align: 'right' },
  { title: 'late/s', align: 'right', droppable: 4 },
  { title: 'CPU', align: 'right' },
  { title: 'online', align: 'right', droppable: 1 },
];

function cellsOf(row: MetricRow): string[] {
  return [row.case, row.policy, ...figuresOf(row)];
}

const perSecond = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : humanCount(Math.round(value));

function figuresOf(row: MetricRow): string[] {
  return [
    perSecond(row.throughput_per_s),
    humanTime(row.p50_us),
    humanTime(row.p99_us),
    humanTime(row.p999_us),
    perSecond(row.timeouts_per_s),
    humanPercent(row.cpu_util_pct ?? null),
    humanPercent(row.online_util_pct ?? null),
  ];
}

/** The same as a Markdown table, with the interval of p99 over the seeds. */
export function loadMarkdown(rows: readonly MetricRow[]): string {
  const head = ['case', 'policy', 'served/s', 'p50', 'p99 (95 % interval)', 'p99.9', 'late/s', 'CPU', 'online'];
  const lines = rows.map((row) => {
    const [served, p50, p99, ...others] = figuresOf(row);
    const { p99_low_us: low = null, p99_high_us: high = null } = row;
    const interval = low === null || high === null ? '' : ` (${humanTime(low)} … ${humanTime(high)})`;
    return [row.case, `\`${row.policy}\``, served, p50, `**${p99}**${interval}`, ...others];
  });
  return [head, head.map((_, i) => (i < 2 ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

const PERCENTILES = [
  ['p50_us', 'median'],
  ['p99_us', 'p99'],
  ['p999_us', 'p99.9'],
] as const;
const PANEL = { width: 330, height: 330, left: 62, right: 14, top: 100, bottom: 50 } as const;

/** Latency against offered load, a panel a percentile; null if its cases are no sweep of the load. */
export function loadSvg(title: string, rows: readonly MetricRow[]): string | null {
  const first = rows[0]?.metric_of;
  const swept = rows.filter((row) => row.metric_of === first && row.seed === ALL_SEEDS && (row.offered_per_s ?? 0) > 0);
  const loads = new Set(swept.map((row) => row.offered_per_s));
  if (loads.size < 2) return null;
  const policies = [...new Set(swept.map((row) => row.policy))];
  const values = swept.flatMap((row) => PERCENTILES.map(([column]) => row[column] ?? 0)).filter((value) => value > 0);
  const [least, most] = [decade(Math.min(...values)), 10 * decade(Math.max(...values))];
  const left = (panel: number) => panel * PANEL.width;
  const option = {
    title: [
      { text: title, left: 'center', top: 8, textStyle: { fontSize: 15, color: INK.text } },
      ...PERCENTILES.map(([, text], panel) => ({
        text,
        left: left(panel) + PANEL.left,
        top: PANEL.top - 26,
        padding: 0,
        textStyle: { fontSize: 13, color: INK.text },
      })),
    ],
    legend: { top: 36, data: policies, itemWidth: 30, itemHeight: 8, textStyle: { color: INK.text, fontSize: 12 } },
    grid: PERCENTILES.map((_, panel) => ({
      left: left(panel) + PANEL.left,
      top: PANEL.top,
      width: PANEL.width - PANEL.left - PANEL.right,
      height: PANEL.height - PANEL.top - PANEL.bottom + 60,
      outerBoundsMode: 'none',
    })),
    xAxis: PERCENTILES.map((_, gridIndex) => ({
      ...axis,
      type: 'value',
      gridIndex,
      min: 0,
      name: 'offered, thousand requests/s',
      nameGap: 26,
      axisLabel: { color: INK.faint, fontSize: 11, formatter: (load: number) => `${load / 1000}` },
    })),
    yAxis: PERCENTILES.map((_, gridIndex) => ({
      ...axis,
      type: 'log',
      gridIndex,
      min: least,
      max: most,
      axisLabel: {
        color: INK.faint,
        fontSize: 11,
        formatter: (us: number) => (us < 1000 ? `${us} µs` : `${us / 1000} ms`),
      },
    })),
    series: PERCENTILES.flatMap(([column], panel) =>
      policies.map((policy, rank) => {
        const color = LINE_COLOURS[rank % LINE_COLOURS.length];
        return {
          name: policy,
          type: 'line',
          silent: true,
          symbolSize: 5,
          xAxisIndex: panel,
          yAxisIndex: panel,
          itemStyle: { color },
          lineStyle: { color, width: 2, type: LINE_DASHES[rank % LINE_DASHES.length] },
          data: swept
            .filter((row) => row.policy === policy)
            .sort((a, b) => (a.offered_per_s ?? 0) - (b.offered_per_s ?? 0))
            .map((row) => [row.offered_per_s, row[column]]),
        };
      }),
    ),
  };
  return renderSvg(option, { title, width: PERCENTILES.length * PANEL.width, height: PANEL.height + 60 });
}

const axis = {
  nameLocation: 'middle',
  nameTextStyle: { color: INK.faint, fontSize: 11 },
  axisLine: { onZero: false, show: true, lineStyle: { color: INK.faint } },
  axisTick: { show: false },
  splitLine: { show: true, lineStyle: { color: INK.grid } },
};

/** The largest power of ten that is not above `value`. */
function decade(value: number): number {
  return Number(`1e${value.toExponential(15).split('e')[1]}`);
}
