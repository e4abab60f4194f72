/** What must hold in every simulation, whatever the scenario. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Simulation, simulate } from '../../src/kernel/simulation.js';
import type { Scenario, SchedSettings } from '../../src/scenario/scenario.js';
import { anyScenario } from './arbitrary.js';
import { forever, ideal, intervals, longestOverlap, MS, run, scenario, sleep, TICK, task, WHOLE } from './fixtures.js';

const RUNS = { numRuns: 40, seed: 20261123 };

describe('every simulation', () => {
  it('gives every nanosecond of every CPU to exactly one task or to idle', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const result = simulate(world, seed);
        const tasks = result.tasks.reduce((sum, { cpuNs }) => sum + cpuNs, 0);
        const idle = result.cpus.reduce((sum, { idleNs }) => sum + idleNs, 0);
        const elapsed = world.durationNs * world.machine.cpus;
        // The stopper's time belongs to no declaration; the last switch may lie a few µs beyond the end.
        expect(tasks + idle).toBeLessThanOrEqual(elapsed * 1.001);
        expect(tasks + idle).toBeGreaterThan(elapsed * 0.999);
      }),
      RUNS,
    );
  });

  it('is the same in the release and the debug build, to the last event', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const release = simulate(world, seed, { trace: WHOLE });
        const debug = simulate(world, seed, { trace: WHOLE, build: 'debug' });
        // As text: comparing a hundred thousand events one by one takes minutes.
        expect(JSON.stringify(debug) === JSON.stringify(release)).toBe(true);
      }),
      RUNS,
    );
  });

  it('is the same when it is run in pieces, and never grows its memory', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), fc.integer({ min: 1, max: 30 }), (world, seed, pieces) => {
        const whole = simulate(world, seed);
        const simulation = Simulation.create(world, seed);
        const { memoryBytes } = simulation;
        for (let i = 1; i <= pieces; i++) simulation.run(Math.round((world.durationNs * i) / pieces));
        expect(simulation.memoryBytes).toBe(memoryBytes);
        expect(simulation.result()).toEqual(whole);
      }),
      RUNS,
    );
  });

  it('runs a task on its own CPUs only', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const { ran } = intervals(simulate(world, seed, { trace: WHOLE }).trace, world.durationNs);
        const strays = ran.filter(({ task: name, cpu }) => {
          const allowed = world.tasks.find((spec) => spec.name === name.split('/')[0])?.cpus ?? null;
          return allowed !== null && !allowed.includes(cpu);
        });
        expect(strays).toEqual([]);
      }),
      RUNS,
    );
  });

  it('never lets BT run while a fair task waits on the same CPU', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const strict: Scenario = {
          ...world,
          machine: ideal(world.machine.cpus),
          kernel: { ...world.kernel, bt: { ...world.kernel.bt, maxThrottleTimeNs: 0 } },
          tasks: world.tasks.map((spec) => ({ ...spec, program: userOnly(spec.program) })),
        };
        const classOf = (name: string) => strict.tasks.find((spec) => spec.name === name.split('/')[0])?.sched.class;
        const { ran, waited } = intervals(simulate(strict, seed, { trace: WHOLE }).trace, strict.durationNs);
        const fairWaits = waited.filter(({ task: name }) => ['fair', 'batch', 'idle'].includes(classOf(name) ?? ''));
        const btRan = ran.filter(({ task: name }) => classOf(name) === 'bt');
        // Searched from the waits, which may overlap each other, in what BT ran, which does not.
        expect(longestOverlap(fairWaits, btRan)).toBe(0);
      }),
      RUNS,
    );
  });
});

/** With its deadline at the end of the period: otherwise who wakes behind it waits for the next one, however little it runs. */
function implicit(settings: SchedSettings): SchedSettings {
  const { reservation } = settings;
  if (reservation === undefined) return settings;
  return { ...settings, reservation: { ...reservation, deadlineNs: reservation.periodNs } };
}

/** Without kernel sections, which nothing preempts. */
function userOnly(program: Scenario['tasks'][number]['program']): Scenario['tasks'][number]['program'] {
  return program.map((step) =>
    step.op === 'run' ? { ...step, mode: 'user' } : step.op === 'loop' ? { ...step, body: userOnly(step.body) } : step,
  );
}

describe('fairness', () => {
  it('hogs on one CPU share it by weight', () => {
    const nices = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(nices, (values) => {
        const tasks = values.map((nice, i) =>
          task(`hog${i}`, forever(run(1000 * MS)), { sched: { class: 'fair', nice, priority: 0 } }),
        );
        const result = simulate(scenario(tasks, { durationNs: 60_000 * MS }), 1);
        // Each nice step is worth a factor of about 1.25.
        const weights = values.map((nice) => 1.25 ** -nice);
        const total = weights.reduce((a, b) => a + b);
        const off = result.tasks.map(({ cpuNs }, i) => Math.abs(cpuNs / result.durationNs - (weights[i] ?? 0) / total));
        expect(Math.max(...off)).toBeLessThan(0.02);
      }),
      RUNS,
    );
  });
});

describe('wakeups', () => {
  it('are not lost: whoever sleeps for a time runs again, unless a stronger one never sleeps', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const gentle = world.tasks.map((spec) => ({
          ...spec,
          program: forever(run(20_000), sleep(2 * MS)),
          startNs: 0,
          sched: implicit(spec.sched),
        }));
        const result = simulate({ ...world, tasks: gentle }, seed);
        for (const spec of result.tasks) expect(spec.wakeups).toBeGreaterThan(spec.count * 10);
      }),
      RUNS,
    );
  });
});

describe('work conservation', () => {
  it('while a fair or BT task waits, no CPU that it may use idles for longer than a domain may rest twice, and two ticks', () => {
    const worker = fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      runNs: fc.integer({ min: 100_000, max: 30 * MS }),
      sleepNs: fc.integer({ min: 50_000, max: 30 * MS }),
      bt: fc.boolean(),
      startNs: fc.integer({ min: 0, max: 10 * MS }),
    });
    fc.assert(
      fc.property(fc.array(worker, { minLength: 1, maxLength: 5 }), fc.integer({ min: 2, max: 8 }), (workers, cpus) => {
        const tasks = workers.map(({ count, runNs, sleepNs, bt, startNs }, index) =>
          task(`w${index}`, forever(run(runNs), sleep(sleepNs)), {
            count,
            startNs,
            sched: { class: bt ? 'bt' : 'fair', nice: 0, priority: 0 },
          }),
        );
        const machine = { ...ideal(cpus), cpusPerLlc: Math.ceil(cpus / 2) };
        const world = scenario(tasks, { machine, durationNs: 300 * MS });
        const { ran, waited } = intervals(simulate(world, 1, { trace: WHOLE }).trace, world.durationNs);
        const idle = ran.filter(({ task: name }) => name.startsWith('swapper'));
        // A domain in balance is looked at again after up to twice as many ms as it has CPUs (max_interval); a task that is too
        // much for the imbalance then is not the next time.
        expect(longestOverlap(waited, idle, true)).toBeLessThanOrEqual(2 * 2 * cpus * MS + 2 * TICK);
      }),
      RUNS,
    );
  });
});

describe('randomness', () => {
  it('belongs to its task: another task changes nobody else’s draws', () => {
    const draws = (others: number) => {
      const drawn = task(
        'drawn',
        forever({ op: 'run', mode: 'user', duration: { kind: 'exponential', meanNs: MS } }, sleep(MS)),
        {
          cpus: [0],
        },
      );
      const more = Array.from({ length: others }, (_, i) =>
        task(
          `other${i}`,
          forever({ op: 'run', mode: 'user', duration: { kind: 'uniform', minNs: 1, maxNs: MS } }, sleep(MS)),
          { cpus: [1] },
        ),
      );
      return simulate(scenario([...more, drawn], { machine: ideal(2) }), 7).tasks.at(-1)?.runSegment;
    };
    expect(draws(3)).toEqual(draws(0));
  });

  it('differs between seeds', () => {
    const noisy = task(
      'noisy',
      forever({ op: 'run', mode: 'user', duration: { kind: 'exponential', meanNs: MS } }, sleep(MS)),
    );
    expect(simulate(scenario([noisy]), 1)).not.toEqual({ ...simulate(scenario([noisy]), 2), seed: 1 });
  });
});
