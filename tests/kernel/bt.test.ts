/** The BT class: suppression, budgets, and what the recorded TencentOS kernel does (validation/recordings, cases B*). */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Kernel } from '../../src/scenario/scenario.js';
import { cpuNs, hog, ideal, intervals, linux61, MS, periodic, scenario, sched, TICK, task, WHOLE } from './fixtures.js';

const bt = sched('bt');
const withBt = (more: Partial<Kernel['bt']>): Kernel => ({ ...linux61, bt: { ...linux61.bt, ...more } });
const share = (kernel: Kernel, more = {}) => {
  const result = simulate(scenario([task('bt', hog, { sched: bt })], { kernel, durationNs: 10_000 * MS, ...more }), 1);
  return cpuNs(result, 'bt') / result.durationNs;
};

describe('suppression', () => {
  it('B01: beside a CFS hog BT gets nothing', () => {
    const result = simulate(scenario([task('fair', hog), task('bt', hog, { sched: bt })]), 1);
    expect(cpuNs(result, 'bt')).toBe(0);
  });

  it('B02: a fair wakeup takes the CPU from BT at once, even SCHED_IDLE’s', () => {
    for (const name of ['fair', 'batch', 'idle'] as const) {
      const tasks = [task('bt', hog, { sched: bt }), periodic('wakee', 5 * MS, MS, { sched: sched(name) })];
      expect(simulate(scenario(tasks), 1).recorders[0]?.latency.maxNs).toBe(0);
    }
  });

  it('a fair task treats a CPU that runs only BT as idle', () => {
    const tasks = [
      task('hog', hog, { cpus: [0] }),
      task('bt', hog, { sched: bt, cpus: [1] }),
      periodic('wakee', 5 * MS, MS),
    ];
    const result = simulate(scenario(tasks, { machine: ideal(2) }), 1, { trace: WHOLE });
    const { ran } = intervals(result.trace, result.durationNs);
    const onHog = ran.filter(({ task: name, cpu, from }) => name === 'wakee' && cpu === 0 && from > 10 * MS);
    expect(onHog).toEqual([]);
  });
});

describe('bandwidth', () => {
  it('B04: 10 % is 100 ms on and 900 off, debt carried, refills on multiples of the period', () => {
    const kernel = withBt({ runtimeNs: 100 * MS });
    expect(share(kernel)).toBeCloseTo(0.1, 2);
    const { trace, durationNs } = simulate(
      scenario([task('bt', hog, { sched: bt, startNs: 300 * MS })], { kernel, durationNs: 5000 * MS }),
      1,
      { trace: WHOLE },
    );
    const ran = intervals(trace, durationNs).ran.filter(({ task: name }) => name === 'bt');
    // Throttling is noticed on ticks: the first run may be a tick too long, the next is shorter by as much.
    expect(ran[0]?.from).toBe(300 * MS);
    expect((ran[0]?.to ?? 0) - (ran[0]?.from ?? 0)).toBeGreaterThanOrEqual(100 * MS);
    expect((ran[0]?.to ?? 0) - (ran[0]?.from ?? 0)).toBeLessThanOrEqual(100 * MS + TICK);
    expect(ran.slice(1).map(({ from }) => from)).toEqual([1000 * MS, 2000 * MS, 3000 * MS, 4000 * MS]);
  });

  it.each([0, 25, 50, 100])('/proc/offline at %i %%', (percent) => {
    expect(share(withBt({ percent }))).toBeCloseTo(percent / 100, 2);
  });

  it('is a CPU’s own: 0 % keeps BT off it', () => {
    const kernel = withBt({ percent: [0, 100] });
    const result = simulate(
      scenario([task('bt', hog, { count: 2, sched: bt, startNs: MS })], { kernel, machine: ideal(2) }),
      1,
    );
    expect((result.cpus[0]?.idleNs ?? 0) / result.durationNs).toBeGreaterThan(0.99);
  });

  it('the smaller of sysctl and percent counts', () => {
    expect(share(withBt({ runtimeNs: 300 * MS, percent: 10 }))).toBeCloseTo(0.1, 2);
    expect(share(withBt({ runtimeNs: 100 * MS, percent: 50 }))).toBeCloseTo(0.1, 2);
  });
});

describe('starvation guard of 6.6', () => {
  it('lets a starved CPU run BT for one slice', () => {
    const tasks = [task('fair', hog), task('bt', hog, { sched: bt })];
    const result = simulate(
      scenario(tasks, { kernel: withBt({ maxThrottleTimeNs: 500 * MS }), durationNs: 10_000 * MS }),
      1,
    );
    const got = cpuNs(result, 'bt') / result.durationNs;
    expect(got).toBeGreaterThan(0.005);
    expect(got).toBeLessThan(0.03);
  });
});

describe('spread', () => {
  it('alone, BT fills the machine', () => {
    const result = simulate(scenario([task('bt', hog, { count: 4, sched: bt })], { machine: ideal(4) }), 1);
    expect(cpuNs(result, 'bt')).toBeGreaterThan(3.9 * result.durationNs);
  });

  it('shares by weight within the class', () => {
    const tasks = [task('zero', hog, { sched: bt }), task('five', hog, { sched: sched('bt', 0, 5) })];
    const result = simulate(scenario(tasks, { durationNs: 20_000 * MS }), 1);
    expect(cpuNs(result, 'zero') / result.durationNs).toBeCloseTo(1024 / (1024 + 335), 2);
  });
});
