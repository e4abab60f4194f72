import { describe, expect, it } from 'vitest';
import { bootstrapInterval, figuresOf, metricsOf, summarise } from '../../src/results/metrics.js';
import { recorderOf, resultOf, threadOf } from './samples.js';

const where = { experiment: 'cyclictest', case: 'idle' };
const upTo = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) * 1000);

describe('figuresOf', () => {
  it('leaves a percentile empty that has too few samples', () => {
    const measured = (count: number) => {
      const { p99_us, p999_us, p9999_us } = figuresOf(recorderOf(upTo(count)));
      return [p99_us, p999_us, p9999_us].map((figure) => figure !== null);
    };
    expect(measured(99)).toEqual([false, false, false]);
    expect(measured(100)).toEqual([true, false, false]);
    expect(measured(1_000)).toEqual([true, true, false]);
    expect(measured(10_000)).toEqual([true, true, true]);
  });

  it('measures nothing without samples', () => {
    const { samples, ...figures } = figuresOf(recorderOf([]));
    expect(samples).toBe(0);
    expect(new Set(Object.values(figures))).toEqual(new Set([null]));
  });

  it('counts samples of 100 µs and more exactly from the microsecond bins', () => {
    const us = [10, 99, 99, 100, 250];
    const ns = us.map((value) => value * 1000);
    expect(figuresOf(recorderOf(ns, [threadOf(us.slice(0, 3), 200), threadOf(us.slice(3), 200)]))).toMatchObject({
      samples: 5,
      overflow_100us_pct: 40,
    });
    expect(figuresOf(recorderOf(ns, [threadOf(us, 50)])).overflow_100us_pct).toBeGreaterThan(0); // too few bins: from the histogram
  });
});

describe('summarise', () => {
  const rows = [3, 1, 2].flatMap((seed) => metricsOf(where, resultOf([recorderOf(upTo(100 + seed))], seed)));

  it('averages over the seeds and sums the samples', () => {
    expect(summarise(rows)).toMatchObject([
      { case: 'idle', policy: 'cfs', seed: 'all', metric_of: 'vcpu:wakeup', samples: 306, max_us: 102, min_us: 1 },
    ]);
  });

  it('gives the same interval whatever the order of rows, around the mean', () => {
    const [row] = summarise(rows);
    expect(summarise(rows.toReversed())).toEqual([row]);
    expect(row?.max_low_us).toBeGreaterThanOrEqual(101);
    expect(row?.max_low_us).toBeLessThan(102);
    expect(row?.max_high_us).toBeLessThanOrEqual(103);
    expect(row?.max_high_us).toBeGreaterThan(102);
  });

  it('has no interval for one seed, and no figure that one seed did not measure', () => {
    expect(summarise(rows.slice(0, 1))).toMatchObject([{ max_low_us: null, overflow_high_pct: null }]);
    const short = metricsOf(where, resultOf([recorderOf(upTo(10))], 9));
    expect(summarise([...rows, ...short])).toMatchObject([{ p99_us: null, p90_us: expect.any(Number) }]);
  });
});

describe('bootstrapInterval', () => {
  it('depends on the key and nothing else', () => {
    const values = [10, 12, 9, 30, 11, 10.5];
    expect(bootstrapInterval(values, 'a')).toEqual(bootstrapInterval(values, 'a'));
    const [low, high] = bootstrapInterval(values, 'a');
    expect(low).toBeGreaterThan(9);
    expect(high).toBeLessThan(30);
    expect(low).toBeLessThan(13.75);
    expect(high).toBeGreaterThan(13.75);
  });
});
