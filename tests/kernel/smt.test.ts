/** Hyper-threads: what two busy ones of a core do to each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Kernel, Machine, SchedClassName, Step, TaskSpec } from '../../src/scenario/scenario.js';
import {
  cpuNs,
  fixed,
  forever,
  hog,
  type Interval,
  ideal,
  intervals,
  kernelRun,
  linux61,
  longestOverlap,
  MS,
  periodic,
  run,
  scenario,
  sched,
  sleep,
  task,
  WHOLE,
} from './fixtures.js';

const SPEED = 0.625;
/** Consecutive pairs of CPUs share a core. */
const smt = (cpus: number, more: Partial<Machine> = {}): Machine => ({
  ...ideal(cpus),
  threadsPerCore: 2,
  smtSpeed: SPEED,
  ...more,
});
const pinned = (name: string, cpu: number, program: Step[], more: Partial<TaskSpec> = {}) =>
  task(name, program, { cpus: [cpu], ...more });
const irqOff = (ns: number): Step => ({ op: 'run', mode: 'irqoff', duration: fixed(ns) });
const simulateOn = (machine: Machine, ...tasks: TaskSpec[]) => simulate(scenario(tasks, { machine }), 1);

/** Fixed work beside a sibling that never sleeps, or alone. */
const beside = (machine: Machine, ...program: Step[]) =>
  cpuNs(simulateOn(machine, pinned('work', 0, program), pinned('hog', 1, hog)), 'work');

describe('two busy threads of a core', () => {
  it('need 1/speed of the time for their work, alone no more than the work', () => {
    const both = simulateOn(smt(2), pinned('a', 0, [run(100 * MS)]), pinned('b', 1, [run(100 * MS)]));
    expect(cpuNs(both, 'a')).toBe(160 * MS);
    expect(cpuNs(both, 'b')).toBe(160 * MS);
    expect(cpuNs(simulateOn(smt(2), pinned('a', 0, [run(100 * MS)])), 'a')).toBe(100 * MS);
  });

  it('do not care for other cores', () => {
    const apart = simulateOn(smt(4), pinned('a', 1, [run(100 * MS)]), pinned('b', 2, [run(100 * MS)]));
    expect(cpuNs(apart, 'a')).toBe(100 * MS);
  });

  it('go at full speed again as soon as one of them is idle, and slow down when it comes back', () => {
    // 25 ms of work beside each other take 40 ms; the 75 ms that are left take 75.
    const leaves = simulateOn(smt(2), pinned('a', 0, [run(100 * MS)]), pinned('b', 1, [run(25 * MS)]));
    expect(cpuNs(leaves, 'b')).toBe(40 * MS);
    expect(cpuNs(leaves, 'a')).toBe(115 * MS);
    const comes = simulateOn(
      smt(2),
      pinned('a', 0, [run(100 * MS)]),
      pinned('b', 1, [run(25 * MS)], { startNs: 90 * MS }),
    );
    // a: 90 alone, the last 10 take 16; b: 10 beside it, 15 alone.
    expect(cpuNs(comes, 'a')).toBe(106 * MS);
    expect(cpuNs(comes, 'b')).toBe(31 * MS);
  });

  it('slow kernel sections as they do user code, but neither stretches with interrupts off nor busy steps', () => {
    expect(beside(smt(2), kernelRun(10 * MS))).toBe(16 * MS);
    expect(beside(smt(2), irqOff(10 * MS))).toBe(10 * MS);
    expect(beside(smt(2), { op: 'busy', duration: fixed(10 * MS) })).toBe(10 * MS);
  });

  it('change the latency of what they compute, not of the timers that wake them', () => {
    const record: Step = { op: 'record', recorder: 'done', since: 'timer', binsUs: 0 };
    const timed = periodic('timed', 10 * MS, MS, { cpus: [0] });
    const loop = timed.program[0];
    if (loop?.op !== 'loop') throw new Error('a loop');
    loop.body.push(record);
    const { recorders } = simulateOn(smt(2), timed, pinned('hog', 1, hog));
    expect(recorders.map(({ recorder, latency }) => [recorder, latency.minNs, latency.maxNs])).toEqual([
      ['latency', 0, 0],
      ['done', 1.6 * MS, 1.6 * MS],
    ]);
  });

  it('are charged for time, not for work: vruntime stays fair beside a sibling', () => {
    const tasks = [
      pinned('x', 0, hog),
      pinned('y', 0, hog),
      pinned('now and then', 1, forever(run(3 * MS), sleep(MS))),
    ];
    const result = simulate(scenario(tasks, { machine: smt(2), durationNs: 10_000 * MS }), 1);
    expect(cpuNs(result, 'x') / result.durationNs).toBeCloseTo(0.5, 2);
  });
});

describe('more than two busy threads', () => {
  it('slow each other down by as much again, each', () => {
    const machine = { ...ideal(4), threadsPerCore: 4, smtSpeed: SPEED };
    const others = [1, 2, 3].map((cpu) => pinned(`hog${cpu}`, cpu, hog));
    // 1 / (1 + 3 × 0.6), in whole 1024ths.
    const needed = cpuNs(simulateOn(machine, pinned('work', 0, [run(100 * MS)]), ...others), 'work');
    expect(100 / (needed / MS)).toBeCloseTo(Math.floor(1024 / 2.8) / 1024, 5);
  });
});

describe('work', () => {
  const worker = fc.record({
    runNs: fc.integer({ min: 10_000, max: 9 * MS }),
    pauseNs: fc.integer({ min: 1, max: 7 * MS }),
    times: fc.integer({ min: 1, max: 30 }),
    cpu: fc.integer({ min: 0, max: 3 }),
    startNs: fc.integer({ min: 0, max: 10 * MS }),
  });

  it('is what time on the CPU yields at the speed that the sibling leaves', () => {
    fc.assert(
      fc.property(
        fc.array(worker, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 100, max: 1024 }),
        (all, speed) => {
          const tasks = all.map(({ runNs, pauseNs, times, cpu, startNs }, i) =>
            pinned(`w${i}`, cpu, [{ op: 'loop', times, body: [run(runNs), sleep(pauseNs)] }], { startNs }),
          );
          const world = scenario(tasks, { machine: smt(4, { smtSpeed: speed / 1024 }), durationNs: 60_000 * MS });
          const result = simulate(world, 1, { trace: WHOLE });
          const ran = intervals(result.trace, world.durationNs).ran.filter(
            ({ task: who }) => !who.startsWith('swapper'),
          );
          all.forEach(({ runNs, times }, i) => {
            const mine = ran.filter(({ task: who }) => who === `w${i}`);
            const time = mine.reduce((sum, { from, to }) => sum + to - from, 0);
            const shared = mine.reduce((sum, one) => sum + overlap(one, ran), 0);
            expect(time).toBe(cpuNs(result, `w${i}`));
            const work = time - shared + (shared * speed) / 1024;
            // A stretch of work is rounded to whole ns, twice at most.
            const stretches = mine.length + result.events;
            expect(Math.abs(work - runNs * times)).toBeLessThanOrEqual(
              Math.min(stretches, (runNs * times) / 1e4 + 200),
            );
          });
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });
});

/** How long the sibling of an interval's CPU ran something meanwhile. */
function overlap(one: Interval, all: Interval[]): number {
  return all
    .filter(({ cpu }) => cpu === (one.cpu ^ 1))
    .reduce((sum, other) => sum + Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from)), 0);
}

describe('isolation of BT (kernel.cpu_qos_ht_isolate)', () => {
  const bt = sched('bt');
  const kernelWith = (htIsolate: boolean): Kernel => ({ ...linux61, bt: { ...linux61.bt, htIsolate } });
  const beside = (htIsolate: boolean) =>
    simulate(
      scenario([pinned('online', 0, [run(100 * MS)]), pinned('bt', 1, hog, { sched: bt })], {
        machine: smt(2),
        kernel: kernelWith(htIsolate),
      }),
      1,
    );

  it('gives an online task the core for itself, which BT pays for with its sibling', () => {
    const [off, on] = [beside(false), beside(true)];
    expect([cpuNs(off, 'online'), cpuNs(off, 'bt')]).toEqual([160 * MS, 1000 * MS]);
    expect([cpuNs(on, 'online'), cpuNs(on, 'bt')]).toEqual([100 * MS, 900 * MS]);
    expect(on.cpus.map(({ forcedIdleNs }) => forcedIdleNs)).toEqual([0, 100 * MS]);
    expect(off.cpus.map(({ forcedIdleNs }) => forcedIdleNs)).toEqual([0, 0]);
  });

  it('sends BT to a core without online tasks', () => {
    const tasks = [pinned('online', 0, hog, { startNs: 10 * MS }), task('bt', hog, { sched: bt, startCpu: 1 })];
    const result = simulate(scenario(tasks, { machine: smt(4), kernel: kernelWith(true) }), 1, { trace: WHOLE });
    expect(cpuNs(result, 'bt')).toBe(result.durationNs);
    expect(result.cpus[1]?.forcedIdleNs).toBe(0);
    const { ran } = intervals(result.trace, result.durationNs);
    expect(ran.filter(({ task: who }) => who === 'bt').map(({ cpu, from }) => [cpu >> 1, from])).toEqual([
      [0, 0],
      [1, 10 * MS],
    ]);
  });

  it('never lets BT run beside an online task of any class, and loses nobody', () => {
    const worker = fc.record({
      cls: fc.constantFrom<SchedClassName>('fair', 'idle', 'fifo', 'vmf', 'bt', 'bt'),
      runNs: fc.integer({ min: 20_000, max: 8 * MS }),
      sleepNs: fc.integer({ min: 20_000, max: 12 * MS }),
      cpus: fc.constantFrom<number[] | null>(null, [0], [1], [2, 3]),
    });
    fc.assert(
      fc.property(fc.array(worker, { minLength: 2, maxLength: 7 }), (workers) => {
        const tasks = workers.map(({ cls, runNs, sleepNs, cpus }, i) =>
          task(`${cls === 'bt' ? 'bt' : 'on'}${i}`, forever(run(runNs), sleep(sleepNs)), {
            cpus,
            sched: sched(cls, cls === 'fifo' ? 10 : 0),
          }),
        );
        const world = scenario(tasks, { machine: smt(4), kernel: kernelWith(true), durationNs: 200 * MS });
        const result = simulate(world, 1, { trace: WHOLE, build: 'debug' });
        const { ran } = intervals(result.trace, world.durationNs);
        for (const cpu of [0, 1, 2, 3]) {
          const bts = ran.filter((one) => one.cpu === cpu && one.task.startsWith('bt'));
          const online = ran.filter((one) => one.cpu === (cpu ^ 1) && one.task.startsWith('on'));
          expect(longestOverlap(bts, online, true)).toBe(0);
        }
        for (const { name, wakeups } of result.tasks) if (name.startsWith('on')) expect(wakeups).toBeGreaterThan(4);
        const idle = result.cpus.reduce((sum, { idleNs }) => sum + idleNs, 0);
        const used = result.tasks.reduce((sum, spec) => sum + spec.cpuNs, 0);
        expect(idle + used).toBe(4 * world.durationNs);
      }),
      { numRuns: 25, seed: 7 },
    );
  });
});

describe('one thread a core', () => {
  it('whatever speed the machine claims, nothing changes', () => {
    const tasks = [task('a', forever(run(MS), sleep(MS)), { count: 3 }), task('b', hog, { count: 2 })];
    const at = (smtSpeed: number) =>
      simulate(scenario(tasks, { machine: { ...ideal(2), smtSpeed } }), 1, { trace: WHOLE });
    expect(JSON.stringify(at(0.5))).toBe(JSON.stringify(at(1)));
  });
});
