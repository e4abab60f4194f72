/** Where tasks wake: how far the search for an idle CPU goes. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel } from '../../src/scenario/presets.js';
import type { Kernel, Step } from '../../src/scenario/scenario.js';
import { forever, hog, ideal, intervals, linux61, MS, run, scenario, sleep, task, US, WHOLE } from './fixtures.js';

const tk3 = loadKernel('tk3-4.14');

const every = (periodNs: number, phaseNs: number): Step => ({
  op: 'timer',
  timer: 't',
  shared: false,
  periodNs,
  phaseNs,
  distanceNs: 0,
  missed: 'skip',
});

/**
 * On eight CPUs all are busy but CPU 1 and CPU 5, which are so in turns. A task that wakes every ms finds its own CPU busy half of the
 * time, and an idle one four CPUs further on. Its waker, on CPU 0, sleeps for `pauseNs` at a time. Returns on which CPUs it ran.
 */
function cpusOf(pauseNs: number, kernel: Kernel): number[] {
  const pauses = Math.floor((0.98 * MS) / (10 * US + pauseNs));
  const busy: Step = { op: 'loop', times: pauses, body: [sleep(pauseNs), run(10 * US)] };
  const tasks = [
    task('waker', forever(every(MS, 0.5 * MS), { op: 'signal', condition: 'c', all: false }, busy), { cpus: [0] }),
    task('wakee', forever({ op: 'wait', condition: 'c', mutex: null }, run(20 * US)), { cpus: [1, 2, 3, 4, 5, 6, 7] }),
    task('even', forever(every(2 * MS, 0), run(0.9 * MS)), { cpus: [1] }),
    task('odd', forever(every(2 * MS, MS), run(0.9 * MS)), { cpus: [5] }),
    task('hog', hog, { count: 5, cpus: [2, 3, 4, 6, 7], pinEach: true }),
  ];
  const { trace, durationNs } = simulate(scenario(tasks, { kernel, machine: ideal(8) }), 1, { trace: WHOLE });
  const ran = intervals(trace, durationNs).ran.filter((one) => one.task === 'wakee' && one.from > durationNs / 2);
  return [...new Set(ran.map(({ cpu }) => cpu))].toSorted((a, b) => a - b);
}

describe('SIS_PROP', () => {
  it('gives up early where the waker is never idle for long', () => {
    expect(cpusOf(10 * US, tk3)).toHaveLength(1);
  });

  it('searches the whole cache where it is, and where the feature is off', () => {
    expect(cpusOf(900 * US, tk3)).toEqual([1, 5]);
    const off = { ...tk3, features: tk3.features.filter((feature) => feature !== 'SIS_PROP') };
    expect(cpusOf(10 * US, off)).toEqual([1, 5]);
  });
});

describe('UTIL_EST', () => {
  it('remembers what tasks were before they slept', () => {
    // Seven tasks that fill their CPUs for 200 ms wake together after 400 ms. A light one of CPU 0 looks for the idle CPU 7.
    const tasks = [
      task('heavy', forever(every(600 * MS, 0), run(200 * MS)), { count: 7, pinEach: true }),
      task('light', [run(MS), sleep(929 * MS), run(MS)], { startCpu: 0, startNs: 300 * MS, cpus: [0, 4, 5, 6, 7] }),
    ];
    const cpuOf = (kernel: Kernel): number | undefined => {
      const world = scenario(tasks, { kernel, machine: ideal(8), durationNs: 1300 * MS });
      const { trace, durationNs } = simulate(world, 1, { trace: WHOLE });
      return intervals(trace, durationNs).ran.findLast((one) => one.task === 'light')?.cpu;
    };
    const linux61 = loadKernel('linux-6.1');
    const off = { ...linux61, features: linux61.features.filter((feature) => feature !== 'UTIL_EST') };
    // The cache counts as busy, so that the search gives up early.
    expect(cpuOf(linux61)).toBe(0);
    expect(cpuOf(off)).toBe(7);
  });
});

describe('find_idlest_group of 4.14', () => {
  /** Which CPU a child is sent to that a light task on CPU 1 forks after a second, beside endless tasks on other CPUs; CPUs 0 and 1 share a cache, 2 and 3. */
  function cpuOfChild(kernel: Kernel, hogs: number[], nice = 0): number {
    const tasks = [
      task('parent', [sleep(1000 * MS), run(20 * MS), { op: 'fork', task: 'child' }], { cpus: [1] }),
      task('child', [run(MS)], { start: 'fork' }),
      ...hogs.map((cpu) => task(`hog${cpu}`, hog, { cpus: [cpu], sched: { class: 'fair', nice, priority: 0 } })),
    ];
    const machine = { ...ideal(4), cpusPerLlc: 2 };
    const found = scenario(tasks, { kernel, machine, durationNs: 1100 * MS });
    const { trace } = simulate(found, 1, { trace: WHOLE });
    for (const one of trace) if (one.event === 'wakeup' && one.task === 'child') return one.target;
    return -1;
  }

  it('leaves a new task in its cache while the other has more load', () => {
    expect(cpuOfChild(tk3, [2, 3])).toBe(0);
  });

  it('sends it to the other when that has clearly less', () => {
    expect(cpuOfChild(tk3, [0])).toBeGreaterThan(1);
  });

  it('goes by load where 6.1 counts idle CPUs', () => {
    // Light tasks keep the other cache busy: little load, but no idle CPU.
    expect(cpuOfChild(tk3, [2, 3], 19)).toBeGreaterThan(1);
    expect(cpuOfChild(linux61, [2, 3], 19)).toBe(0);
  });
});
