/** Published figures: each has a counterpart among the experiments, and its row says what it is. */
import { describe, expect, it } from 'vitest';
import { EXPERIMENTS } from '../../src/experiments/catalog.js';
import type { ExperimentRun } from '../../src/experiments/experiment.js';
import { reproductionCsv, reproductionMarkdown, reproductionRows } from '../../src/experiments/reproduction.js';
import { metricsOf, summarise } from '../../src/results/metrics.js';
import { recorderOf, resultOf } from '../results/samples.js';

/** Every case of every experiment, as if it had served 1000 requests a second in 1 to 1000 µs each. */
const runs: ExperimentRun[] = EXPERIMENTS.map(({ name, cases, policies }) => {
  const latencies = Array.from({ length: 1000 }, (_, i) => (i + 1) * 1000);
  const rows = cases.flatMap((item) =>
    (item.policies ?? policies).flatMap((policy) =>
      [1, 2].flatMap((seed) =>
        metricsOf(
          { experiment: name, case: item.name },
          { ...resultOf([recorderOf(latencies)], seed), policy },
          () => ({
            throughput_per_s: 1000,
            cpu_util_pct: 50,
            timeouts_per_s: 250,
          }),
        ),
      ),
    ),
  );
  return { experiment: name, rows: [...rows, ...summarise(rows)], cases: [] };
});

describe('reproduction', () => {
  it('finds every published figure of cyclictest, codis and BT, once', () => {
    const rows = reproductionRows(runs);
    const count = (figure: string) => rows.filter((row) => row.figure === figure).length;
    const figures = ['cyclictest max, µs', 'cyclictest over 100 µs, %', 'codis requests/s', 'codis p99, ms'];
    expect([...figures, 'BT: CPU, %', 'BT: timeouts/s'].map(count)).toEqual([4, 4, 18, 15, 10, 9]);
    expect(new Set(rows.map(({ figure, load, policy }) => `${figure} ${load} ${policy}`)).size).toBe(rows.length);
  });

  it('sets ours beside theirs', () => {
    const row = reproductionRows(runs).find(({ figure, load }) => figure === 'BT: timeouts/s' && load === 'A alone');
    expect(row).toMatchObject({ published: 250, simulated: 250, ratio: 1, basis: 'calibrated' });
    expect(reproductionCsv(runs)).toMatch(/^figure,load,policy,published,simulated,low,high,ratio,basis\n/);
    expect(reproductionMarkdown(runs)).toContain(
      '| codis p99, ms | 200 clients | `cfs` | 3 | 0.9892 | 0.3297 | predicted |',
    );
  });

  it('says nothing of what was not run', () => expect(reproductionRows([])).toEqual([]));
});
