/** The trace of memory: what a late operation waited for has an entry, and short latencies can be left out of it. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../src/kernel/simulation.js';
import type { TraceEvent } from '../../../src/results/result.js';
import { forever, MS, sleep } from '../fixtures.js';
import { group, memoryScenario, read, touch, user } from './fixtures.js';

function traceOf(world: ReturnType<typeof memoryScenario>, leastNs = 0): TraceEvent[] {
  return simulate(world, 1, { trace: { fromNs: 0, toNs: world.durationNs, capacity: 1 << 16, leastNs } }).trace;
}

describe('a reader of pages that lie anywhere', () => {
  const world = memoryScenario([user('reader', 1, forever(sleep(MS), read(200_000, 1, { pattern: 'uniform' })))], {
    durationNs: 20 * MS,
  });

  it('sleeps for each page until it is woken', () => {
    const events = traceOf(world).filter((e) => 'task' in e && e.task === 'reader');
    const sleeps = events.flatMap((e, i) => (e.event === 'blocked' ? [{ e, next: events[i + 1] }] : []));
    expect(sleeps.length).toBeGreaterThan(10);
    for (const { e, next } of sleeps) {
      expect(e.on).toBe('page');
      expect(next?.event).toBe('waking');
    }
  });

  it('is traced with the latencies that are long enough', () => {
    const all = traceOf(world).flatMap((e) => (e.event === 'record' ? [e.latencyNs] : []));
    const least = all.toSorted((a, b) => a - b)[5] ?? 0;
    const kept = traceOf(world, least).flatMap((e) => (e.event === 'record' ? [e.latencyNs] : []));
    expect(kept).toEqual(all.filter((ns) => ns >= least));
  });
});

describe('a task above memory.high without swap', () => {
  it('reclaims in vain from its group, once for each retry, and then sleeps', () => {
    const world = memoryScenario([user('hog', 4000, [touch(4000)], { cgroup: 'limited' })], {
      cgroups: [group('limited', { highPages: 2000 })],
      durationNs: 400 * MS,
    });
    const events = traceOf(world, 1e12);
    const first = events.findIndex((e) => e.event === 'blocked');
    expect(events[first]).toMatchObject({ task: 'hog', on: 'high' });
    const reclaims = events.slice(0, first).filter((e) => e.event === 'reclaim');
    expect(reclaims.slice(-34).map((e) => [e.begins, e.pages, e.group])).toEqual(
      Array.from({ length: 17 }, () => [
        [true, 0, 'limited'],
        [false, 0, 'limited'],
      ]).flat(),
    );
  });
});
