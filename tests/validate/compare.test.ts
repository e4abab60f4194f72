/** Verdicts, on hand-made results. */
import { describe, expect, test } from 'vitest';
import { compare, fails, type ValidationRow } from '../../src/validate/compare.js';
import { FIGURES, type Recording } from '../../src/validate/recordings.js';
import { validationCsv, validationTable } from '../../src/validate/report.js';
import type { Metric } from '../../src/validate/tolerance.js';
import { result, samples, type TaskFigures } from './presets.js';

const TICK_US = 4000;

function recording(trust: Recording['entry']['trust'] = [...FIGURES], latencySamples = 100): Recording {
  const latency = { count: latencySamples, p50: 10, p99: 1000, max: 5000 };
  return {
    entry: {
      case: 'S99',
      label: 'a',
      kernel: 'linux-6.1',
      mode: 'icount',
      cpus: 1,
      scenario: 'scenarios/S99.json',
      summary: 'summaries/a-S99.json',
      trace: null,
      trust,
    },
    starts: new Map(),
    lags: new Map(),
    rtPhaseNs: null,
    scenario: { id: 'S99', title: '', cpus: 1, boot: '', duration_ms: 10_000, cgroups: [], tasks: [] },
    summary: {
      window_s: 10,
      switches: 2000,
      switches_per_s: 200,
      tasks: {
        t: {
          share: 0.5,
          switches_in: 1000,
          run_segment_us: { count: 1000, p50: 2000, p99: 2000, max: 2000 },
          wakeup_latency_us: latency,
        },
      },
      lost_events_notes: [],
    },
  };
}

const right: TaskFigures = { name: 't', sharePct: 50, latency: samples(100, 10), segment: samples(1000, 2000) };

function row(rows: ValidationRow[], metric: Metric): ValidationRow {
  const found = rows.find((candidate) => candidate.metric === metric);
  if (found === undefined) throw new Error(`no row ${metric}`);
  return found;
}

describe('a verdict', () => {
  test.each<[number, string]>([
    [49, 'agree'],
    [51, 'agree'],
    [51.001, 'disagree'],
    [48.999, 'disagree'],
  ])('a share of %f % beside 50 %: %s', (sharePct, verdict) => {
    const found = row(compare(recording(), result(2000, [{ ...right, sharePct }]), TICK_US), 'share_pct');
    expect(found).toMatchObject({ task: 't', recorded: 50, simulated: sharePct, tolerance: 1, verdict });
    expect(fails(found)).toBe(verdict === 'disagree');
  });

  test.each<[number, string]>([
    [1900, 'agree'],
    [2100, 'agree'],
    [2101, 'disagree'],
    [1899, 'disagree'],
  ])('%i switches beside 2000: %s', (switches, verdict) => {
    const found = row(compare(recording(), result(switches, [right]), TICK_US), 'switches_per_s');
    expect(found).toMatchObject({ task: 'all', samples: 2000, recorded: 200, tolerance: 10, verdict });
    expect(found.difference).toBeCloseTo(switches / 10 - 200);
    expect(fails(found)).toBe(verdict === 'disagree');
  });

  test.each<[Metric, number, string]>([
    ['wakeup_latency_p50_us', 30, 'agree'],
    ['wakeup_latency_p50_us', 31, 'disagree'],
    ['wakeup_latency_p99_us', 1100, 'agree'],
    ['wakeup_latency_p99_us', 1101, 'disagree'],
    ['wakeup_latency_max_us', 9500, 'agree'],
    ['wakeup_latency_max_us', 9501, 'disagree'],
  ])('%s of %i µs: %s, which fails nothing', (metric, us, verdict) => {
    const found = row(compare(recording(), result(2000, [{ ...right, latency: samples(100, us) }]), TICK_US), metric);
    expect(found).toMatchObject({ simulated: us, verdict });
    expect(fails(found)).toBe(false);
  });

  test.each<[number, string]>([
    [2100, 'agree'],
    [2101, 'disagree'],
    [1900, 'agree'],
    [1899, 'disagree'],
  ])('a segment of %i µs beside 2000 µs: %s', (us, verdict) => {
    const rows = compare(recording(), result(2000, [{ ...right, segment: samples(1000, us) }]), TICK_US);
    expect(row(rows, 'run_segment_p50_us').verdict).toBe(verdict);
  });

  test('fewer than 100 recorded samples: latencies are not measured', () => {
    const rows = compare(recording([...FIGURES], 99), result(2000, [right]), TICK_US);
    expect(row(rows, 'wakeup_latency_p50_us')).toMatchObject({
      verdict: 'not measured',
      difference: null,
      tolerance: null,
    });
    expect(row(rows, 'wakeup_latency_max_us').verdict).toBe('not measured');
  });

  test('a figure that the recording does not vouch for is not measured', () => {
    const rows = compare(recording(['share']), result(9000, [{ ...right, sharePct: 50 }]), TICK_US);
    expect(rows.map((each) => each.verdict)).toEqual(['not measured', 'agree', ...Array(4).fill('not measured')]);
    expect(rows.some(fails)).toBe(false);
  });

  test('a simulated task that hardly ran disagrees: it is not unmeasured', () => {
    const starved = { ...right, sharePct: 0, latency: samples(99, 10), segment: samples(0, 0) };
    const rows = compare(recording(), result(2000, [starved]), TICK_US);
    expect(row(rows, 'wakeup_latency_p50_us').verdict).toBe('disagree');
    expect(row(rows, 'run_segment_p50_us')).toMatchObject({ simulated: null, verdict: 'disagree' });
  });

  test('a task that the recording never saw had no CPU', () => {
    const rows = compare(recording(), result(2000, [{ ...right, name: 'starved', sharePct: 2 }]), TICK_US);
    expect(row(rows, 'share_pct')).toMatchObject({ recorded: 0, verdict: 'disagree' });
    expect(row(rows, 'wakeup_latency_max_us').verdict).toBe('not measured');
  });

  test('the controller is not compared', () => {
    const rows = compare(recording(), result(2000, [{ ...right, name: '~scnctl' }]), TICK_US);
    expect(rows.map((each) => each.metric)).toEqual(['switches_per_s']);
  });
});

describe('a report', () => {
  const rows = compare(recording(), result(2300, [right]), TICK_US);

  test('fits 80 columns and counts', () => {
    const text = validationTable(rows).replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '');
    expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(text).toContain('linux-6.1: 3 agree, 3 disagree, 0 not measured, 0 void\n1 of 2 gating figures agree\n');
  });

  test('is written as validation.csv', () => {
    const [header, first] = validationCsv(rows).split('\n');
    expect(header).toBe('kernel,case,label,mode,task,metric,samples,recorded,simulated,difference,tolerance,verdict');
    expect(first).toBe('linux-6.1,S99,a,scenario,all,switches_per_s,2000,200,230,30,10,disagree');
  });
});
