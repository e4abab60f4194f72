/** The reference's arithmetic against the kernel's values, and against exact division. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../bench/primitives.js';
import { calcDelta, calcDeltaFair, floorDivide, IDLE_LOAD, niceLoad, sumLoad } from './fixed_point.js';

const RUNS = { numRuns: 300, seed: 20261124 };
const nices = fc.integer({ min: -20, max: 19 });

describe('calc_delta_fair', () => {
  it.each([
    [-20, 11536n],
    [-10, 107247n],
    [-5, 328099n],
    [-1, 801879n],
    [0, 1000000n],
    [1, 1248780n],
    [5, 3056716n],
    [10, 9309090n],
    [19, 68266666n],
  ])('1 ms at nice %i is %s ns of virtual time', (nice, expected) => {
    expect(calcDeltaFair(1_000_000n, niceLoad(nice))).toBe(expected);
  });

  it('1 ms of SCHED_IDLE is 341333333 ns', () => {
    expect(calcDeltaFair(1_000_000n, IDLE_LOAD)).toBe(341333333n);
  });

  it.each([
    [-5, 459339n],
    [0, 1400000n],
    [5, 4279403n],
    [19, 95573333n],
  ])('a slice of 1.4 ms at nice %i is %s ns of virtual time', (nice, expected) => {
    expect(calcDeltaFair(1_400_000n, niceLoad(nice))).toBe(expected);
  });

  it('is exact division by the weight but for the rounding of its inverse', () => {
    fc.assert(
      fc.property(nices, fc.bigInt(0n, 10n ** 12n), (nice, ns) => {
        const exact = (ns << 20n) / niceLoad(nice).weight;
        const error = calcDeltaFair(ns, niceLoad(nice)) - exact;
        // The inverse is a whole number, and the factor is cut to 32 bits.
        const bound = exact / niceLoad(nice).inverse + (exact >> 31n) + 1n;
        expect(error <= bound && error >= -bound).toBe(true);
      }),
      RUNS,
    );
  });

  it('is the simulated kernel’s, for every weight and time', () => {
    const { deltaFair } = primitives(1);
    fc.assert(
      fc.property(nices, fc.integer({ min: 0, max: 2 ** 45 }), (nice, ns) => {
        expect(BigInt(deltaFair(ns, nice))).toBe(calcDeltaFair(BigInt(ns), niceLoad(nice)));
      }),
      RUNS,
    );
  });
});

describe('calc_delta', () => {
  it.each([
    [6_000_000n, 0, 1024n, 5999998n],
    [6_000_000n, 0, 2048n, 2999998n],
    [6_000_000n, 0, 3072n, 1999999n],
    [12_000_000n, 0, 2048n, 5999997n],
    [24_000_000n, 0, 2048n, 11999994n],
    [12_000_000n, 0, 1359n, 9041942n],
    [12_000_000n, 5, 1359n, 2958057n],
  ])('of a period of %s ns, nice %i in a queue of weight %s gets %s ns', (period, nice, total, expected) => {
    expect(calcDelta(period, niceLoad(nice).weight, sumLoad(total << 10n))).toBe(expected);
  });
});

describe('floorDivide', () => {
  it.each([
    [7n, 2n, 3n],
    [-7n, 2n, -4n],
    [-8n, 2n, -4n],
    [0n, 3n, 0n],
  ])('%s / %s is %s', (a, b, expected) => {
    expect(floorDivide(a, b)).toBe(expected);
  });
});
