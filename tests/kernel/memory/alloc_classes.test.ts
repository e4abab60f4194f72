/** Pages for the kernel: how deep each class of request may go, who waits, who fails, and that all comes back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import type { MemoryResult } from '../../../src/results/result.js';
import type { Gfp, Step, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, hog, MS, sched, sleep, task } from '../fixtures.js';
import { MEMORY, memoryScenario, read, touch, user } from './fixtures.js';

const alloc = (times: number, gfp: Gfp): Step => ({ op: 'alloc', order: 0, gfp, times, recorder: 'alloc' });
const release: Step = { op: 'release' };
const ALL = 117_101;

/** What is left of the highest zone, in parts of its min mark. */
function left({ zones }: MemoryResult): { pages: number; min: number; batch: number } {
  const { free = 0, min = 0, pcpBatch = 0 } = zones[1] ?? {};
  return { pages: free, min, batch: pcpBatch };
}

function run(tasks: TaskSpec[]): MemoryResult {
  const { memory } = simulate(memoryScenario(tasks), 1, { build: 'debug' });
  if (memory === undefined) throw new Error('no memory');
  return memory;
}

describe('a request of the kernel that must not wait', () => {
  it.each<[Gfp, number]>([
    ['nowait', 1],
    ['atomic', 3 / 8],
    ['memalloc', 0],
  ])('of class %s goes down to its part of the min mark, and fails there', (gfp, part) => {
    // kswapd does not get the CPU, and cannot raise the marks.
    const memory = run([task('a', [alloc(ALL, gfp), ...hog], { sched: sched('fifo', 50) })]);
    const { pages, min, batch } = left(memory);
    // The last refill took up to a batch from above the mark.
    expect(pages).toBeLessThanOrEqual(Math.ceil(min * part));
    expect(pages).toBeGreaterThanOrEqual(Math.floor(min * part) - batch);
    expect(memory.vmstat.alloc_failures).toBeGreaterThan(0);
    expect(memory.vmstat.allocstall).toBe(0);
  });

  it('wakes kswapd, which makes room for it', () => {
    const memory = run([
      task('cache', [read(102_000, 6375, { chunk: 16 })]),
      task('a', forever(alloc(4000, 'atomic'), release, sleep(10 * MS)), { startNs: 1000 * MS }),
    ]);
    expect(memory.vmstat.kswapd_wakeups).toBeGreaterThan(0);
    expect(memory.vmstat.allocstall).toBe(0);
  });
});

describe('a request of the kernel that may wait', () => {
  it.each<[Gfp, number]>([
    ['kernel', 1],
    ['high', 1 / 2],
  ])('of class %s reclaims at its part of the min mark', (gfp, part) => {
    const world = memoryScenario([
      user('held', 1, [touch(1)]),
      task('a', [read(60_000, 3750, { chunk: 16 }), alloc(100_000, gfp), sleep(5000 * MS)], {
        // Before kswapd, so that it must free pages itself.
        sched: sched('fair', 0, -20),
      }),
    ]);
    const simulation = Simulation.create(world, 1);
    let least = Number.POSITIVE_INFINITY;
    for (let ns = MS / 10; ns <= 400 * MS; ns += MS / 10) {
      simulation.run(ns);
      least = Math.min(least, left(simulation.memory()).pages);
    }
    const { min, batch } = left(simulation.memory());
    expect(least).toBeGreaterThanOrEqual(Math.floor(min * part) - batch);
    expect(simulation.memory().vmstat.alloc_failures).toBe(0);
  });
});

describe('pages of the kernel', () => {
  it('come back when they are released, and when their task ends; no group pays for them', () => {
    const memory = run([task('a', [alloc(5000, 'kernel'), release, sleep(MS), alloc(3000, 'atomic'), { op: 'exit' }])]);
    expect(memory.levels.kernel).toBe(MEMORY.kernelPages);
    expect(memory.groups.root?.peak).toBe(0);
    expect(memory.vmstat.pgalloc).toBe(8000);
    expect(memory.vmstat.pgfree).toBe(8000);
  });

  it('are conserved at every event beside anything else', () => {
    const anyGfp = fc.constantFrom<Gfp>('kernel', 'high', 'noretry', 'nowait', 'atomic', 'memalloc');
    const anyTask = fc.tuple(anyGfp, fc.integer({ min: 1, max: 40_000 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(anyTask, { minLength: 1, maxLength: 4 }), fc.nat(), (requests, seed) => {
        const tasks = requests.map(([gfp, pages, keeps], i) =>
          task(`k${i}`, keeps ? [alloc(pages, gfp)] : forever(alloc(pages, gfp), release, sleep(3 * MS))),
        );
        const eater = user('u', 60_000, forever(touch(60_000), touch(60_000, { access: 'free' }), sleep(MS)));
        const world = memoryScenario([...tasks, eater], { durationNs: 100 * MS });
        // The debug build asserts it.
        simulate(world, seed, { build: 'debug' });
      }),
      { numRuns: 15, seed: 20261126 },
    );
  });
});
