/** Preemption models: when a task that should go first gets the CPU from one that is in user mode, or in the kernel. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel } from '../../src/scenario/presets.js';
import type { Kernel, SchedSettings, Step } from '../../src/scenario/scenario.js';
import {
  fair,
  fixed,
  forever,
  ideal,
  kernelRun,
  linux61,
  MS,
  periodic,
  run,
  scenario,
  sched,
  task,
} from './fixtures.js';

type Model = Kernel['preemption'];
const linux618 = loadKernel('linux-6.18');

/** How long, in ms, a task that wakes at 11 ms waits for one whose step began at 0 and takes 18 ms. */
function waits(preemption: Model, step: Step, wakee: SchedSettings): number {
  const tasks = [
    task('current', forever(step), { sched: sched('idle') }),
    task('wakee', [run(1000)], { sched: wakee, startNs: 11 * MS }),
  ];
  const result = simulate(scenario(tasks, { kernel: { ...linux618, preemption }, durationNs: 50 * MS }), 1);
  return (result.tasks[1]?.wakeupLatency.maxNs ?? -1) / MS;
}

// A SCHED_IDLE task is preempted by every other fair one that wakes.
const inKernel = (model: Model, wakee = fair()) => waits(model, kernelRun(18 * MS), wakee);
const inUser = (model: Model) => waits(model, run(18 * MS), fair());

describe('a fair task that wakes while another is in the kernel', () => {
  it('waits for the end of the section under none and voluntary, for the tick under lazy, not at all under full', () => {
    expect(inKernel('none')).toBe(7);
    expect(inKernel('voluntary')).toBe(inKernel('none'));
    expect(inKernel('lazy')).toBe(1);
    expect(inKernel('full')).toBe(0);
  });

  it('does not wait for a tick under lazy if the other one returns to user mode before', () => {
    const tasks = [
      task('current', forever(kernelRun(2.5 * MS)), { sched: sched('idle') }),
      task('wakee', [run(1000)], { startNs: 12.1 * MS }),
    ];
    const kernel: Kernel = { ...linux618, preemption: 'lazy' };
    const latency = simulate(scenario(tasks, { kernel, durationNs: 50 * MS }), 1).tasks[1]?.wakeupLatency;
    expect(latency?.maxNs).toBe(0.4 * MS);
  });
});

describe('a fair task that wakes while another is in user mode', () => {
  it.each<Model>(['none', 'voluntary', 'lazy', 'full'])('goes first at once under %s', (model) => {
    expect(inUser(model)).toBe(0);
  });
});

describe('a real-time task', () => {
  it('is not put off by lazy preemption', () => {
    expect(inKernel('lazy', sched('fifo', 1))).toBe(0);
    expect(inKernel('voluntary', sched('fifo', 1))).toBe(7);
  });
});

describe('a lazy request', () => {
  it('of a tick is carried out by the next one', () => {
    // Two hogs in the kernel: a slice of 0.7 ms is noticed by each tick, and acted upon a tick later.
    const hogs = [task('a', forever(kernelRun(1000 * MS))), task('b', forever(kernelRun(1000 * MS)))];
    const longest = (preemption: Model) =>
      simulate(scenario(hogs, { kernel: { ...linux618, preemption } }), 1).tasks[0]?.runSegment.maxNs;
    expect(longest('full')).toBe(4 * MS);
    expect(longest('lazy')).toBe(8 * MS);
  });

  it('to another CPU sends no interrupt', () => {
    // The waker on CPU 1 wakes its partner, which is bound to CPU 0, at 10.5 ms: the next interrupt there is the tick.
    const tasks = [
      task('current', forever(run(1000 * MS)), { cpus: [0], sched: sched('idle') }),
      task('wakee', [{ op: 'suspend' }, run(1000)], { cpus: [0] }),
      task('waker', [{ op: 'sleep', duration: fixed(10.5 * MS) }, { op: 'resume', task: 'wakee' }, run(MS)], {
        cpus: [1],
      }),
    ];
    const latency = (preemption: Model) =>
      simulate(scenario(tasks, { kernel: { ...linux618, preemption }, machine: ideal(2), durationNs: 50 * MS }), 1)
        .tasks[1]?.wakeupLatency.maxNs;
    expect(latency('full')).toBe(0);
    expect(latency('lazy')).toBe(1.5 * MS);
  });
});

describe('with interrupts off', () => {
  it('nothing preempts, whatever the model', () => {
    const off: Step = { op: 'run', mode: 'irqoff', duration: fixed(2 * MS) };
    const tasks = [
      task('off', forever(off)),
      periodic('rt', 10.7 * MS, 1000, { sched: sched('fifo', 9), startNs: MS }),
    ];
    const full: Kernel = { ...linux61, preemption: 'full' };
    expect(simulate(scenario(tasks, { kernel: full }), 1).recorders[0]?.latency.maxNs).toBeGreaterThan(MS);
  });
});
