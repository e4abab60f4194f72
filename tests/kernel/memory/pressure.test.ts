/** Averages of pressure are what the kernel's arithmetic makes of the stalls of each period (kernel/sched/psi.c update_averages, calc_load). */
import { describe, expect, it } from 'vitest';
import { Simulation } from '../../../src/kernel/simulation.js';
import { forever, MS, sleep } from '../fixtures.js';
import { group, memoryScenario, touch, user } from './fixtures.js';

/** Two seconds and a tick of 4 ms. */
const PERIOD_NS = 2004 * MS;
const FIXED_1 = 2048n;
const EXPS = { avg10: 1677n, avg60: 1981n, avg300: 2034n } as const;

/** calc_load, of a whole percentage. */
function calcLoad(load: bigint, exp: bigint, percent: bigint): bigint {
  const active = percent * FIXED_1;
  return (load * exp + active * (FIXED_1 - exp) + (active >= load ? FIXED_1 - 1n : 0n)) / FIXED_1;
}

describe('a group whose task sleeps for memory.high now and then', () => {
  it('has the averages of its stalls, period by period', () => {
    const extra = touch(1000, { first: 15_900, times: 1000 });
    const world = memoryScenario(
      [
        {
          ...user('a', 17_000, [
            touch(15_900),
            ...forever(sleep(3000 * MS), extra, { ...extra, access: 'free', recorder: null }),
          ]),
          cgroup: 'g',
        },
      ],
      { cgroups: [group('g', { highPages: 16_000 })], durationNs: 40 * PERIOD_NS },
    );
    const simulation = Simulation.create(world, 1);
    const expected = { avg10: 0n, avg60: 0n, avg300: 0n };
    let total = 0;
    let stalled = 0;
    for (let period = 1; period <= 40; period++) {
      simulation.run(period * PERIOD_NS);
      const found = simulation.pressure().g?.memory.some;
      const stallNs = found?.totalNs ?? 0;
      const percent = BigInt(Math.floor(((stallNs - total) * 100) / PERIOD_NS));
      if (percent > 0n) stalled++;
      for (const key of ['avg10', 'avg60', 'avg300'] as const) {
        expected[key] = calcLoad(expected[key], EXPS[key], percent);
        expect(found?.[key]).toBe(Number(expected[key]) / 2048);
      }
      total = stallNs;
    }
    expect(stalled).toBeGreaterThan(10);
  });
});
