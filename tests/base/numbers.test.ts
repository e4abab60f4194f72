/** Histogram buckets, random streams, samplers, and the scheduler's fixed-point arithmetic. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../bench/primitives.js';
import { simulate } from '../../src/kernel/simulation.js';
import { bucketAt, bucketOf } from '../../src/results/histogram.js';
import type { Step } from '../../src/scenario/scenario.js';
import { scenario, task } from '../kernel/fixtures.js';

describe('histogram', () => {
  it('has the same buckets on both sides of the boundary', () => {
    const { histogramBucket } = primitives(1);
    for (let exponent = 0; exponent < 44; exponent++) {
      for (const value of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        expect([value, histogramBucket(value)]).toEqual([value, bucketOf(value)]);
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 43 }), (value) => histogramBucket(value) === bucketOf(value)),
      {
        seed: 1,
      },
    );
  });

  it('is off by at most 1 %', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 43 }), (value) => {
        const { lowNs, highNs } = bucketAt(bucketOf(value));
        expect(lowNs).toBeLessThanOrEqual(value);
        expect(highNs).toBeGreaterThanOrEqual(value);
        expect((highNs - lowNs) / lowNs).toBeLessThan(0.01);
      }),
      { seed: 1 },
    );
  });

  it('keeps count, sum, minimum and maximum exactly', () => {
    const { histogramRecord, histogramNumber, histogramCount } = primitives(1);
    const values = [5, 70_000, 3, 2 ** 50, 70_000];
    for (const value of values) histogramRecord(value);
    expect([0, 1, 2, 3].map(histogramNumber)).toEqual([5, values.reduce((a, b) => a + b), 3, 2 ** 50]);
    expect(histogramCount(bucketOf(70_000))).toBe(2);
  });
});

describe('random', () => {
  it('is SplitMix64: published outputs of seed 1234567', () => {
    const { randomBits } = primitives(1, 1234567);
    const draw = (): bigint => {
      const low = BigInt(randomBits(0) >>> 0);
      return (BigInt(randomBits(1) >>> 0) << 32n) | low;
    };
    expect([draw(), draw(), draw(), draw(), draw()]).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });

  it('gives every entity and index a stream of its own', () => {
    const { randomStream, randomBits } = primitives(1);
    const first = (seed: number, entity: number, index: number): number => {
      randomStream(seed, entity, index);
      return randomBits(0);
    };
    const draws = [first(1, 10, 0), first(1, 10, 1), first(1, 11, 0), first(2, 10, 0)];
    expect(new Set(draws).size).toBe(4);
    expect(first(1, 10, 0)).toBe(draws[0]);
  });

  const DRAWS = 100_000;
  const sorted = (kind: number, a: number, b = 0, c = 0): number[] => {
    const { randomSample } = primitives(1, 42);
    return Array.from({ length: DRAWS }, () => randomSample(kind, a, b, c)).sort((x, y) => x - y);
  };
  const at = (draws: number[], q: number): number => draws[Math.floor(q * DRAWS)] ?? Number.NaN;

  // Closed-form quantiles; 1 % is about five standard errors of the median of 100,000 draws.
  it.each([
    ['uniform', 1, 1e6, 3e6, 0, (q: number) => 1e6 + 2e6 * q],
    ['exponential', 2, 1e6, 0, 0, (q: number) => -Math.log(1 - q) * 1e6],
    [
      'log-normal',
      3,
      1e6,
      0.5,
      0,
      (q: number) => 1e6 * Math.exp(0.5 * ({ 0.1: -1.28155, 0.5: 0, 0.9: 1.28155 }[q] ?? 0)),
    ],
    ['Pareto', 4, 1e6, 1.5, 1e9, (q: number) => 1e6 * (1 - q * (1 - (1e6 / 1e9) ** 1.5)) ** (-1 / 1.5)],
  ] as const)('%s has its quantiles', (_name, kind, a, b, c, quantile) => {
    const draws = sorted(kind, a, b, c);
    for (const q of [0.1, 0.5, 0.9])
      expect(Math.abs(at(draws, q) / quantile(q) - 1)).toBeLessThan(q === 0.1 ? 0.03 : 0.02);
  });

  it('Pareto stays below its maximum, fixed is fixed', () => {
    expect(sorted(4, 1000, 0.5, 5000).at(-1)).toBeLessThanOrEqual(5000);
    expect(new Set(sorted(0, 777))).toEqual(new Set([777]));
  });
});

describe('empirical', () => {
  it('draws the given values, all of them, and nothing else', () => {
    const values = [10_000, 20_000, 50_000];
    const program: Step[] = [
      {
        op: 'loop',
        times: 3000,
        body: [
          { op: 'run', mode: 'user', duration: { kind: 'empirical', valuesNs: values } },
          { op: 'sleep', duration: { kind: 'fixed', ns: 1000 } },
        ],
      },
    ];
    const result = simulate(scenario([task('t', program)]), 1);
    const counts = values.map(
      (ns) => result.tasks[0]?.runSegment.buckets.find(([bucket]) => bucket === bucketOf(ns))?.[1] ?? 0,
    );
    expect(counts.reduce((a, b) => a + b)).toBe(3000);
    for (const count of counts) expect(count).toBeGreaterThan(900);
  });
});

describe('calc_delta', () => {
  const { deltaFair, deltaOf } = primitives(1);

  // Golden values of the kernel's arithmetic.
  it.each([
    [-20, 11536],
    [-10, 107247],
    [-5, 328099],
    [-1, 801879],
    [0, 1000000],
    [1, 1248780],
    [5, 3056716],
    [10, 9309090],
    [19, 68266666],
    [20, 341333333],
  ])('1 ms at nice %i is %i ns of virtual time (20: SCHED_IDLE)', (nice, expected) => {
    expect(deltaFair(1e6, nice)).toBe(expected);
  });

  it.each([
    [6e6, 0, 1024, 5999998],
    [6e6, 0, 2048, 2999998],
    [6e6, 0, 3072, 1999999],
    [12e6, 0, 2048, 5999997],
    [24e6, 0, 2048, 11999994],
    [12e6, 0, 1024 + 335, 9041942],
    [12e6, 5, 1024 + 335, 2958057],
  ])('the slice of a period of %i ns at nice %i of weight %i is %i ns', (period, nice, weight, expected) => {
    expect(deltaOf(period, nice, Math.floor((2 ** 32 - 1) / weight))).toBe(expected);
  });
});
