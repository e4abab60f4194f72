/** VM First, mechanism by mechanism (docs/model.md): all of them are ours. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Kernel, TaskSpec } from '../../src/scenario/scenario.js';
import {
  cpuNs,
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

const vmf = (priority = 0) => sched('vmf', priority);
const withVmf = (more: Partial<Kernel['vmf']>): Kernel => ({ ...linux61, vmf: { ...linux61.vmf, ...more } });
const maxLatency = (tasks: TaskSpec[], cpus = 1, kernel = linux61): number | undefined =>
  simulate(scenario(tasks, { machine: ideal(cpus), kernel }), 1).recorders[0]?.latency.maxNs;

describe('VM First', () => {
  it('takes the CPU from fair and BT at once, whatever they have slept for', () => {
    const others = [task('fair', hog, { sched: sched('fair', 0, -20) }), task('bt', hog, { sched: sched('bt') })];
    expect(maxLatency([...others, periodic('vcpu', 3 * MS, MS, { sched: vmf() })])).toBe(0);
  });

  it('is never preempted by a lower class', () => {
    const tasks = [periodic('fair', MS, 100_000), task('vcpu', [run(50 * MS)], { sched: vmf(), startNs: 10 * MS })];
    const { trace, durationNs } = simulate(scenario(tasks, { durationNs: 200 * MS }), 1, { trace: WHOLE });
    expect(intervals(trace, durationNs).ran.filter(({ task: name }) => name === 'vcpu')).toMatchObject([
      { from: 10 * MS, to: 60 * MS },
    ]);
  });

  it('gives way to real-time tasks', () => {
    const tasks = [periodic('rt', 5 * MS, MS, { sched: sched('fifo', 1) }), task('vcpu', hog, { sched: vmf() })];
    expect(maxLatency(tasks)).toBe(0);
  });

  it('serves priorities in order, and the first to wake within one', () => {
    const once = (name: string, priority: number, startNs: number) =>
      task(name, [run(10 * MS)], { sched: vmf(priority), startNs });
    const tasks = [once('vhost', 1, 0), once('a', 0, MS), once('b', 0, 2 * MS), once('emulator', 2, 3 * MS)];
    const { trace, durationNs } = simulate(scenario(tasks, { durationNs: 100 * MS }), 1, { trace: WHOLE });
    const order = intervals(trace, durationNs).ran.map(({ task: name }) => name);
    expect(order.filter((name) => !name.startsWith('swapper'))).toEqual(['vhost', 'a', 'b', 'vhost', 'emulator']);
  });

  it('keeps vCPU threads on separate CPUs', () => {
    const tasks = [task('vcpu', hog, { count: 4, sched: vmf() }), task('fair', hog, { count: 8 })];
    const result = simulate(scenario(tasks, { machine: ideal(4) }), 1);
    expect(cpuNs(result, 'vcpu')).toBeGreaterThan(4 * result.durationNs - MS);
  });

  it('pushes a thread off a CPU that a waiting one is bound to', () => {
    const tasks = [
      task('mover', [sleep(MS), run(100 * MS)], { sched: vmf() }),
      task('bound', [sleep(10 * MS), run(10 * MS)], { sched: vmf(), cpus: [0] }),
      task('other', [run(5 * MS)], { sched: vmf(), cpus: [1] }),
    ];
    const at = (kernel: Kernel) => {
      const { trace, durationNs } = simulate(scenario(tasks, { machine: ideal(2), kernel, durationNs: 300 * MS }), 1, {
        trace: WHOLE,
      });
      const { ran } = intervals(trace, durationNs);
      return {
        from: ran.filter(({ task: name, to, from }) => name === 'bound' && to > from).at(-1)?.from,
        mover: ran.find(({ task: name }) => name === 'mover')?.cpu,
      };
    };
    const balanced = at(linux61);
    expect(balanced.mover).toBe(0);
    expect(balanced.from).toBe(10 * MS);
    expect(at(withVmf({ activeBalance: false })).from).toBeGreaterThan(100 * MS);
  });

  it('without its preemption waits for a tick', () => {
    const tasks = [task('hog', hog), periodic('vcpu', 10 * MS, MS, { sched: vmf(), startNs: 1.5 * MS })];
    const latency = maxLatency(tasks, 1, withVmf({ wakeupPreemption: false })) ?? 0;
    expect(latency).toBeGreaterThan(MS);
    expect(latency).toBeLessThanOrEqual(TICK);
  });

  it('leaves the rest a grant once it has starved them for its bound', () => {
    const tasks = [task('vcpu', hog, { sched: vmf() }), task('fair', hog)];
    const bounded = withVmf({ starvationBoundNs: 80 * MS, starvationGrantNs: 20 * MS });
    const result = simulate(scenario(tasks, { kernel: bounded, durationNs: 10_000 * MS }), 1);
    expect(cpuNs(result, 'fair') / result.durationNs).toBeCloseTo(0.2, 1);
    expect(cpuNs(simulate(scenario(tasks), 1), 'fair')).toBe(0);
  });
});
