/** Pressure stall information: what CPUs count of their tasks' states, how they are weighted, and what groups and the machine see of it (kernel/sched/psi.c). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { PressureResult, Result } from '../../src/results/result.js';
import type { CgroupSpec, Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { anyScenario } from './arbitrary.js';
import { forever, hog, ideal, MS, memoryCosts, periodic, run, scenario, sched, sleep, task } from './fixtures.js';
import { group, MEMORY, memoryScenario, read, touch, user } from './memory/fixtures.js';

function pressureOf(world: Scenario): PressureResult {
  const { pressure } = simulate({ ...world, psi: true }, 1, { build: 'debug' });
  if (pressure === undefined) throw new Error('no pressure');
  return pressure;
}
const total = (pressure: PressureResult, of: string, file: 'io' | 'memory' | 'cpu', line: 'some' | 'full'): number =>
  pressure[of]?.[file][line].totalNs ?? Number.NaN;
const plain = (name: string, parent: string | null = null): CgroupSpec => ({ ...group(name, {}, parent) });
const on = (cpu: number): Partial<TaskSpec> => ({ cpus: [cpu] });

describe('pressure of CPUs', () => {
  it('is the time that somebody waits; all of a group, while it has nobody on the CPU', () => {
    const world = scenario(
      [task('a', hog, { cgroup: 'a' }), task('b', hog, { cgroup: 'b' }), task('c', hog, { cgroup: 'c' })],
      { cgroups: [plain('top'), plain('a', 'top'), plain('b', 'top'), plain('c')], durationNs: 1200 * MS },
    );
    const pressure = pressureOf(world);
    const { tasks } = simulate(world, 1);
    for (const { name, waitNs } of tasks) {
      expect(total(pressure, name, 'cpu', 'full')).toBe(total(pressure, name, 'cpu', 'some'));
      // Up to a slice of it is still to be counted as the task's wait at the end.
      expect(Math.abs(total(pressure, name, 'cpu', 'some') - waitNs)).toBeLessThan(30 * MS);
    }
    const waits = (name: string) => total(pressure, name, 'cpu', 'some');
    expect(waits('top')).toBe(1200 * MS);
    expect(total(pressure, 'top', 'cpu', 'full')).toBe(waits('a') + waits('b') - 1200 * MS);
    expect(waits('root')).toBe(1200 * MS);
    // The machine's line says 0.
    expect(total(pressure, 'root', 'cpu', 'full')).toBe(0);
  });

  it('weights CPUs by how long they are not idle', () => {
    const half = periodic('half', 8 * MS, 4 * MS, on(1));
    const pressure = pressureOf(
      scenario([task('a', hog, on(0)), task('b', hog, on(0)), half], { machine: ideal(2), durationNs: 1000 * MS }),
    );
    // CPU 0: stalled all the time, never idle; CPU 1: never stalled, idle half the time.
    expect(total(pressure, 'root', 'cpu', 'some') / MS).toBeCloseTo((1000 * 1000) / 1500, -1);
  });

  it('sees a moved task on its new CPU only, and none that sleeps', () => {
    const pressure = pressureOf(
      scenario([task('a', forever(run(3 * MS), sleep(MS)), { count: 3 })], { machine: ideal(4) }),
    );
    expect(total(pressure, 'root', 'cpu', 'some')).toBeLessThan(20 * MS);
  });

  it('is not observed unless a scenario asks for it', () => {
    expect(simulate(scenario([task('a', hog)]), 1).pressure).toBeUndefined();
  });
});

describe('pressure of devices', () => {
  const reader = user('r', 1, [read(400_000, 5000)]);
  const memory = { ...MEMORY, readaheadPages: 1 };

  it('is some and full of a CPU that has nothing else to do', () => {
    const pressure = pressureOf(memoryScenario([reader], { memory }));
    // 5000 waits of 100 µs each.
    expect(total(pressure, 'root', 'io', 'some') / MS).toBeCloseTo(500, -1);
    expect(total(pressure, 'root', 'io', 'full')).toBe(total(pressure, 'root', 'io', 'some'));
    expect(total(pressure, 'root', 'memory', 'some')).toBe(0);
  });

  it('is some only while another task can run', () => {
    const beside = task('h', hog, { sched: sched('fair', 0, 19) });
    const pressure = pressureOf(memoryScenario([reader, beside], { memory }));
    expect(total(pressure, 'root', 'io', 'some') / MS).toBeGreaterThan(450);
    expect(total(pressure, 'root', 'io', 'full')).toBe(0);
  });
});

describe('pressure of memory', () => {
  it('is full where the stalled task has the CPU, whoever waits for it, and some where it waits itself', () => {
    // Reclaims that take milliseconds, so that ticks fall into them.
    const slow = { ...ideal(1), memoryCosts: { ...memoryCosts, scanNs: 100_000 } };
    const eater = { ...user('a', 3000, forever(touch(3000))), cgroup: 'g' };
    const world = memoryScenario([eater, task('h', hog)], {
      machine: slow,
      cgroups: [group('g', { maxPages: 2000 })],
      memory: { ...MEMORY, swap: { pages: 10_000, latencyNs: 1000, depth: 64 } },
    });
    const pressure = pressureOf(world);
    const some = total(pressure, 'root', 'memory', 'some');
    const full = total(pressure, 'root', 'memory', 'full');
    expect(full).toBeGreaterThan(0);
    // The hog runs while the stalled task waits for the CPU: not all are stalled then.
    expect(full).toBeLessThan(some);
    // In the group there is nobody but the stalled one.
    expect(total(pressure, 'g', 'memory', 'full')).toBe(total(pressure, 'g', 'memory', 'some'));
    expect(total(pressure, 'g', 'memory', 'some')).toBeGreaterThanOrEqual(full);
  });
});

describe('every simulation', () => {
  const RUNS = { numRuns: 40, seed: 20261126 };
  const rest = ({ pressure: _, ...others }: Result) => JSON.stringify(others);

  it('goes the same way whether pressure is observed or not, and counts it alike in both builds', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const observed = simulate({ ...world, psi: true }, seed);
        expect(rest(observed) === rest(simulate(world, seed))).toBe(true);
        const debug = simulate({ ...world, psi: true }, seed, { build: 'debug' });
        expect(JSON.stringify(debug.pressure)).toBe(JSON.stringify(observed.pressure));
      }),
      RUNS,
    );
  });

  it('has no pressure longer than itself, and no more full than some', () => {
    fc.assert(
      fc.property(anyScenario, fc.nat(), (world, seed) => {
        const { pressure = {} } = simulate({ ...world, psi: true }, seed);
        for (const files of Object.values(pressure)) {
          for (const { some, full } of Object.values(files)) {
            expect(full.totalNs).toBeLessThanOrEqual(some.totalNs);
            expect(some.totalNs).toBeLessThanOrEqual(world.durationNs * 1.001);
          }
        }
      }),
      RUNS,
    );
  });
});
