/**
 * Micro-benchmarks: our structures beside npm's, the engine at five sizes, its native build, guests, and memory. All cases take turns in short rounds, so
 * that drift of the machine hits all alike; figures are medians over rounds, and only ratios within one run mean anything.
 *
 *   node dist/bench/micro.js [--quick | --write]
 */
import { join } from 'node:path';
import { median } from 'simple-statistics';
import { Bench } from 'tinybench';
import { packageRoot } from '../src/paths.js';
import { textTable } from '../src/report/table.js';
import { writeTable } from '../src/results/csv.js';
import { writeWhole } from '../src/results/files.js';
import { type BenchCase, type ExternalCase, OURS } from './case.js';
import { type EngineSize, engineCases } from './cases/engine.js';
import { guestCases } from './cases/guests.js';
import { histogramCases } from './cases/histogram.js';
import { memoryCases } from './cases/memory.js';
import { nativeCases } from './cases/native.js';
import { queueCases } from './cases/queue.js';
import { treeCases } from './cases/tree.js';

const quick = process.argv.includes('--quick');
const write = process.argv.includes('--write');
if (quick && write) {
  process.stderr.write('--write: expected a full run, found --quick\n');
  process.exit(2);
}
const SIZES = quick ? [16, 4096] : [16, 256, 4096, 65536];
const ENGINE_SIZES: EngineSize[] = quick
  ? [[256, 4]]
  : [
      [16, 1],
      [256, 4],
      [4096, 4],
      [65536, 4],
      [768, 384],
    ];
const ROUNDS = quick ? 3 : 7;
const ROUND_MS = quick ? 20 : 60;
/** Before it, untimed: the cases before have emptied the caches, which the native build, a process of its own, does not see. */
const WARM_UP_MS = quick ? 5 : 20;

interface Row {
  benchmark: string;
  size: string;
  implementation: string;
  unit: string;
  value: number;
  /** How many times faster ours is. */
  ratio_to_ours: number;
}

const cases: BenchCase[] = [
  ...treeCases(SIZES),
  ...queueCases(SIZES),
  ...(await histogramCases()),
  ...engineCases(ENGINE_SIZES),
  ...(quick ? [] : guestCases()),
  ...memoryCases(),
];
const native = quick ? 'native build: left out of the quick run' : nativeCases(ENGINE_SIZES);
const external = typeof native === 'string' ? [] : native;
if (typeof native === 'string') process.stderr.write(`${native}\n`);

const figures = new Map<BenchCase | ExternalCase, number[]>([...cases, ...external].map((item) => [item, []]));
// The first round only warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const item of cases) {
    const figure = await measure(item);
    if (round > 0) figures.get(item)?.push(figure);
  }
  if (round > 0) for (const item of external) figures.get(item)?.push(item.measure());
}

const rows = withRatios([...figures].map(([item, values]) => ({ item, value: median(values) })));
process.stdout.write(
  textTable(
    [
      { title: 'benchmark', align: 'left' },
      { title: 'size', align: 'right' },
      { title: 'implementation', align: 'left' },
      { title: 'ns/op', align: 'right' },
      { title: 'M events/s', align: 'right' },
      { title: '× real time', align: 'right' },
      { title: 'ours ×', align: 'right' },
    ],
    rows.map((row) => [
      row.benchmark,
      row.size,
      row.implementation,
      row.unit === 'ns_per_op' ? row.value.toFixed(1) : '',
      row.unit === 'events_per_s' ? (row.value / 1e6).toFixed(2) : '',
      row.unit === 'simulated_s_per_s' ? row.value.toFixed(2) : '',
      row.implementation === OURS ? '' : row.ratio_to_ours.toFixed(2),
    ]),
  ),
);
if (write) {
  const columns = ['benchmark', 'size', 'implementation', 'unit', 'value', 'ratio_to_ours'] as const;
  const rounded = rows.map((row) => ({
    ...row,
    value: Number(row.value.toPrecision(4)),
    ratio_to_ours: Number(row.ratio_to_ours.toPrecision(4)),
  }));
  writeWhole(join(packageRoot, 'results'), new Map([['speed.csv', writeTable(columns, rounded)]]));
}

/** One short round of a case: its figure in its own unit. */
async function measure(item: BenchCase): Promise<number> {
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) item.batch();
  let operations = 0;
  let calls = 0;
  const bench = new Bench({ time: ROUND_MS, iterations: 1, warmup: false });
  bench.add(item.implementation, () => {
    operations += item.batch();
    calls++;
  });
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result?.state !== 'completed') throw new Error(`${item.benchmark} ${item.implementation} did not complete`);
  const nsPerOperation = (result.latency.mean * 1e6 * calls) / operations;
  return item.unit === 'ns_per_op' ? nsPerOperation : 1e9 / nsPerOperation;
}

function withRatios(measured: Array<{ item: BenchCase | ExternalCase; value: number }>): Row[] {
  return measured.map(({ item: { benchmark, size, implementation, unit }, value }) => {
    const ours = measured.find(
      ({ item }) => item.benchmark === benchmark && item.size === size && item.implementation === OURS,
    );
    const reference = ours?.value ?? Number.NaN;
    const ratio = unit === 'ns_per_op' ? value / reference : reference / value;
    return { benchmark, size, implementation, unit, value, ratio_to_ours: ratio };
  });
}
