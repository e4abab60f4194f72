/** Figures of services: rates, the host's CPU time without the clients', and late requests. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { readMetrics, writeMetrics } from '../../src/results/csv.js';
import { metricsOf, summarise } from '../../src/results/metrics.js';
import { serviceFigures } from '../../src/results/service.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { fixed, forever, ideal, MS, run, scenario, sched, task, US } from '../kernel/fixtures.js';

/** A request each millisecond on the client's CPU 2; 300 µs of work on CPUs 0 and 1, where a tenth of each CPU goes to something else. */
const world: Scenario = scenario(
  [
    task('client', forever({ op: 'arrive', gap: fixed(MS) }, run(500 * US), { op: 'send', channel: 'q' }), {
      role: 'client',
      cpus: [2],
    }),
    task(
      'server',
      forever({ op: 'receive', channel: 'q' }, run(300 * US), {
        op: 'record',
        recorder: 'response',
        since: 'stamp',
        binsUs: 0,
      }),
      { role: 'online', cpus: [0, 1] },
    ),
    task('other', forever(run(100 * US), { op: 'sleep', duration: fixed(900 * US) }), {
      count: 2,
      cpus: [0, 1],
      pinEach: true,
      sched: sched('fifo', 1),
    }),
  ],
  { machine: ideal(3), offeredPerS: 1000 },
);

describe('serviceFigures', () => {
  const result = simulate(world, 1);
  const [recorder] = result.recorders;
  if (recorder === undefined) throw new Error('nothing recorded');

  it('counts the host’s CPUs only', () => {
    const { offered_per_s, throughput_per_s, cpu_util_pct, online_util_pct } = serviceFigures(
      world,
      result,
      recorder,
      null,
    );
    expect(offered_per_s).toBe(1000);
    expect(Math.abs((throughput_per_s ?? 0) - 999)).toBeLessThanOrEqual(1);
    // 30 % of one CPU and 10 % of both, of two CPUs.
    expect(online_util_pct).toBeCloseTo(15, 0);
    expect(cpu_util_pct).toBeCloseTo(25, 0);
  });

  it('counts requests that are late, and none if nothing is late', () => {
    const late = (timeoutNs: number | null) => serviceFigures(world, result, recorder, timeoutNs).timeouts_per_s;
    expect(late(null)).toBeNull();
    expect(late(2 * MS)).toBe(0);
    expect(late(700 * US)).toBeGreaterThan(990);
  });

  it('has nothing to say of a scenario without a load generator', () => {
    expect(serviceFigures({ ...world, tasks: world.tasks.slice(1) }, result, recorder, null)).toEqual({});
  });

  it('adds its columns, with intervals over the seeds, to the CSV of services and to no other', () => {
    const where = { experiment: 'e', case: 'c' };
    const rows = [1, 2].flatMap((seed) =>
      metricsOf(where, { ...result, seed }, (each) => serviceFigures(world, result, each, 2 * MS)),
    );
    const all = [...rows, ...summarise(rows)];
    const text = writeMetrics(all);
    const [header, ...lines] = text.trim().split('\n');
    expect(header).toContain(',overflow_high_pct,offered_per_s,throughput_per_s,cpu_util_pct,');
    expect(lines).toHaveLength(3);
    expect(all.at(-1)).toMatchObject({
      seed: 'all',
      offered_per_s: 1000,
      timeouts_per_s: 0,
      p99_low_us: all.at(-1)?.p99_us,
    });
    expect(readMetrics(text, 'text')).toHaveLength(3);
    expect(writeMetrics(metricsOf(where, result))).not.toContain('per_s');
  });
});
