/**
 * The four phases in which the README of the TencentOS kernel tells what BT does: batch alone; online work that wakes; online work everywhere;
 * online work that sleeps again. One run, a second a phase, four CPUs.
 */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { resolveScenario } from '../../src/scenario/load.js';
import type { ScenarioInput } from '../../src/scenario/schema.js';
import { type Interval, intervals, MS, WHOLE } from '../kernel/fixtures.js';

const S = 1000 * MS;
const CPUS = 4;
const scenario: ScenarioInput = {
  name: 'phases',
  duration: '4s',
  machine: 'ideal-4',
  kernel: 'tk3-4.14',
  policy: 'cfs+bt',
  tasks: [
    { name: 'batch', role: 'offline', count: 8, program: [{ loop: [{ run: '100ms' }] }] },
    { name: 'early', role: 'online', count: 2, start: '1s', program: [{ run: '2s' }] },
    { name: 'late', role: 'online', count: 6, start: '2s', program: [{ run: '333ms' }] },
  ],
};
const { trace } = simulate(resolveScenario(scenario), 1, { trace: { ...WHOLE, capacity: 1 << 20 } });
const { ran, waited } = intervals(trace, 4 * S);

/** Time of a kind of task in a phase, by task. */
function shares(kind: string, from: number, to: number, list: readonly Interval[] = ran): Map<string, number> {
  const sums = new Map<string, number>();
  for (const one of list) {
    if (!one.task.startsWith(kind)) continue;
    const inside = Math.min(one.to, to) - Math.max(one.from, from);
    if (inside > 0) sums.set(one.task, (sums.get(one.task) ?? 0) + inside);
  }
  return sums;
}
const total = (kind: string, from: number, to: number, list = ran) =>
  [...shares(kind, from, to, list).values()].reduce((sum, time) => sum + time, 0);

describe('BT', () => {
  it('spreads batch evenly while it is alone', () => {
    const each = [...shares('batch', 0.2 * S, S).values()];
    expect(each).toHaveLength(8);
    for (const time of each) expect(time / (0.4 * S)).toBeCloseTo(1, 0);
    expect(Math.max(...each) / Math.min(...each)).toBeLessThan(1.5);
    expect(total('swapper', 0.1 * S, S)).toBe(0);
  });

  it('gives an online task its CPU at once when it wakes, and squeezes batch onto the others', () => {
    expect(total('early', S, 2 * S)).toBe(2 * S);
    expect(total('early', S, 2 * S, waited)).toBe(0);
    // What is left goes to batch, though perhaps not to all of it.
    expect(total('batch', S, 2 * S)).toBeGreaterThan(1.99 * S);
    expect(shares('batch', S, 2 * S).size).toBeGreaterThanOrEqual(2);
  });

  it('gives batch nothing while online work fills the CPUs', () => {
    expect(total('batch', 2.1 * S, 2.4 * S)).toBeLessThan(0.01 * CPUS * 0.3 * S);
    expect(total('early', 2.1 * S, 2.4 * S) + total('late', 2.1 * S, 2.4 * S)).toBeGreaterThan(0.99 * CPUS * 0.3 * S);
  });

  it('takes the CPUs back at once when online work sleeps', () => {
    const lastOnline = Math.max(...ran.filter(({ task }) => /early|late/.test(task)).map(({ to }) => to));
    expect(lastOnline).toBeLessThan(3.6 * S);
    expect(total('swapper', S, 4 * S)).toBeLessThan(0.01 * CPUS * 3 * S);
    expect(total('batch', lastOnline, 4 * S)).toBeGreaterThan(0.99 * CPUS * (4 * S - lastOnline));
  });
});
