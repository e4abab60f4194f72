/** The objective: log ratios, and what zero and "not measured" count as. */
import { describe, expect, it } from 'vitest';
import { isMet, logRatio, objective, reached, residual, type Target } from '../../src/calibrate/objective.js';
import { recorderOf, resultOf } from '../results/samples.js';

const target = (more: Partial<Target> = {}): Target => ({
  case: 'idle',
  metricOf: 'cyclictest:latency',
  figure: 'max_us',
  value: 100,
  weight: 1,
  tolerance: 0.1,
  ...more,
});
const figure = (value: number | null, least = 0.001) => ({ value, least });

describe('the objective', () => {
  it('finds twice and half equally wrong, whatever the unit', () => {
    expect(logRatio(target(), figure(200))).toBeCloseTo(Math.LN2);
    expect(logRatio(target(), figure(50))).toBeCloseTo(-Math.LN2);
    expect(logRatio(target({ value: 0.28, figure: 'overflow_100us_pct' }), figure(0.56))).toBeCloseTo(Math.LN2);
  });

  it('is the weighted sum of squares, in units of the tolerance', () => {
    const targets = [target({ weight: 3, tolerance: 1 }), target({ tolerance: 3 })];
    // Twice is one tolerance of 100 %, half is half a tolerance of 300 %.
    expect(objective(targets, [figure(200), figure(50)])).toBeCloseTo(3 * 1 + 0.25);
    expect(objective(targets, [figure(100), figure(100)])).toBe(0);
  });

  it('meets a target from value/1.1 to value×1.1, whatever its weight', () => {
    for (const weight of [0.01, 1, 100]) {
      const met = (value: number | null) => isMet(target({ weight }), figure(value));
      expect([90.8, 91, 100, 109.9, 110.1, 0, null].map(met)).toEqual([false, true, true, true, false, false, false]);
    }
  });

  it('lets zero count as the least that can be told from it, on either side', () => {
    const share = target({ figure: 'overflow_100us_pct', value: 0.5, tolerance: 0.5 });
    expect(logRatio(share, figure(0, 0.05))).toBeCloseTo(Math.log(0.1));
    const none = { ...share, value: 0 };
    expect(isMet(none, figure(0, 0.05))).toBe(true);
    expect(isMet(none, figure(0.1, 0.05))).toBe(false);
    // Too few samples to show 0.0001 % are no reason to call it reached.
    expect(isMet({ ...share, value: 0.0001 }, figure(0, 0.05))).toBe(false);
  });

  it('never meets what was not measured, which is worse than anything that was', () => {
    expect(isMet(target(), figure(null))).toBe(false);
    expect(isMet(target(), undefined)).toBe(false);
    expect(residual(target(), figure(null))).toBeGreaterThan(residual(target(), figure(1e7)));
  });
});

describe('reached', () => {
  const us = (...samples: number[]) => recorderOf(samples.map((each) => each * 1000));
  const runs = [us(10, 20, 300), us(10, 500)].map((recorder, i) => resultOf([recorder], i));
  const metricOf = `${runs[0]?.recorders[0]?.task}:${runs[0]?.recorders[0]?.recorder}`;

  it('is the mean over the runs, as in the row over all seeds', () => {
    expect(reached(target({ metricOf }), runs).value).toBeCloseTo(400);
    expect(reached(target({ metricOf, figure: 'samples' }), runs).value).toBe(2.5);
  });

  it('is not measured if it was not in each run', () => {
    expect(reached(target({ metricOf, figure: 'p90_us' }), runs).value).toBeNull();
    expect(reached(target({ metricOf: 'other:latency' }), runs).value).toBeNull();
  });

  it('takes none of n samples for half a sample', () => {
    expect(reached(target({ metricOf, figure: 'overflow_100us_pct' }), runs).least).toBeCloseTo(10);
  });
});
