/** CFS: golden figures of the 6.1 kernel (facts of kernel/sched/fair.c at HZ = 250), on a machine without costs. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { quantileNs } from '../../src/results/histogram.js';
import {
  cpuNs,
  fair,
  forever,
  hog,
  ideal,
  intervals,
  linux61,
  MS,
  periodic,
  run,
  scenario,
  sched,
  sleep,
  TICK,
  task,
  WHOLE,
} from './fixtures.js';

const pinned = { cpus: [0] };

describe('slices', () => {
  it.each([
    [1, TICK, 'latency 6 ms: every tick'],
    [2, 2 * TICK, 'latency 12 ms'],
    [8, 4 * TICK, 'latency 24 ms: the third tick comes just before 12 ms have run'],
  ])('of two hogs on one CPU of %i online: %i ns', (cpus, sliceNs) => {
    const tasks = [task('a', hog, pinned), task('b', hog, pinned)];
    const machine = { ...ideal(cpus), costs: { ...ideal(cpus).costs, tickNs: 2000, scheduleNs: 1000, switchNs: 1000 } };
    const result = simulate(scenario(tasks, { machine }), 1, { trace: WHOLE });
    const a = result.tasks[0];
    expect(a && quantileNs(a.runSegment, 0.5) / sliceNs).toBeCloseTo(1, 2);
  });

  it('follow the weights: nice 0 against nice 5 is 0.7535 to 0.2465', () => {
    const tasks = [task('zero', hog), task('five', hog, { sched: fair(5) })];
    const result = simulate(scenario(tasks, { durationNs: 20_000 * MS }), 1);
    expect(cpuNs(result, 'zero') / result.durationNs).toBeCloseTo(1024 / (1024 + 335), 2);
  });

  it('give SCHED_IDLE 3 of 1027', () => {
    const tasks = [task('normal', hog), task('idle', hog, { sched: sched('idle') })];
    const result = simulate(scenario(tasks, { durationNs: 100_000 * MS }), 1);
    expect(cpuNs(result, 'idle') / result.durationNs).toBeCloseTo(3 / 1027, 2);
  });
});

describe('wakeup preemption', () => {
  const latencyMax = (wakee: ReturnType<typeof sched>, other: ReturnType<typeof sched>): number => {
    const tasks = [
      task('hog', hog, { sched: other }),
      periodic('wakee', 10.7 * MS, MS, { sched: wakee, startNs: 50 * MS }),
    ];
    const result = simulate(scenario(tasks, { durationNs: 3000 * MS }), 1);
    const recorder = result.recorders[0];
    return recorder?.latency.maxNs ?? Number.NaN;
  };

  it('a sleeper preempts a hog at once', () => expect(latencyMax(fair(), fair())).toBe(0));

  it('SCHED_BATCH never preempts by waking', () => expect(latencyMax(sched('batch'), fair())).toBeGreaterThan(MS));

  it('anything preempts SCHED_IDLE', () => expect(latencyMax(sched('batch'), sched('idle'))).toBe(0));

  it('SCHED_IDLE preempts nothing', () => expect(latencyMax(sched('idle'), fair())).toBeGreaterThan(MS));

  it('can be switched off: WAKEUP_PREEMPTION', () => {
    const kernel = { ...linux61, features: linux61.features.filter((feature) => feature !== 'WAKEUP_PREEMPTION') };
    const tasks = [task('hog', hog), periodic('wakee', 10.7 * MS, MS, { startNs: 50 * MS })];
    const result = simulate(scenario(tasks, { kernel, durationNs: 3000 * MS }), 1);
    expect(result.recorders[0]?.latency.maxNs).toBeGreaterThan(MS);
  });
});

describe('groups', () => {
  it('share by weight, whatever the number of their tasks', () => {
    const cgroups = [
      { name: 'light', parent: null, idle: false, quota: null, btShares: 1024, weight: 100, offline: false },
      { name: 'heavy', parent: null, idle: false, quota: null, btShares: 1024, weight: 300, offline: false },
    ];
    const tasks = [task('many', hog, { count: 4, cgroup: 'light' }), task('one', hog, { cgroup: 'heavy' })];
    const result = simulate(scenario(tasks, { cgroups, durationNs: 10_000 * MS }), 1);
    expect(cpuNs(result, 'one') / result.durationNs).toBeCloseTo(0.75, 2);
  });

  it.each([
    ['sleeps', [sleep(1e12)]],
    ['dies', []],
  ])('have their whole weight where they run, once what ran elsewhere %s', (_what, last) => {
    const group = (name: string) => ({
      name,
      parent: null,
      idle: false,
      quota: null,
      btShares: 1024,
      weight: 100,
      offline: false,
    });
    const tasks = [
      task('before', [run(1000 * MS), ...last], { cgroup: 'a', cpus: [0] }),
      task('after', hog, { cgroup: 'a', cpus: [1], startNs: 2000 * MS }),
      task('other', hog, { cgroup: 'b', cpus: [1], startNs: 2000 * MS }),
    ];
    const cgroups = [group('a'), group('b')];
    const result = simulate(scenario(tasks, { cgroups, machine: ideal(2), durationNs: 4000 * MS }), 1);
    expect(cpuNs(result, 'after') / cpuNs(result, 'other')).toBeCloseTo(1, 1);
  });

  it('nest', () => {
    const cgroups = [
      { name: 'outer', parent: null, idle: false, quota: null, btShares: 1024, weight: 100, offline: false },
      { name: 'inner', parent: 'outer', idle: false, quota: null, btShares: 1024, weight: 100, offline: false },
    ];
    const tasks = [
      task('deep', hog, { count: 3, cgroup: 'inner' }),
      task('mid', hog, { cgroup: 'outer' }),
      task('root', hog),
    ];
    const result = simulate(scenario(tasks, { cgroups, durationNs: 20_000 * MS }), 1);
    expect(cpuNs(result, 'root') / result.durationNs).toBeCloseTo(0.5, 1);
    expect(cpuNs(result, 'mid') / cpuNs(result, 'deep')).toBeCloseTo(1, 1);
  });
});

describe('several CPUs', () => {
  it('hogs end up one a CPU', () => {
    const result = simulate(scenario([task('hog', hog, { count: 8 })], { machine: ideal(8) }), 1);
    for (const cpu of result.cpus) expect(cpu.idleNs).toBeLessThan(2 * TICK);
  });

  it('equal hogs share the machine fairly over time', () => {
    const tasks = Array.from({ length: 6 }, (_, i) => task(`hog${i}`, hog));
    const result = simulate(scenario(tasks, { machine: ideal(4), durationNs: 20_000 * MS }), 1);
    for (const { cpuNs: ran } of result.tasks) expect(ran / result.durationNs).toBeGreaterThan(0.45);
  });

  it('a waker prefers an idle CPU to a busy one', () => {
    const tasks = [task('hog', hog, { cpus: [0] }), task('sleeper', forever(run(MS), sleep(5 * MS)))];
    const result = simulate(scenario(tasks, { machine: ideal(2) }), 1, { trace: WHOLE });
    const { ran } = intervals(result.trace, result.durationNs);
    expect(ran.filter(({ task: name, cpu }) => name === 'sleeper' && cpu === 0).length).toBeLessThanOrEqual(1);
  });
});
