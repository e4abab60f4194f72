/** Calibrations of a small scenario whose true parameters are known. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CalibrateOptions, type Calibration, calibrate, fits } from '../../src/calibrate/calibrate.js';
import { calibrationFiles } from '../../src/calibrate/files.js';
import { loadPlan } from '../../src/calibrate/plan.js';
import { calibrationReport } from '../../src/calibrate/report.js';
import type { TargetFigure } from '../../src/calibrate/schema.js';
import { simulate } from '../../src/kernel/simulation.js';
import { readTable } from '../../src/results/csv.js';
import { figuresOf } from '../../src/results/metrics.js';
import { loadScenario } from '../../src/scenario/load.js';
import { type RunBatch, withWorkers } from '../../src/sweep/pool.js';

const folder = mkdtempSync(join(tmpdir(), 'kpbench-calibrate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A probe on one CPU beside sections of kernel code, which hold it up. */
const HOST = `# A host.
duration: 10s
machine: { preset: ideal-1, costs: { timerIrq: 1us } }
policy: cfs
tasks:
  - name: probe
    role: vcpu
    program: [{ loop: [{ timer: 1ms }, { record: latency }, { run: 2us }] }]
  - name: section # holds the CPU
    program: [{ loop: [{ sleep: { exponential: 9ms } }, { kernel: 90us }] }]
`;
const host = join(folder, 'host.yaml');
writeFileSync(host, HOST);

const INTERVAL = 'tasks.1.program.0.loop.0.sleep.exponential';
const LENGTH = 'tasks.1.program.0.loop.1.kernel';
const TRUTH: Array<[string, string]> = [
  [INTERVAL, '3ms'],
  [LENGTH, '240us'],
];
const OPTIONS: CalibrateOptions = { seed: 1, runs: 2 };

/** What the true host shows, as if it had been measured: under the seeds that candidates run under, so that no chance is between. */
function truly(figure: TargetFigure, policy: string): number {
  const scenario = loadScenario(host, { policy, set: TRUTH });
  const values = [1, 2].map((seed) => {
    const [recorder] = simulate(scenario, seed).recorders;
    return recorder === undefined ? Number.NaN : (figuresOf(recorder)[figure] ?? Number.NaN);
  });
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function fitFile(
  name: string,
  targets: Array<[figure: TargetFigure, value: number, tolerance: number]>,
  more = {},
): string {
  const file = join(folder, name);
  const fit = {
    scenario: host,
    policy: 'cfs',
    duration: '10s',
    parameters: [
      { name: 'interval', path: INTERVAL, low: '1ms', high: '100ms' },
      { name: 'length', path: LENGTH, low: '10us', high: '2ms' },
    ],
    targets: targets.map(([figure, value, tolerance]) => ({ metric_of: 'probe:latency', figure, value, tolerance })),
    ...more,
  };
  writeFileSync(file, JSON.stringify(fit));
  return file;
}

const calibrated = (file: string, options: Partial<CalibrateOptions> = {}, workers = 1): Promise<Calibration> =>
  withWorkers(workers, (run: RunBatch) => calibrate(loadPlan(file), run, { ...OPTIONS, ...options }));

describe('a calibration', () => {
  let file: string;
  let found: Calibration;
  beforeAll(async () => {
    file = fitFile('fit.yaml', [
      ['max_us', truly('max_us', 'cfs'), 0.02],
      ['overflow_100us_pct', truly('overflow_100us_pct', 'cfs'), 0.02],
    ]);
    found = await calibrated(file);
  });

  it('recovers the true parameters', () => {
    const [interval = 0, length = 0] = found.fit.values;
    expect(fits(found)).toBe(true);
    expect(Math.abs(interval / 3e6 - 1)).toBeLessThan(0.05);
    expect(Math.abs(length / 240e3 - 1)).toBeLessThan(0.01);
  });

  it('predicts a policy that it was not fitted to', () => {
    const fitted = join(folder, 'predict.yaml');
    writeFileSync(fitted, calibrationFiles(found).get('host.yaml') ?? '');
    const [recorder] = simulate(loadScenario(fitted, { policy: 'vmf' }), 5).recorders;
    const predicted = recorder === undefined ? null : figuresOf(recorder).mean_us;
    expect((predicted ?? 0) / truly('mean_us', 'vmf')).toBeCloseTo(1, 1);
  });

  it('says how the targets depend on the parameters', () => {
    const [interval, length] = found.sensitivity;
    for (const { down, up } of [interval, length].filter((each) => each !== undefined)) {
      expect(down?.objective).toBeGreaterThan(found.fit.objective);
      expect(up?.objective).toBeGreaterThan(found.fit.objective);
    }
    // Longer sections hold the probe up for longer, rarer ones not so often.
    const [max, share] = [0, 1].map((i) => (of: Calibration['fit'] | null | undefined) => of?.figures[i]?.value ?? 0);
    expect(max?.(length?.up)).toBeGreaterThan(1.05 * (max?.(found.fit) ?? 0));
    expect(share?.(interval?.up)).toBeLessThan(0.97 * (share?.(found.fit) ?? 0));
    expect(calibrationReport(found)).not.toContain('no minimum yet');
    const missed = { ...found, fit: { ...found.fit, objective: 1000 } };
    expect(calibrationReport(missed)).toContain('no minimum yet');
    expect(length?.up?.values).toEqual([found.fit.values[0], expect.closeTo((found.fit.values[1] ?? 0) * 1.1, -3)]);
  });

  it('is the same for any number of workers, and another for another seed', async () => {
    const short = { runs: 1, budget: 24 };
    const files = async (workers: number, seed: number) =>
      calibrationFiles(await calibrated(file, { ...short, seed }, workers));
    const one = await files(1, 1);
    expect(await files(2, 1)).toEqual(one);
    expect((await files(1, 2)).get('calibration.csv')).not.toBe(one.get('calibration.csv'));
  });

  it('writes every evaluation, one fitted scenario a case with its comments, and a manifest', () => {
    const files = calibrationFiles(found);
    expect([...files.keys()].sort()).toEqual(['calibration.csv', 'host.yaml', 'manifest.json']);
    const csv = readTable(files.get('calibration.csv') ?? '', 'calibration.csv');
    expect(csv.columns.slice(0, 5)).toEqual(['evaluation', 'phase', 'objective', 'interval_ns', 'length_ns']);
    expect(csv.rows).toHaveLength(found.evaluations.length);
    const best = Math.min(...csv.rows.filter(({ phase }) => phase === 'search').map((row) => Number(row.objective)));
    expect(best).toBe(Number(found.fit.objective.toPrecision(6)));
    expect(csv.rows.map(({ phase }) => phase).slice(-5)).toEqual([...Array(4).fill('sensitivity'), 'fresh seeds']);

    const text = files.get('host.yaml') ?? '';
    expect(text).toContain('# A host.');
    expect(text).toContain('name: section # holds the CPU');
    expect(text).toMatch(/^# Fitted by kpbench calibrate to figures of policy cfs/);
    expect(JSON.parse(files.get('manifest.json') ?? '')).toMatchObject({
      policy: 'cfs',
      seed: 1,
      runs: 2,
      within_tolerance: true,
      simulations: found.evaluations.length * 2,
      targets: [{ verdict: 'met' }, { verdict: 'met' }],
    });
  });

  it('shows under other seeds what it shows under its own, roughly', () => {
    expect(found.fresh.values).toEqual(found.fit.values);
    expect(found.fresh.figures).not.toEqual(found.fit.figures);
    expect((found.fresh.figures[0]?.value ?? 0) / (found.fit.figures[0]?.value ?? 1)).toBeCloseTo(1, 0);
  });
});

describe('a calibration that cannot succeed', () => {
  it('says so, with the best fit at a bound', async () => {
    // A section holds the probe up for 2 ms at most.
    const found = await calibrated(fitFile('far.yaml', [['max_us', 5000, 0.1]]), { runs: 1, budget: 30 });
    expect(fits(found)).toBe(false);
    const report = calibrationReport(found);
    expect(report).toMatch(/length\s+10us\s+2ms\s+\S+\s+at its high bound/);
    expect(report).toMatch(/max_us\s+5,000 µs.*missed/);
  });

  it('names what was not measured, and never calls it met', async () => {
    const found = await calibrated(fitFile('few.yaml', [['p9999_us', 100, 0.1]], { duration: '1s' }), {
      runs: 1,
      budget: 24,
    });
    expect(fits(found)).toBe(false);
    const report = calibrationReport(found);
    expect(report).toMatch(/p9999_us\s+100 µs\s+–\s+–.*not measured/);
    expect(report).toContain('no target depends on it');
  });

  it('needs a budget for one poll at least', async () => {
    await expect(calibrated(fitFile('poor.yaml', [['max_us', 100, 0.1]]), { budget: 23 })).rejects.toThrow(
      '--budget: expected at least 24 simulations, found 23',
    );
  });
});

describe('several cases', () => {
  it('share a parameter at a place of its own in each, and leave out those that are not in a case', async () => {
    const other = join(folder, 'other.yaml');
    writeFileSync(other, HOST.replace('tasks:\n', 'tasks:\n  - name: idle\n    program: [{ sleep: 1s }]\n'));
    const cases = { host, other };
    const file = fitFile('cases.yaml', [], {
      scenario: cases,
      duration: '2s',
      parameters: [
        {
          name: 'length',
          path: { host: LENGTH, other: LENGTH.replace('tasks.1', 'tasks.2') },
          low: '10us',
          high: '2ms',
        },
        { name: 'irq', path: { other: 'machine.costs.timerIrq' }, low: '1us', high: '50us' },
      ],
      targets: [
        { case: 'host', metric_of: 'probe:latency', figure: 'max_us', value: 500, tolerance: 0.1 },
        { case: 'other', metric_of: 'probe:latency', figure: 'p50_us', value: 71, tolerance: 0.1 },
      ],
    });
    const found = await calibrated(file, { runs: 1, budget: 70 });
    expect(fits(found)).toBe(true);
    const files = calibrationFiles(found);
    const { parameters } = JSON.parse(files.get('manifest.json') ?? '');
    const [length, irq] = parameters.map(({ fitted }: { fitted: string }) => fitted);
    expect(files.get('host.yaml')).toContain(`kernel: ${length}`);
    expect(files.get('other.yaml')).toContain(`kernel: ${length}`);
    expect(files.get('host.yaml')).toContain('timerIrq: 1us');
    expect(files.get('other.yaml')).toContain(`timerIrq: ${irq}`);
    expect(readFileSync(other, 'utf8')).toContain('kernel: 90us');
  });
});
