/**
 * The regression gate: the quick bench against the committed baseline. Simulated figures are exact, so any difference counts; speed is
 * only charted, as a ratio to a fixed piece of plain JavaScript on the same machine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Simulation } from '../kernel/simulation.js';
import { type Polarity, trendSvg } from '../report/trend.js';
import { type Comparison, compareTables } from '../results/baseline.js';
import { readTable, writeMetrics } from '../results/csv.js';
import { appendHistory, type HistoryEntry, parseHistory } from '../results/history.js';
import { loadScenario } from '../scenario/load.js';
import { type ExperimentRun, summaryRows } from './experiment.js';

/** Figures of each experiment that have a trend, those of services apart: policy and column. */
const HEADLINE_POLICIES = ['cfs', 'vmf'];
const HEADLINE_COLUMNS = { max_us: 'us', overflow_100us_pct: '%' } as const;

/** An experiment's CSV and how it differs from its baseline; null: there is no baseline yet. */
export interface RegressionResult {
  experiment: string;
  csv: string;
  comparison: Comparison | null;
}

/** Compares every experiment with `<folder>/<experiment>.csv`. */
export function compareWithBaseline(runs: readonly ExperimentRun[], folder: string): RegressionResult[] {
  return runs.map((run) => {
    const csv = writeMetrics(run.rows);
    const file = join(folder, `${run.experiment}.csv`);
    const comparison = existsSync(file)
      ? compareTables(readTable(readFileSync(file, 'utf8'), file), readTable(csv, `${run.experiment}.csv`))
      : null;
    return { experiment: run.experiment, csv, comparison };
  });
}

/** Whether a comparison found nothing. */
export function isSame(comparison: Comparison | null): boolean {
  return (
    comparison !== null &&
    comparison.differences.length === 0 &&
    comparison.missing.length === 0 &&
    comparison.extra.length === 0
  );
}

/** The headline figures of an accepted run, as lines of the history. */
export function headlines(runs: readonly ExperimentRun[], when: { date: string; commit: string }): HistoryEntry[] {
  const figures = runs.flatMap((run) =>
    summaryRows(run)
      .filter((row) => HEADLINE_POLICIES.includes(row.policy) && row.throughput_per_s === undefined)
      .flatMap((row) =>
        (Object.keys(HEADLINE_COLUMNS) as Array<keyof typeof HEADLINE_COLUMNS>).map((column) => ({
          ...when,
          metric: `${run.experiment}-${row.case}-${row.policy}-${column}`,
          value: row[column] ?? 0,
          unit: HEADLINE_COLUMNS[column],
        })),
      ),
  );
  return [...figures, { ...when, metric: SPEED_METRIC, value: speedRatio(), unit: 'ratio' }];
}

const SPEED_METRIC = 'engine-speed';

/** Histories and trend pictures after an accepted run: file name → content; one history file a metric. */
export function historyFiles(entries: readonly HistoryEntry[], folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of entries) {
    const name = `${entry.metric}.ndjson`;
    const path = join(folder, name);
    const text = appendHistory(existsSync(path) ? readFileSync(path, 'utf8') : '', [entry]);
    files.set(name, text);
    const polarity: Polarity = entry.metric === SPEED_METRIC ? 'higher is better' : 'lower is better';
    files.set(`${entry.metric}.svg`, trendSvg(entry.metric, polarity, parseHistory(text, path)));
  }
  return files;
}

/** Engine events per million steps of a generator in plain JavaScript: a speed that a faster machine does not change much. */
function speedRatio(): number {
  const rounds = Array.from({ length: 5 }, () => engineEventsPerMs() / generatorStepsPerMs());
  rounds.sort((a, b) => a - b);
  return Math.round((rounds[2] ?? 0) * 1e6) / 1e6;
}

function engineEventsPerMs(): number {
  const simulation = Simulation.create(loadScenario('cyclictest-busy', { durationNs: 4e9 }), 1);
  simulation.run(1e9);
  const events = simulation.events;
  const begin = performance.now();
  simulation.run(4e9);
  return (simulation.events - events) / (performance.now() - begin);
}

function generatorStepsPerMs(): number {
  const steps = 20_000_000;
  let state = 1;
  const begin = performance.now();
  for (let i = 0; i < steps; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  // Keeps the loop from being optimised away.
  if (state === 0) throw new Error('xorshift reached zero');
  return steps / (performance.now() - begin);
}
