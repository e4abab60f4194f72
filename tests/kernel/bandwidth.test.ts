/** cpu.max: a group never gets more than its quota, waits on the grid of its periods, and gives way to nobody otherwise. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel } from '../../src/scenario/presets.js';
import type { CgroupSpec, Kernel, Step, TaskSpec } from '../../src/scenario/scenario.js';
import {
  cpuNs,
  forever,
  hog,
  ideal,
  intervals,
  kernelRun,
  linux61,
  MS,
  run,
  scenario,
  sleep,
  TICK,
  task,
  WHOLE,
} from './fixtures.js';

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
const quota = (quotaNs: number, periodNs: number, burstNs = 0) => ({
  quota: { quotaNs, periodNs, burstNs, phaseNs: null },
});

const kernels = [linux61, loadKernel('linux-6.12'), loadKernel('linux-6.18')].map((kernel) => ({ kernel }));

describe('cpu.max', () => {
  it('gives a hog a fifth of a CPU, in one piece a period, and from multiples of the period since boot on', () => {
    const cgroups = [group('q', quota(20 * MS, 100 * MS))];
    const tasks = [task('limited', hog, { cgroup: 'q' })];
    const result = simulate(scenario(tasks, { cgroups, bootNs: 30 * MS }), 1, { trace: WHOLE });
    expect(cpuNs(result, 'limited') / result.durationNs).toBeCloseTo(0.2, 1);
    const back = result.trace.flatMap((e) => (e.event === 'throttle' && e.what.endsWith('unthrottled') ? [e.at] : []));
    expect(back.slice(0, 3)).toEqual([70 * MS, 170 * MS, 270 * MS]);
  });

  it.each(kernels)('never gives more than quota, burst and a tick a CPU in a period: $kernel.name', ({ kernel }) => {
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
            scenario(tasks, { cgroups, kernel, machine: ideal(cpus), durationNs: periods * 100 * MS }),
            1,
          );
          // The pool is full at first, with periods that begin anywhere one more is filled, and every CPU may have kept 1 ms before.
          const fills = kernel.fair.startsWith('eevdf') ? periods + 1 : periods;
          const most = (fills * quotaMs + burstMs + cpus) * MS + cpus * TICK;
          expect(cpuNs(result, 'limited')).toBeLessThanOrEqual(most);
          return true;
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it.each(kernels)('throttles a group with all below it, and leaves others alone: $kernel.name', ({ kernel }) => {
    const cgroups = [group('q', quota(30 * MS, 100 * MS)), group('child', { parent: 'q' })];
    const tasks = [task('inner', hog, { cgroup: 'child', count: 2 }), task('free', hog)];
    const result = simulate(scenario(tasks, { cgroups, kernel }), 1);
    expect(cpuNs(result, 'inner') / result.durationNs).toBeCloseTo(0.3, 1);
    expect(cpuNs(result, 'inner') + cpuNs(result, 'free')).toBe(result.durationNs);
  });

  it.each(kernels)('loses nobody, whatever sleeps and wakes in nested groups: $kernel.name', ({ kernel }) => {
    const program = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 12 }))
      .map(([runMs, sleepMs]): Step[] =>
        forever(run(runMs * 0.7 * MS), ...(sleepMs === 0 ? [] : [sleep(sleepMs * 0.9 * MS)])),
      );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.tuple(program, fc.constantFrom('outer', 'inner', null)), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 3, max: 40 }),
        fc.integer({ min: 3, max: 40 }),
        (cpus, programs, outerMs, innerMs) => {
          const cgroups = [
            group('outer', quota(outerMs * MS, 20 * MS)),
            group('inner', { parent: 'outer', ...quota(innerMs * MS, 20 * MS) }),
          ];
          const tasks = programs.map(([steps, cgroup], i) => task(`t${i}`, steps, { cgroup }));
          const world = scenario(tasks, { cgroups, kernel, machine: ideal(cpus), durationNs: 1000 * MS });
          const { tasks: results } = simulate(world, 1, { build: 'debug' });
          // None waits for more than a few of its turns: at worst six hogs share 3 ms of 20 in slices of up to 8 ms.
          for (const { preemptedWait, wakeupLatency, cpuNs: ran } of results) {
            expect(ran).toBeGreaterThan(10 * MS);
            expect(Math.max(preemptedWait.maxNs, wakeupLatency.maxNs)).toBeLessThan(500 * MS);
          }
        },
      ),
      { seed: 1, numRuns: 40 },
    );
  });
});

describe('the throttling of single tasks in 6.18', () => {
  const [, { kernel: linux612 }, { kernel: linux618 }] = kernels as [never, { kernel: Kernel }, { kernel: Kernel }];
  const cgroups = [group('q', quota(10 * MS, 100 * MS))];
  const traced = (kernel: Kernel, tasks: TaskSpec[], durationNs = 1000 * MS) =>
    simulate(scenario(tasks, { cgroups, kernel, durationNs }), 1, { trace: WHOLE });

  it('lets a system call end, and takes what it has had too much off the next periods', () => {
    const tasks = [task('syscall', forever(kernelRun(35 * MS)), { cgroup: 'q' })];
    const ran = (base: Kernel) => {
      const result = traced({ ...base, preemption: 'full' }, tasks, 4000 * MS);
      return {
        share: cpuNs(result, 'syscall') / result.durationNs,
        ran: intervals(result.trace, result.durationNs).ran,
      };
    };
    const lengths = (of: ReturnType<typeof ran>) =>
      of.ran.filter((one) => one.task === 'syscall').map(({ from, to }) => Math.round((to - from) / MS));
    const before = ran(linux612);
    const now = ran(linux618);
    // A system call is interrupted where the quota ends…
    expect(Math.max(...lengths(before))).toBeLessThan(17);
    // …or is not.
    expect([...new Set(lengths(now).slice(0, -1))]).toEqual([35]);
    expect(before.share).toBeCloseTo(0.1, 1);
    expect(now.share).toBeCloseTo(0.1, 1);
  });

  it('takes tasks off one by one, as their turn comes', () => {
    const hogs = [task('a', hog, { cgroup: 'q' }), task('b', hog, { cgroup: 'q' })];
    /** The switches at the instant at which the group is first throttled. */
    const switches = (kernel: Kernel) => {
      const { trace } = traced(kernel, hogs);
      const at = trace.find((event) => event.event === 'throttle')?.at;
      return trace.flatMap((event) => (event.event === 'switch' && event.at === at ? [event.next] : []));
    };
    expect(switches(linux612)).toEqual(['swapper/0']);
    // The one that ran is put back, and must be chosen again to leave.
    expect(switches(linux618)).toEqual(['b', 'a', 'swapper/0']);
  });
});

describe('a period timer that comes late', () => {
  it('fills the pool once for all the periods that it has missed', () => {
    // A system call leaves more debt than a quota pays; then interrupts are off for four periods.
    const off: Step = { op: 'run', mode: 'irqoff', duration: { kind: 'fixed', ns: 400 * MS } };
    const tasks = [
      task('limited', [kernelRun(35 * MS), ...hog], { cgroup: 'q' }),
      task('off', [off], { startNs: 50 * MS, sched: { class: 'fifo', nice: 0, priority: 1 } }),
    ];
    const cgroups = [group('q', quota(10 * MS, 100 * MS))];
    const kernel = loadKernel('linux-6.18');
    const result = simulate(scenario(tasks, { cgroups, kernel }), 1, { trace: WHOLE });
    const back = intervals(result.trace, result.durationNs).ran.find(
      ({ task: name, from }) => name === 'limited' && from > 50 * MS,
    );
    expect(back?.from).toBeGreaterThan(450 * MS);
    expect(back?.from).toBeLessThanOrEqual(550 * MS);
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
