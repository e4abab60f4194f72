/** PELT and what is computed from it, against the kernel's values and the definition. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../bench/primitives.js';
import { type Activity, decay, LOAD_AVG_MAX, nrIdleScan, PeltReference } from './pelt.js';

const PERIOD = 1024n * 1024n;
const BUSY: Activity = { load: 1n, runnable: 1n, running: true };
const IDLE: Activity = { load: 0n, runnable: 0n, running: false };

describe('util_avg', () => {
  it.each([
    [1, 21n],
    [4, 85n],
    [8, 162n],
    [16, 299n],
    [32, 512n],
    [64, 768n],
    [128, 960n],
    [345, 1023n],
  ])('%i periods of running from nothing are %s', (periods, expected) => {
    const pelt = new PeltReference();
    pelt.update(BigInt(periods) * PERIOD, BUSY, 1n);
    expect(pelt.utilAvg).toBe(expected);
  });

  it.each([
    [32n, 511n],
    [100n, 117n],
  ])('a full past is, after %s idle periods, %s', (periods, expected) => {
    const pelt = new PeltReference();
    pelt.update(345n * PERIOD, BUSY, 1n);
    pelt.update((345n + periods) * PERIOD, IDLE, 1n);
    expect(pelt.utilAvg).toBe(expected);
  });

  it.each([
    [16, 300n],
    [345, 1024n],
  ])('rounds otherwise when it is updated %i times, at the end of every period: %s', (periods, expected) => {
    const pelt = new PeltReference();
    for (let i = 1; i <= periods; i++) pelt.update(BigInt(i) * PERIOD, BUSY, 1n);
    expect(pelt.utilAvg).toBe(expected);
  });

  it('changes at the ends of periods only', () => {
    const pelt = new PeltReference();
    expect(pelt.update(PERIOD - 1024n, BUSY, 1n)).toBe(false);
    expect(pelt.utilAvg).toBe(0n);
    expect(pelt.update(PERIOD, BUSY, 1n)).toBe(true);
  });

  it('is the geometric sum over all that was, but for rounding', () => {
    const spans = fc.array(fc.record({ units: fc.integer({ min: 1, max: 200_000 }), runs: fc.boolean() }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(spans, (steps) => {
        const pelt = new PeltReference();
        const ran: boolean[] = [];
        let now = 0n;
        for (const { units, runs } of steps) {
          now += BigInt(units) * 1024n;
          pelt.update(now, runs ? BUSY : IDLE, 1n);
          for (let i = 0; i < units; i++) ran.push(runs);
        }
        const begun = ran.length % 1024;
        let sum = 0;
        ran.forEach((runs, unit) => {
          const age = Math.floor(ran.length / 1024) - Math.floor(unit / 1024);
          if (runs) sum += 2 ** (-age / 32);
        });
        const average = (1024 * sum) / (Number(LOAD_AVG_MAX) - 1024 + begun);
        // Each update rounds four times; LOAD_AVG_MAX itself is 0.1 % low.
        const got = Number(pelt.utilSum) / Number(pelt.divider);
        expect(Math.abs(got - average)).toBeLessThan(2 + steps.length * 0.1);
      }),
      { numRuns: 25, seed: 20261124 },
    );
  });
});

describe('the simulated kernel’s load averages', () => {
  it('are the reference’s after any history, to the last unit', () => {
    const span = fc.record({
      ns: fc.oneof(
        fc.integer({ min: 0, max: 5000 }),
        fc.integer({ min: 0, max: 5e7 }),
        fc.integer({ min: 0, max: 4e9 }),
      ),
      load: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 88761 })),
      runnable: fc.integer({ min: 0, max: 20 }),
      running: fc.boolean(),
      weight: fc.integer({ min: 1, max: 88761 }),
    });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 60 }), (spans) => {
        const reference = new PeltReference();
        const kernel = primitives(1);
        let now = 0;
        for (const { ns, load, runnable, running, weight } of spans) {
          now += ns;
          const ended = kernel.peltUpdate(now, load, runnable, running ? 1 : 0, weight) !== 0;
          const activity = { load: BigInt(load), runnable: BigInt(runnable), running };
          expect(reference.update(BigInt(now), activity, BigInt(weight))).toBe(ended);
          const { loadSum, runnableSum, utilSum, loadAvg, runnableAvg, utilAvg } = reference;
          expect([0, 1, 2, 3, 4, 5].map((what) => BigInt(kernel.peltNumber(what)))).toEqual([
            loadSum,
            runnableSum,
            utilSum,
            loadAvg,
            runnableAvg,
            utilAvg,
          ]);
        }
      }),
      { numRuns: 200, seed: 20261124 },
    );
  });
});

describe('load_avg', () => {
  it('of a task that is always runnable nears its weight', () => {
    const pelt = new PeltReference();
    for (let i = 1n; i <= 2000n; i++) pelt.update(i * PERIOD, { ...BUSY, running: false }, 3121n);
    expect(pelt.loadAvg).toBeGreaterThan(3090n);
    expect(pelt.loadAvg).toBeLessThanOrEqual(3121n);
    expect(pelt.utilAvg).toBe(0n);
  });

  it('of a queue counts its weight, runnable_avg its tasks', () => {
    const pelt = new PeltReference();
    for (let i = 1n; i <= 2000n; i++) pelt.update(i * PERIOD, { load: 2048n, runnable: 2n, running: true }, 1n);
    expect(Number(pelt.loadAvg)).toBeCloseTo(2047, -1);
    expect(Number(pelt.runnableAvg)).toBeCloseTo(2047, -1);
  });
});

describe('decay', () => {
  it('halves every 32 periods and forgets after 2016', () => {
    expect(decay(1n << 20n, 32n)).toBe((1n << 19n) - 1n);
    expect(decay(1n << 60n, 2017n)).toBe(0n);
  });
});

describe('util_est', () => {
  const { utilEstimate } = primitives(1);

  it.each([
    [0, 300, 0, 300],
    [300, 512, 0, 512],
    [512, 100, 0, 409],
    [409, 100, 0, 331],
    // Within 1 %, and of a task that had to wait.
    [512, 503, 0, 512],
    [512, 502, 0, 509],
    [512, 100, 1, 512],
  ])('after %i, a sample of %i (waited: %i) makes %i', (old, util, waited, expected) => {
    expect(utilEstimate(old, util, waited)).toBe(expected);
  });
});

describe('nr_idle_scan', () => {
  it.each([
    [2, [2, 1, 1, 0, 0]],
    [4, [4, 3, 2, 0, 0]],
    [8, [8, 7, 5, 1, 0]],
    [16, [16, 14, 10, 3, 0]],
    [32, [32, 29, 21, 7, 0]],
  ])('of %i CPUs, at 0, 25, 50, 75 and 85 %% in use, is %j', (cpus, expected) => {
    const shares = [0, 0.25, 0.5, 0.75, 0.85];
    expect(shares.map((share) => nrIdleScan(cpus, Math.trunc(cpus * 1024 * share)))).toEqual(expected);
  });
});
