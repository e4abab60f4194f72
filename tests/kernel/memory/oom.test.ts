/** The OOM killer's choice, where the kernel's counters of pages are up to 66 faults behind (mm/memory.c check_sync_rss_stat). */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../src/kernel/simulation.js';
import { forever, MS, sleep } from '../fixtures.js';
import { MEMORY, memoryScenario, touch, user } from './fixtures.js';

const PAGES = 110_000;

/** Who is killed first of tasks that take two pages a millisecond each once they have so many. */
function victim(have: Record<string, number>, kernelPages = MEMORY.kernelPages): string | undefined {
  const tasks = Object.entries(have).map(([name, pages]) =>
    user(name, PAGES, [
      touch(PAGES, { times: pages, recorder: null }),
      ...forever(sleep(MS), touch(PAGES, { times: 2, recorder: null })),
    ]),
  );
  const world = memoryScenario(tasks, { durationNs: 3000 * MS, memory: { ...MEMORY, kernelPages } });
  const { trace } = simulate(world, 1, { trace: { fromNs: 0, toNs: world.durationNs, capacity: 1 << 16 } });
  return trace.flatMap((event) => (event.event === 'oom' ? [event.task] : []))[0];
}

describe('of leakers', () => {
  it('the largest goes first', () => {
    expect(victim({ first: 50_100, second: 50_000 })).toBe('first');
    expect(victim({ first: 50_000, second: 50_100 })).toBe('second');
  });

  it('the last goes first of those whose counters are alike, though the first has more', () => {
    // Where memory ends, counters of 66 pages tell these two apart in one case of ten.
    const ends = Array.from({ length: 5 }, (_, i) => MEMORY.kernelPages + 26 * i);
    const victims = ends.map((kernelPages) => victim({ first: 50_004, second: 50_000 }, kernelPages));
    expect(victims.filter((name) => name === 'second').length).toBeGreaterThanOrEqual(4);
  });
});
