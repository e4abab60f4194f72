/** cpu.max: a group never gets more than its quota, waits on the grid of its periods, and gives way to nobody otherwise. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { CgroupSpec } from '../../src/scenario/scenario.js';
import { cpuNs, hog, ideal, linux61, MS, run, scenario, sleep, TICK, task, WHOLE } from './fixtures.js';

const group = (name: string, more: Partial<CgroupSpec> = {}): CgroupSpec => ({
  name,
  parent: null,
  weight: 100,
  idle: false,
  quota: null,
  btShares: 1024,
  offline: false,
  ...more,
});
const quota = (quotaNs: number, periodNs: number, burstNs = 0) => ({ quota: { quotaNs, periodNs, burstNs } });

describe('cpu.max', () => {
  it('gives a hog a fifth of a CPU, in one piece a period, and from multiples of the period since boot on', () => {
    const cgroups = [group('q', quota(20 * MS, 100 * MS))];
    const tasks = [task('limited', hog, { cgroup: 'q' })];
    const result = simulate(scenario(tasks, { cgroups, bootNs: 30 * MS }), 1, { trace: WHOLE });
    expect(cpuNs(result, 'limited') / result.durationNs).toBeCloseTo(0.2, 1);
    const back = result.trace.flatMap((e) => (e.event === 'throttle' && e.what.endsWith('unthrottled') ? [e.at] : []));
    expect(back.slice(0, 3)).toEqual([70 * MS, 170 * MS, 270 * MS]);
  });

  it('never gives more than quota, burst and a tick a CPU in a period', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 15 }),
        (cpus, quotaMs, burstMs, count, sleepMs) => {
          const cgroups = [group('q', quota(quotaMs * MS, 100 * MS, Math.min(burstMs, quotaMs) * MS))];
          const program =
            sleepMs === 0 ? hog : [{ op: 'loop' as const, times: null, body: [run(7 * MS), sleep(sleepMs * MS)] }];
          const tasks = [task('limited', program, { cgroup: 'q', count })];
          const periods = 10;
          const result = simulate(
            scenario(tasks, { cgroups, machine: ideal(cpus), durationNs: periods * 100 * MS }),
            1,
          );
          // The pool is full at first, and every CPU may have kept 1 ms before.
          const most = (periods * quotaMs + burstMs + cpus) * MS + cpus * TICK;
          expect(cpuNs(result, 'limited')).toBeLessThanOrEqual(most);
          return true;
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('throttles a group with all below it, and leaves others alone', () => {
    const cgroups = [group('q', quota(30 * MS, 100 * MS)), group('child', { parent: 'q' })];
    const tasks = [task('inner', hog, { cgroup: 'child', count: 2 }), task('free', hog)];
    const result = simulate(scenario(tasks, { cgroups }), 1);
    expect(cpuNs(result, 'inner') / result.durationNs).toBeCloseTo(0.3, 1);
    expect(cpuNs(result, 'inner') + cpuNs(result, 'free')).toBe(result.durationNs);
  });
});

describe('cpu.idle', () => {
  it('leaves a normal group nearly everything, and takes what is left', () => {
    const cgroups = [group('idle', { idle: true }), group('normal')];
    const hogs = [task('low', hog, { cgroup: 'idle' }), task('high', hog, { cgroup: 'normal' })];
    const both = simulate(scenario(hogs, { cgroups }), 1);
    expect(cpuNs(both, 'high') / both.durationNs).toBeGreaterThan(0.98);
    const alone = simulate(scenario(hogs.slice(0, 1), { cgroups }), 1);
    expect(cpuNs(alone, 'low')).toBe(alone.durationNs);
  });
});

describe('the fair server of 6.12', () => {
  const hogs = [task('rt', hog, { sched: { class: 'fifo', nice: 0, priority: 50 } }), task('fair', hog)];

  it('gives starved fair tasks 50 ms a second', () => {
    const kernel = { ...linux61, rtRuntimeNs: -1, fairServer: { runtimeNs: 50 * MS, periodNs: 1000 * MS } };
    const result = simulate(scenario(hogs, { kernel, durationNs: 10_000 * MS }), 1);
    expect(cpuNs(result, 'fair') / MS).toBeGreaterThan(450);
    expect(cpuNs(result, 'fair') / MS).toBeLessThan(560);
  });

  it('is what keeps them alive: without it and without throttling they get nothing', () => {
    const result = simulate(scenario(hogs, { kernel: { ...linux61, rtRuntimeNs: -1 } }), 1);
    expect(cpuNs(result, 'fair')).toBe(0);
  });
});

describe('a real-time period that has begun before time 0', () => {
  it('ends when it says, and throttling follows from there', () => {
    const hogs = [task('rt', hog, { sched: { class: 'fifo', nice: 0, priority: 50 } }), task('fair', hog)];
    const result = simulate(scenario(hogs, { rtPhaseNs: 376 * MS, durationNs: 2000 * MS }), 1, { trace: WHOLE });
    const times = result.trace.flatMap((e) => (e.event === 'throttle' ? [e.at / MS] : []));
    // As recorded in S16: first throttled at 1328 ms, back at 1376 ms.
    expect(times.slice(0, 2)).toEqual([1328, 1376]);
  });
});
