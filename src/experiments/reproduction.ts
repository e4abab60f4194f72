/**
 * Published figures beside simulated ones: reproduction.csv, and the table of docs/reproduction.md. A figure is `calibrated` if a number of the
 * model was chosen by it, otherwise `predicted`.
 */
import { writeTable } from '../results/csv.js';
import type { MetricRow } from '../results/metrics.js';
import { type ExperimentRun, summaryRows } from './experiment.js';

/** A published figure, and where its simulated counterpart stands. */
interface Published {
  figure: string;
  load: string;
  policy: string;
  published: number;
  basis: 'calibrated' | 'predicted';
  experiment: string;
  case: string;
  value: (row: MetricRow) => [value: number | null, low: number | null, high: number | null];
}

const throughput = (row: MetricRow): ReturnType<Published['value']> => [
  row.throughput_per_s ?? null,
  row.throughput_low_per_s ?? null,
  row.throughput_high_per_s ?? null,
];
const p99Ms = (row: MetricRow): ReturnType<Published['value']> => [
  milliseconds(row.p99_us),
  milliseconds(row.p99_low_us),
  milliseconds(row.p99_high_us),
];
const timeouts = (row: MetricRow): ReturnType<Published['value']> => [
  row.timeouts_per_s ?? null,
  row.timeouts_low_per_s ?? null,
  row.timeouts_high_per_s ?? null,
];
const cpu = (row: MetricRow): ReturnType<Published['value']> => [row.cpu_util_pct ?? null, null, null];
const milliseconds = (us: number | null | undefined) => (us === null || us === undefined ? null : us / 1000);

const maxUs = (row: MetricRow): ReturnType<Published['value']> => [
  row.max_us ?? null,
  row.max_low_us ?? null,
  row.max_high_us ?? null,
];
const overflow = (row: MetricRow): ReturnType<Published['value']> => [
  row.overflow_100us_pct ?? null,
  row.overflow_low_pct ?? null,
  row.overflow_high_pct ?? null,
];

/** The deck (CID2021): cyclictest on an S5 instance, maximum and percent of samples of 100 µs and more. */
const CYCLICTEST: ReadonlyArray<[load: string, policy: string, maxUs: number, overflowPct: number]> = [
  ['idle', 'cfs', 4689, 0.82],
  ['idle', 'vmf', 116, 0.28],
  ['busy', 'cfs', 19_969, 20],
  ['busy', 'vmf', 452, 2.2],
];

const cyclictest: Published[] = CYCLICTEST.flatMap(([load, policy, max, pct]) => {
  const basis: Published['basis'] = policy === 'cfs' ? 'calibrated' : 'predicted';
  const common = { load, policy, experiment: 'cyclictest-vm', case: load, basis };
  return [
    { ...common, figure: 'cyclictest max, µs', published: max, value: maxUs },
    { ...common, figure: 'cyclictest over 100 µs, %', published: pct, value: overflow },
  ];
});

/**
 * CodisLabs/codis doc/bench/input1 and doc/bench1/input2: requests a second (SET + GET) / 2 of codis 2.0 with four CPUs on an i7-4770, and
 * the p99 in ms as redis-benchmark rounds it; without a pipeline read off the chart.
 */
const CODIS: ReadonlyArray<[clients: number, pipeline: number, perSecond: number, p99Ms: number | null]> = [
  [1, 1, 18_808.07, null],
  [2, 1, 32_675.88, null],
  [4, 1, 64_895.435, null],
  [8, 1, 107_440.265, 1],
  [16, 1, 130_211.785, 1],
  [32, 1, 148_929.79, 1],
  [64, 1, 169_754.88, 1],
  [100, 1, 177_277.595, 2],
  [200, 1, 178_518.415, 3],
  [300, 1, 175_404.105, 4],
  [500, 1, 152_576.875, 5],
  [800, 1, 121_767.62, 7],
  [1, 100, 323_324.175, 1],
  [2, 100, 489_904.325, 1],
  [8, 100, 706_530.22, 7],
  [64, 100, 836_439.69, 16],
  [100, 100, 871_447.155, 22],
  [800, 100, 816_346.905, 100],
];
/** Points that a number of the model was chosen by (docs/reproduction.md). */
const FITTED = ['1 clients', '200 clients', '100 clients, pipeline 100'];

const codis: Published[] = CODIS.flatMap(([clients, pipeline, perSecond, p99]) => {
  const load = pipeline === 1 ? `${clients} clients` : `${clients} clients, pipeline ${pipeline}`;
  const common = { load, policy: 'cfs', experiment: 'codis-benchmark', case: load };
  const basis = FITTED.includes(load) ? 'calibrated' : 'predicted';
  const rate: Published = { ...common, figure: 'codis requests/s', published: perSecond, basis, value: throughput };
  if (p99 === null) return [rate];
  return [rate, { ...common, figure: 'codis p99, ms', published: p99, basis: 'predicted' as const, value: p99Ms }];
});

/** README of Tencent/TencentOS-kernel, charts read by eye: the middle of what is shown. */
const MODULES: ReadonlyArray<[name: string, policy: string, cpuPct: number, timeouts: number | null]> = [
  ['A alone', 'cfs', 15, 250],
  ['A + batch 15 %', 'cfs+cgroups', 30.5, 6050],
  ['A + batch 15 %', 'cfs+weights', 30.5, 6050],
  ['A + batch 15 %', 'cfs', 30.5, 6050],
  ['A + batch 45 %', 'cfs+bt', 59, 250],
  ['B alone', 'cfs', 20, null],
  ['B + batch 30 %', 'cfs+bt', 50, null],
  ['C alone', 'cfs', 9, null],
  ['C + batch 30 %', 'cfs+weights', 39.5, null],
  ['C + batch 80 %', 'cfs+bt', 88, null],
];

/** The same published timeouts, when the module's threads are bound. */
const BOUND: ReadonlyArray<[name: string, policy: string, timeouts: number]> = [
  ['A bound alone', 'cfs', 250],
  ['A bound + batch 15 %', 'cfs+cgroups', 6050],
  ['A bound + batch 15 %', 'cfs+weights', 6050],
  ['A bound + batch 45 %', 'cfs+bt', 250],
];

const bound: Published[] = BOUND.map(([name, policy, late]) => ({
  figure: 'BT: timeouts/s',
  load: name,
  policy,
  published: late,
  basis: 'predicted',
  experiment: 'colocation',
  case: name,
  value: timeouts,
}));

const colocation: Published[] = MODULES.flatMap(([name, policy, cpuPct, late]) => {
  const common = { load: name, policy, experiment: 'colocation', case: name };
  // Loads were chosen by the published utilisation.
  const used: Published = { ...common, figure: 'BT: CPU, %', published: cpuPct, basis: 'calibrated', value: cpu };
  if (late === null) return [used];
  const basis = name === 'A alone' ? 'calibrated' : 'predicted';
  return [used, { ...common, figure: 'BT: timeouts/s', published: late, basis, value: timeouts }];
});

const PUBLISHED: readonly Published[] = [...cyclictest, ...codis, ...colocation, ...bound];

const COLUMNS = ['figure', 'load', 'policy', 'published', 'simulated', 'low', 'high', 'ratio', 'basis'] as const;
type ReproductionRow = Record<(typeof COLUMNS)[number], string | number | null>;

/** A row for every published figure of these runs, in the order of the lists above. */
export function reproductionRows(runs: readonly ExperimentRun[]): ReproductionRow[] {
  const rows = runs.flatMap(summaryRows);
  return PUBLISHED.flatMap(({ experiment, case: name, value, ...figure }) => {
    const row = rows.find(
      (each) => each.experiment === experiment && each.case === name && each.policy === figure.policy,
    );
    if (row === undefined) return [];
    const [simulated, low, high] = value(row);
    const ratio = simulated === null ? null : simulated / figure.published;
    const { basis, ...named } = figure;
    return [{ ...named, simulated: short(simulated), low: short(low), high: short(high), ratio: short(ratio), basis }];
  });
}

/** Four significant digits, as a number. */
const short = (value: number | null) => (value === null ? null : Number(value.toPrecision(4)));

/** reproduction.csv. */
export function reproductionCsv(runs: readonly ExperimentRun[]): string {
  return writeTable(COLUMNS, reproductionRows(runs));
}

/** The same as Markdown. */
export function reproductionMarkdown(runs: readonly ExperimentRun[]): string {
  const text = (value: string | number | null) => (value === null ? '–' : String(value));
  const lines = reproductionRows(runs).map(({ low, high, ...row }) => {
    const interval = low === null || high === null || low === high ? '' : ` (${text(low)} … ${text(high)})`;
    const cells = [row.figure, row.load, `\`${row.policy}\``, text(row.published), `${text(row.simulated)}${interval}`];
    return [...cells, text(row.ratio), row.basis].join(' | ');
  });
  const head = ['figure', 'load', 'policy', 'published', 'simulated (95 % interval)', 'ratio', 'basis'];
  return [head.join(' | '), head.map((_, i) => (i < 3 || i > 5 ? '---' : '--:')).join(' | '), ...lines]
    .map((line) => `| ${line} |`)
    .join('\n');
}
