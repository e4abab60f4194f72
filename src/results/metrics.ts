/**
 * The figures that an experiment reports: one row per recorder and seed, and one row over all seeds with its confidence intervals.
 */
import { mean, quantileSorted } from 'simple-statistics';
import { mulberry32 } from '../random.js';
import { fractionAbove, meanNs, quantileNs } from './histogram.js';
import { MEMORY_COLUMNS, type MemoryColumn, type MemoryFigures } from './memory.js';
import { PRESSURE_COLUMNS, type PressureColumn, type PressureColumns } from './pressure.js';
import type { RecorderResult, Result } from './result.js';
import { SERVICE_COLUMNS, type ServiceColumn, type ServiceFigures } from './service.js';

/** Columns that name a row. */
export const KEY_COLUMNS = ['experiment', 'case', 'policy', 'kernel', 'machine', 'seed', 'metric_of'] as const;

/** Figures of one run. */
export const RUN_FIGURES = [
  'samples',
  'min_us',
  'p50_us',
  'p90_us',
  'p99_us',
  'p999_us',
  'p9999_us',
  'max_us',
  'mean_us',
  'overflow_100us_pct',
] as const;

/** Columns with figures; the unit is in the name. A figure that was not measured is null, in CSV an empty cell: never zero. */
export const FIGURE_COLUMNS = [
  ...RUN_FIGURES,
  'max_low_us',
  'max_high_us',
  'overflow_low_pct',
  'overflow_high_pct',
] as const;

export type KeyColumn = (typeof KEY_COLUMNS)[number];
export type FigureColumn = (typeof FIGURE_COLUMNS)[number];

/**
 * A row of an experiment's CSV. `seed` is a number in decimal or `all`; `metric_of` names the recorder. `overflow_100us_pct` is the share of
 * samples of 100 µs and more in percent of all samples.
 */
export type MetricRow = Record<KeyColumn, string> &
  Record<FigureColumn, number | null> &
  ServiceFigures &
  MemoryFigures &
  PressureColumns & { samples: number };

/** Columns that only some experiments have; a CSV has them if a row has them. */
export const EXTRA_COLUMNS = [...SERVICE_COLUMNS, ...MEMORY_COLUMNS, ...PRESSURE_COLUMNS] as const;

/** `seed` of the row over all seeds. */
export const ALL_SEEDS = 'all';

/** Figures of services with an interval, and where it stands. */
const SERVICE_INTERVALS = [
  ['throughput_per_s', 'throughput_low_per_s', 'throughput_high_per_s'],
  ['p99_us', 'p99_low_us', 'p99_high_us'],
  ['timeouts_per_s', 'timeouts_low_per_s', 'timeouts_high_per_s'],
] as const;

const OVERFLOW_US = 100;
const RESAMPLES = 2000;

/** What `metric_of` says of a recorder: `task:recorder`. */
export function metricOf(recorder: { task: string; recorder: string }): string {
  return `${recorder.task}:${recorder.recorder}`;
}

/** The rows of one simulation, one per recorder; `extra` has what there is to say beyond latencies. */
export function metricsOf(
  where: { experiment: string; case: string },
  result: Result,
  extra: (recorder: RecorderResult) => ServiceFigures & MemoryFigures & PressureColumns = () => ({}),
): MetricRow[] {
  const { policy, kernel, machine, seed } = result;
  return result.recorders.map((recorder) => ({
    experiment: where.experiment,
    case: where.case,
    policy,
    kernel,
    machine,
    seed: String(seed),
    metric_of: metricOf(recorder),
    ...figuresOf(recorder),
    ...extra(recorder),
  }));
}

/** The figures of one recorder, without intervals. A percentile needs so many samples that one of them can lie above it. */
export function figuresOf(recorder: RecorderResult): Record<FigureColumn, number | null> & { samples: number } {
  const { latency } = recorder;
  const percentile = (q: number, needed: number) =>
    latency.count >= needed ? microseconds(quantileNs(latency, q)) : null;
  return {
    samples: latency.count,
    min_us: percentile(0, 1),
    p50_us: percentile(0.5, 1),
    p90_us: percentile(0.9, 10),
    p99_us: percentile(0.99, 100),
    p999_us: percentile(0.999, 1_000),
    p9999_us: percentile(0.9999, 10_000),
    max_us: percentile(1, 1),
    mean_us: latency.count > 0 ? microseconds(meanNs(latency)) : null,
    overflow_100us_pct: latency.count > 0 ? overflowPct(recorder) : null,
    max_low_us: null,
    max_high_us: null,
    overflow_low_pct: null,
    overflow_high_pct: null,
  };
}

/**
 * One row over all seeds for each set of rows that differ in their seed only. It describes what one run shows: `samples` is the sum, every
 * other figure the mean over the seeds (empty if it was not measured under every seed), so that more seeds make it surer, not larger. The
 * intervals hold 95 % of the means of 2,000 bootstrap resamples of the seeds; empty for fewer than two seeds.
 */
export function summarise(rows: readonly MetricRow[]): MetricRow[] {
  const groups = new Map<string, MetricRow[]>();
  for (const row of rows) {
    if (row.seed === ALL_SEEDS) continue;
    const key = JSON.stringify(KEY_COLUMNS.filter((column) => column !== 'seed').map((column) => row[column]));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].flatMap(([key, group]) => {
    const first = group[0];
    return first === undefined ? [] : [summary(key, first, group)];
  });
}

function summary(key: string, first: MetricRow, group: readonly MetricRow[]): MetricRow {
  const row: MetricRow = { ...first, seed: ALL_SEEDS, samples: group.reduce((sum, { samples }) => sum + samples, 0) };
  for (const column of FIGURE_COLUMNS) {
    if (column === 'samples') continue;
    const values = measured(group, column);
    row[column] = values === null ? null : mean(values);
  }
  const extra = EXTRA_COLUMNS.filter((column) => group.some((each) => each[column] !== undefined));
  for (const column of extra) {
    const values = measured(group, column);
    row[column] = values === null ? null : mean(values);
  }
  if (SERVICE_COLUMNS.some((column) => extra.includes(column))) {
    for (const [figure, low, high] of SERVICE_INTERVALS) {
      [row[low], row[high]] = interval(`${key}${figure}`, measured(group, figure));
    }
  }
  [row.max_low_us, row.max_high_us] = interval(`${key}max`, measured(group, 'max_us'));
  [row.overflow_low_pct, row.overflow_high_pct] = interval(`${key}overflow`, measured(group, 'overflow_100us_pct'));
  return row;
}

/** The values of a column, in the order of seeds (so that the order of rows does not matter), or null if one was not measured. */
function measured(
  group: readonly MetricRow[],
  column: FigureColumn | ServiceColumn | MemoryColumn | PressureColumn,
): number[] | null {
  const bySeed = group.toSorted((a, b) => Number(a.seed) - Number(b.seed));
  const values = bySeed.map((row) => row[column] ?? null).filter((value) => value !== null);
  return values.length === group.length ? values : null;
}

function interval(key: string, values: readonly number[] | null): [low: number | null, high: number | null] {
  if (values === null || values.length < 2) return [null, null];
  return bootstrapInterval(values, key);
}

/** The 95 % percentile interval of the mean; `key` seeds the resampling, so that a row always gets the same interval. */
export function bootstrapInterval(values: readonly number[], key: string): [low: number, high: number] {
  const random = mulberry32(fnv1a(key));
  const means = Array.from({ length: RESAMPLES }, () =>
    mean(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b);
  return [quantileSorted(means, 0.025), quantileSorted(means, 0.975)];
}

/** Exact where the recorder counted whole microseconds up to the threshold, otherwise from the histogram. */
function overflowPct({ threads, latency }: RecorderResult): number {
  if (threads.length === 0 || threads.some((thread) => thread.microseconds.length < OVERFLOW_US))
    return 100 * fractionAbove(latency, OVERFLOW_US * 1000);
  const count = threads.reduce((sum, thread) => sum + thread.count, 0);
  const below = threads.reduce(
    (sum, thread) => sum + thread.microseconds.subarray(0, OVERFLOW_US).reduce((a, b) => a + b, 0),
    0,
  );
  return (100 * (count - below)) / count;
}

function microseconds(ns: number): number {
  return ns / 1000;
}

/** FNV-1a over UTF-16 units: 32 bits of seed from a text. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
