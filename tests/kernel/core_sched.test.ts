/** Core scheduling: who may share a core, what it costs, and who is chosen. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Result } from '../../src/results/result.js';
import type { Kernel, Machine, Scenario, Step, TaskSpec } from '../../src/scenario/scenario.js';
import { anyScenario } from './arbitrary.js';
import {
  cpuNs,
  forever,
  hog,
  type Interval,
  ideal,
  intervals,
  linux61,
  longestOverlap,
  MS,
  real,
  run,
  scenario,
  sched,
  sleep,
  TICK,
  task,
  US,
  WHOLE,
} from './fixtures.js';

const core61: Kernel = { ...linux61, coreSched: true };
const core612: Kernel = {
  ...core61,
  fair: 'eevdf-6.12',
  features: [
    'PLACE_LAG',
    'PLACE_DEADLINE_INITIAL',
    'PLACE_REL_DEADLINE',
    'RUN_TO_PARITY',
    'PREEMPT_SHORT',
    'DELAY_DEQUEUE',
    'DELAY_ZERO',
    'WAKEUP_PREEMPTION',
  ],
};
const kernels = [core61, core612];
/** Pairs of CPUs share a core; what they run is as fast as alone, so that time is work. */
const smt = (cpus: number): Machine => ({ ...ideal(cpus), threadsPerCore: 2 });
const tagged = (name: string, cookie: string | null, program: Step[], more: Partial<TaskSpec> = {}) =>
  task(name, program, { cookie, ...more });
const simulateOn = (cpus: number, tasks: TaskSpec[], more: Partial<Scenario> = {}): Result =>
  simulate(scenario(tasks, { machine: smt(cpus), kernel: core61, ...more }), 1, { trace: WHOLE });
const forcedNs = (result: Result) => result.cpus.map(({ forcedIdleNs }) => forcedIdleNs);
const share = (result: Result, name: string) => cpuNs(result, name) / result.durationNs;

describe('cookies', () => {
  it('two hogs of different cookies take turns on a core, and each thread is forced idle half of the time', () => {
    for (const kernel of kernels) {
      const tasks = [tagged('a', 'A', hog, { cpus: [0] }), tagged('b', 'B', hog, { cpus: [1] })];
      const result = simulateOn(2, tasks, { kernel, durationNs: 2000 * MS });
      expect(share(result, 'a')).toBeCloseTo(0.5, 1);
      expect(share(result, 'a') + share(result, 'b')).toBeCloseTo(1, 3);
      for (const { forcedIdleNs, idleNs } of result.cpus) {
        expect(forcedIdleNs / result.durationNs).toBeCloseTo(0.5, 1);
        expect(forcedIdleNs).toBe(idleNs);
      }
      // One hog's turn is the other's forced idle time, to the nanosecond.
      expect(result.tasks.map(({ forcedIdleNs }) => forcedIdleNs)).toEqual(forcedNs(result).toReversed());
      expect(result.tasks.map((spec) => spec.cpuNs)).toEqual(forcedNs(result).toReversed());
    }
  });

  it('a turn ends when half a slice is used up and the other is behind', () => {
    const tasks = [tagged('a', 'A', hog, { cpus: [0] }), tagged('b', 'B', hog, { cpus: [1] })];
    const result = simulateOn(2, tasks);
    const turns = intervals(result.trace, result.durationNs).ran.filter(({ task: who }) => who === 'a' || who === 'b');
    const ticks = turns.slice(0, -1).map(({ from, to }) => (to - from) / TICK);
    // A slice is 12 ms: more than half of it is noticed on the second tick. Then b catches up in as much, and of equals the running one
    // goes on for another two ticks, and so forth.
    expect(ticks).toEqual([2, ...ticks.slice(1).fill(4)]);
    expect(ticks.length).toBeGreaterThan(60);
  });

  it('the same cookie shares a core, and so do tasks without one', () => {
    for (const cookie of ['A', null]) {
      const others = tagged('other', 'B', [run(MS)], { cpus: [0], startNs: 900 * MS });
      const tasks = [tagged('a', cookie, hog, { cpus: [0] }), tagged('b', cookie, hog, { cpus: [1] }), others];
      const result = simulateOn(2, tasks);
      expect(share(result, 'a')).toBeGreaterThan(0.99);
      expect(share(result, 'b')).toBeGreaterThan(0.98);
    }
  });

  it('none is a cookie of its own: it does not share a core with any', () => {
    const result = simulateOn(2, [tagged('a', 'A', hog, { cpus: [0] }), tagged('b', null, hog, { cpus: [1] })]);
    expect(share(result, 'a') + share(result, 'b')).toBeCloseTo(1, 3);
    expect(share(result, 'a')).toBeCloseTo(0.5, 1);
  });

  it('do not matter on different cores', () => {
    const result = simulateOn(4, [tagged('a', 'A', hog, { cpus: [0] }), tagged('b', 'B', hog, { cpus: [2] })]);
    expect([share(result, 'a'), share(result, 'b')]).toEqual([1, 1]);
    expect(forcedNs(result)).toEqual([0, 0, 0, 0]);
  });

  it('weights count across the core', () => {
    const tasks = [
      tagged('a', 'A', hog, { cpus: [0] }),
      tagged('b', 'B', hog, { cpus: [1], sched: sched('fair', 0, 5) }),
    ];
    const result = simulateOn(2, tasks, { durationNs: 20_000 * MS });
    expect(share(result, 'b')).toBeCloseTo(335 / (1024 + 335), 1);
  });

  it('a waker of another cookie waits for its turn, no longer than a slice and a tick', () => {
    const tasks = [
      tagged('a', 'A', hog, { cpus: [0] }),
      tagged('b', 'B', forever(run(200 * US), sleep(10 * MS)), { cpus: [1] }),
    ];
    const result = simulateOn(2, tasks);
    const b = result.tasks[1];
    expect(b?.wakeups).toBeGreaterThan(80);
    expect(b?.wakeupLatency.maxNs).toBeLessThanOrEqual(3 * TICK);
  });

  it('a stronger class takes the whole core from another cookie', () => {
    const tasks = [
      tagged('a', 'A', hog, { cpus: [0] }),
      tagged('rt', 'B', forever(run(MS), sleep(9 * MS)), { cpus: [1], sched: sched('fifo', 50) }),
    ];
    const result = simulateOn(2, tasks);
    expect(result.tasks[1]?.wakeupLatency.maxNs).toBe(0);
    expect(share(result, 'a')).toBeCloseTo(0.9, 2);
    expect(result.cpus[0]?.forcedIdleNs).toBe(cpuNs(result, 'rt'));
  });

  it('a forked task has its parent’s cookie unless it has its own', () => {
    const fork = (name: string): Step => ({ op: 'fork', task: name });
    const pool = (name: string, cookie: string | null) =>
      tagged(name, cookie, [run(100 * MS)], { start: 'fork', cpus: [1] });
    const at = (child: string | null) =>
      simulateOn(2, [tagged('parent', 'A', [fork('child'), ...hog], { cpus: [0] }), pool('child', child)], {
        durationNs: 500 * MS,
      });
    expect(forcedNs(at(null))).toEqual([0, 0]);
    expect(forcedNs(at('A'))).toEqual([0, 0]);
    expect(Math.min(...forcedNs(at('B')))).toBeGreaterThan(90 * MS);
  });
});

describe('stealing', () => {
  it('brings a task of the core’s cookie to a thread that is forced idle', () => {
    // Core 0: A and B in turn, each on its thread. Core 1: two As on one thread, which might run beside the first.
    const tasks = [
      tagged('here', 'A', hog, { cpus: [0] }),
      tagged('kept out', 'B', hog, { cpus: [1] }),
      tagged('there', 'A', hog, { cpus: [1, 2], count: 2, startCpu: 2, startNs: MS }),
    ];
    const result = simulateOn(4, tasks, { durationNs: 200 * MS });
    const stolen = result.trace.filter((event) => event.event === 'migrate' && event.from === 2 && event.to === 1);
    expect(stolen.length).toBeGreaterThan(0);
    const { ran } = intervals(result.trace, result.durationNs);
    const beside = ran.filter(({ task: who, cpu }) => who.startsWith('there') && cpu === 1);
    expect(beside.reduce((sum, { from, to }) => sum + to - from, 0)).toBeGreaterThan(50 * MS);
    expect(longestMix(ran, tasks, 4)).toBe(0);
  });
});

describe('the end of forced idle', () => {
  it('comes when the last task that waited is taken elsewhere', () => {
    const tasks = [
      tagged('a', 'A', hog, { cpus: [0] }),
      tagged('b', 'B', hog, { cpus: [1, 3], startCpu: 1, startNs: MS }),
      // Out of step with a and b, so that b does not run when it could be stolen.
      tagged('c', 'B', hog, { cpus: [2], startNs: 5 * MS }),
      tagged('d', 'C', hog, { cpus: [3], startNs: 5 * MS }),
    ];
    const result = simulateOn(4, tasks);
    expect(result.trace.some((event) => event.event === 'migrate' && event.task === 'b')).toBe(true);
    const [a] = result.tasks;
    expect(a?.forcedIdleNs).toBeGreaterThan(0);
    expect(a?.forcedIdleNs).toBe(result.cpus[1]?.forcedIdleNs);
  });
});

/** The longest time that tasks of different cookies ran on the threads of one core. */
function longestMix(ran: Interval[], tasks: TaskSpec[], cpus: number): number {
  const cookieOf = (name: string) => tasks.find((spec) => spec.name === name.split('/')[0])?.cookie ?? null;
  const busy = ran.filter(({ task: who }) => !who.startsWith('swapper'));
  let longest = 0;
  for (const cookie of new Set(tasks.map((spec) => spec.cookie))) {
    for (let cpu = 0; cpu < cpus; cpu += 2) {
      const mine = busy.filter((one) => one.cpu === cpu && cookieOf(one.task) === cookie);
      const others = busy.filter((one) => one.cpu === cpu + 1 && cookieOf(one.task) !== cookie);
      longest = Math.max(longest, longestOverlap(mine, others, true));
    }
  }
  return longest;
}

describe('whatever runs', () => {
  const cookies = fc.array(fc.constantFrom('A', 'B', null), { minLength: 8, maxLength: 8 });
  const world = fc.tuple(anyScenario, cookies, fc.constantFrom(...kernels)).map(([any, names, kernel]): Scenario => {
    const cpus = Math.max(2, any.machine.cpus - (any.machine.cpus % 2));
    return {
      ...any,
      kernel: { ...any.kernel, fair: kernel.fair, features: kernel.features, coreSched: true },
      machine: smt(cpus),
      tasks: any.tasks.map((spec, i) => ({
        ...spec,
        cookie: names[i] ?? null,
        cpus: spec.cpus?.every((cpu) => cpu < cpus) === false ? null : spec.cpus,
        program: userOnly(spec.program),
      })),
    };
  });

  it('two cookies never run on one core at the same time', () => {
    fc.assert(
      fc.property(world, fc.nat(), (any, seed) => {
        const result = simulate(any, seed, { trace: WHOLE });
        expect(longestMix(intervals(result.trace, any.durationNs).ran, any.tasks, any.machine.cpus)).toBe(0);
        // Of two threads one runs what the other is forced to be idle for.
        const blamed = result.tasks.reduce((sum, { forcedIdleNs }) => sum + forcedIdleNs, 0);
        expect(blamed).toBe(forcedNs(result).reduce((sum, ns) => sum + ns));
      }),
      { numRuns: 40, seed: 20261124 },
    );
  });

  it('release and debug build agree, and time is conserved', () => {
    fc.assert(
      fc.property(world, fc.nat(), (ideally, seed) => {
        const { cpus } = ideally.machine;
        const any = { ...ideally, machine: { ...real(cpus), threadsPerCore: 2, cpusPerLlc: cpus, smtSpeed: 0.625 } };
        const release = simulate(any, seed, { trace: WHOLE });
        expect(JSON.stringify(simulate(any, seed, { trace: WHOLE, build: 'debug' })) === JSON.stringify(release)).toBe(
          true,
        );
        const used = release.tasks.reduce((sum, spec) => sum + spec.cpuNs, 0);
        const idle = release.cpus.reduce((sum, { idleNs }) => sum + idleNs, 0);
        expect((used + idle) / (any.durationNs * any.machine.cpus)).toBeCloseTo(1, 3);
        for (const { forcedIdleNs, idleNs } of release.cpus) expect(forcedIdleNs).toBeLessThanOrEqual(idleNs);
      }),
      { numRuns: 25, seed: 20261125 },
    );
  });

  it('nobody is lost: fair tasks of any cookies all go on', () => {
    const worker = fc.record({
      cookie: fc.constantFrom('A', 'B', 'C', null),
      runNs: fc.integer({ min: 50 * US, max: 5 * MS }),
      sleepNs: fc.integer({ min: 50 * US, max: 10 * MS }),
      count: fc.integer({ min: 1, max: 3 }),
      cpus: fc.constantFrom<number[] | null>(null, [0], [1], [2, 3], [1, 2]),
    });
    const kernel = fc.constantFrom(...kernels);
    fc.assert(
      fc.property(fc.array(worker, { minLength: 2, maxLength: 5 }), kernel, (workers, chosen) => {
        const tasks = workers.map(({ runNs, sleepNs, ...more }, i) =>
          task(`w${i}`, forever(run(runNs), sleep(sleepNs)), more),
        );
        const result = simulateOn(4, tasks, { kernel: chosen, durationNs: 2000 * MS });
        for (const { wakeups, count, wakeupLatency } of result.tasks) {
          expect(wakeups).toBeGreaterThan(10 * count);
          expect(wakeupLatency.maxNs).toBeLessThan(400 * MS);
        }
      }),
      { numRuns: 20, seed: 20261126 },
    );
  });

  it('a core with work is never wholly idle, nor a thread with work beside its own cookie', () => {
    const worker = fc.record({
      cookie: fc.constantFrom('A', 'B'),
      runNs: fc.integer({ min: 100 * US, max: 30 * MS }),
      sleepNs: fc.integer({ min: 50 * US, max: 30 * MS }),
      cpu: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(worker, { minLength: 2, maxLength: 8 }), (workers) => {
        const tasks = workers.map(({ runNs, sleepNs, cookie, cpu }, i) =>
          task(`w${i}`, forever(run(runNs), sleep(sleepNs)), { cookie, cpus: [cpu] }),
        );
        const result = simulateOn(4, tasks, { durationNs: 300 * MS });
        const { ran, waited } = intervals(result.trace, result.durationNs);
        const cookieOf = (name: string) => tasks.find((spec) => spec.name === name)?.cookie;
        const idle = ran.filter(({ task: who }) => who.startsWith('swapper'));
        for (const cpu of [0, 1, 2, 3]) {
          const waits = waited.filter((one) => one.cpu === cpu);
          const idles = idle.filter((one) => one.cpu === cpu);
          const sibling = ran.filter((one) => one.cpu === (cpu ^ 1));
          const bothIdle = idles.flatMap((one) =>
            cut(
              one,
              sibling.filter(({ task: who }) => who.startsWith('swapper')),
            ),
          );
          expect(longestOverlap(waits, bothIdle)).toBe(0);
          for (const cookie of ['A', 'B']) {
            const beside = idles.flatMap((one) =>
              cut(
                one,
                sibling.filter(({ task: who }) => cookieOf(who) === cookie),
              ),
            );
            expect(
              longestOverlap(
                waits.filter(({ task: who }) => cookieOf(who) === cookie),
                beside,
              ),
            ).toBe(0);
          }
        }
      }),
      { numRuns: 25, seed: 20261127 },
    );
  });
});

/** The parts of an interval in which one of the others lasts. */
function cut(one: Interval, others: Interval[]): Interval[] {
  return others
    .map(({ from, to }) => ({ ...one, from: Math.max(one.from, from), to: Math.min(one.to, to) }))
    .filter(({ from, to }) => from < to);
}

/** Without kernel code, which no reschedule ends. */
function userOnly(program: Step[]): Step[] {
  return program.map((step) => {
    if (step.op === 'run') return { ...step, mode: 'user' };
    return step.op === 'loop' ? { ...step, body: userOnly(step.body) } : step;
  });
}

describe('switched off', () => {
  const tasks = (cookie: string | null) => [
    tagged('a', cookie, forever(run(MS), sleep(MS)), { count: 3 }),
    tagged('b', null, hog, { cpus: [0, 2], count: 2 }),
  ];
  const text = (cookie: string | null, kernel: Kernel, machine: Machine) =>
    JSON.stringify(simulate(scenario(tasks(cookie), { kernel, machine }), 1, { trace: WHOLE }));

  it('cookies mean nothing to a kernel without it, nor where cores have one thread', () => {
    expect(text('A', linux61, smt(4))).toBe(text(null, linux61, smt(4)));
    expect(text('A', core61, ideal(4))).toBe(text(null, linux61, ideal(4)));
  });

  it('without any cookie the kernel does not look for them', () => {
    expect(text(null, core61, smt(4))).toBe(text(null, linux61, smt(4)));
    expect(text('A', core61, smt(4))).not.toBe(text(null, linux61, smt(4)));
  });
});
