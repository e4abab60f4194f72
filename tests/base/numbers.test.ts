/** Empirical distributions, and the scheduler's fixed-point arithmetic. */
import { describe, expect, it } from 'vitest';
import { primitives } from '../../bench/primitives.js';
import { simulate } from '../../src/kernel/simulation.js';
import { bucketOf } from '../../src/results/histogram.js';
import type { Step } from '../../src/scenario/scenario.js';
import { scenario, task } from '../kernel/fixtures.js';

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
