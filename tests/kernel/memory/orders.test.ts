/** Blocks of free pages: they split, merge and conserve pages; a zone in pieces has none, and compaction mends it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import type { MemoryResult } from '../../../src/results/result.js';
import type { MemorySpec, Scenario, Step, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, ideal, MS, sleep } from '../fixtures.js';
import { MEMORY, memoryScenario, read, touch, user } from './fixtures.js';

const ORDERS = Array.from({ length: 11 }, (_, order) => order);

/** One zone that matters: what is below it is kept for others. */
const ONE_ZONE: MemorySpec = {
  ...MEMORY,
  zones: { dma: 64, dma32: 30_000, normal: 0 },
  minFreeKb: 800,
  kernelPages: 1000,
};

type Alloc = Extract<Step, { op: 'alloc' }>;

const alloc = (order: number, more: Partial<Alloc> = {}): Alloc => ({
  op: 'alloc',
  order,
  gfp: 'kernel',
  times: 1,
  recorder: 'alloc',
  ...more,
});
const release: Step = { op: 'release' };

/** Free blocks of each order in the highest zone, and the pages that they are. */
function blocksOf({ zones }: MemoryResult): number[] {
  const zone = zones.at(-1);
  const blocks = ORDERS.map((order) => zone?.[`order${order}`] ?? 0);
  expect(blocks.reduce((sum, n, order) => sum + n * 2 ** order, 0)).toBe(zone?.free);
  return blocks;
}

const largest = (memory: MemoryResult): number => blocksOf(memory).findLastIndex((n) => n > 0);

/** A task with two areas that it touches a page of each at a time, and then gives one back: of what was free, every second page is. */
const PAGES = 8000;
function fragmenter(then: Step[], more: Partial<TaskSpec> = {}): TaskSpec {
  const of = (area: string) => touch(PAGES, { area, times: 1, recorder: null });
  const areas = [
    { name: 'heap', pages: PAGES },
    { name: 'other', pages: PAGES },
  ];
  const program: Step[] = [
    { op: 'loop', times: PAGES, body: [of('heap'), of('other')] },
    touch(PAGES, { access: 'free', recorder: null }),
    ...then,
  ];
  return { ...user('a', PAGES, program), memory: { areas, oomScoreAdj: 0 }, ...more };
}

const inPieces = (then: Step[], more: Partial<Scenario> = {}, memory: Partial<MemorySpec> = {}) =>
  memoryScenario([fragmenter(then)], { memory: { ...ONE_ZONE, kernelPages: 13_000, ...memory }, ...more });

describe('blocks', () => {
  it('come from the smallest that is large enough, and merge again when they come back', () => {
    const sizes = ORDERS.flatMap((order) => [alloc(order, { times: 3 })]);
    const program: Step[] = [sleep(MS), ...sizes, sleep(MS), release, sleep(MS)];
    const simulation = Simulation.create(memoryScenario([user('a', 1, program)], { memory: ONE_ZONE }), 1);
    simulation.run(MS / 2);
    const before = blocksOf(simulation.memory());
    simulation.run(1.5 * MS);
    const during = simulation.memory();
    expect(during.vmstat.alloc_failures).toBe(0);
    expect(during.levels.kernel).toBe(ONE_ZONE.kernelPages + 3 * (2 ** 11 - 1));
    blocksOf(during);
    simulation.run(4 * MS);
    const after = simulation.memory();
    expect(after.levels.kernel).toBe(ONE_ZONE.kernelPages);
    // All but what waits on the CPU's list, and what that keeps from merging.
    const pages = (blocks: number[], from: number) =>
      blocks.slice(from).reduce((sum, n, i) => sum + n * 2 ** (from + i), 0);
    expect(pages(after && blocksOf(after), 9)).toBeGreaterThanOrEqual(pages(before, 9) - 1536);
  });

  it('of pages that were read one after another come back whole', () => {
    // The readers of a file larger than memory: what is freed first was read first.
    const reader = user('reader', 1, [read(60_000, 6000, { chunk: 16, times: 3750 }), alloc(9, { gfp: 'atomic' })]);
    const world = memoryScenario([reader], {
      memory: { ...ONE_ZONE, files: [{ name: 'data', pages: 60_000, device: 'disk' }] },
    });
    const { memory } = simulate(world, 1);
    expect(memory?.vmstat.pgsteal_file).toBeGreaterThan(20_000);
    expect(memory?.zones.at(-1)?.order9).toBeGreaterThan(0);
  });
});

describe('a zone in pieces', () => {
  it('has single pages but no block, until kcompactd has made one', () => {
    const ask = (order: number, times: number) => alloc(order, { gfp: 'atomic', times });
    const world = inPieces(
      [sleep(MS), ask(0, 100), ask(3, 400), sleep(50 * MS), ask(3, 1), sleep(50 * MS), ask(3, 1), { op: 'suspend' }],
      {
        durationNs: 200 * MS,
      },
    );
    const simulation = Simulation.create(world, 1);
    let ns = 0;
    while (simulation.memory().vmstat.alloc_failures === 0) {
      ns += MS / 10;
      simulation.run(ns);
    }
    // The blocks that there were went first; then thousands of single pages are of no use.
    const inVain = simulation.memory();
    expect(inVain.zones.at(-1)?.free).toBeGreaterThan(5000);
    expect(largest(inVain)).toBeLessThanOrEqual(3);
    // Whoever failed last has had kcompactd woken: the next one finds a block.
    simulation.run(ns + 45 * MS);
    const before = simulation.memory();
    simulation.run(ns + 75 * MS);
    const { memory, tasks } = simulation.result();
    expect(memory?.vmstat.alloc_failures).toBe(before.vmstat.alloc_failures);
    expect(memory?.levels.kernel).toBe((before.levels.kernel ?? 0) + 8);
    expect(memory?.vmstat.compact_daemon_wake).toBeGreaterThan(0);
    expect(memory?.vmstat.pgmigrate_success).toBeGreaterThan(0);
    expect(tasks.find(({ name }) => name === 'kcompactd0')?.cpuNs).toBeGreaterThan(0);
  });

  it('is compacted by whoever needs a block and may sleep', () => {
    const { memory } = simulate(inPieces([sleep(MS), alloc(4, { times: 100 }), { op: 'suspend' }]), 1);
    expect(memory?.vmstat.alloc_failures).toBe(0);
    const made = memory?.vmstat.compact_success ?? 0;
    expect(made).toBeGreaterThan(30);
    // About half of what a block takes is in use, and is moved.
    expect((memory?.vmstat.pgmigrate_success ?? 0) / made).toBeGreaterThan(4);
    expect(memory?.levels.kernel).toBe(13_000 + 100 * 16 + 34);
  });
});

describe('a machine that is full', () => {
  const hog = (order: number): TaskSpec[] => [
    user('hog', 29_000, [touch(28_300), { op: 'suspend' }]),
    {
      ...user('asks', 1, [sleep(200 * MS), alloc(order, { times: 640 / 2 ** order })]),
      memory: { areas: [], oomScoreAdj: -1000 },
    },
  ];
  const full = (order: number) => simulate(memoryScenario(hog(order), { memory: ONE_ZONE }), 1).memory?.vmstat;

  it('kills for a block of order 3, and gives up for a costly one', () => {
    const cheap = full(3);
    expect([cheap?.oom_kill, cheap?.alloc_failures]).toEqual([1, 0]);
    const costly = full(4);
    expect(costly?.oom_kill).toBe(0);
    expect(costly?.alloc_failures).toBeGreaterThan(0);
    expect(costly?.allocstall).toBeGreaterThan(0);
  });
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      order: fc.integer({ min: 0, max: 10 }),
      gfp: fc.constantFrom('kernel' as const, 'noretry' as const, 'atomic' as const),
      times: fc.integer({ min: 1, max: 4 }),
    })
    .map((more) => alloc(more.order, more)),
  fc.constant(release),
  fc.constantFrom('sequential' as const, 'uniform' as const).map((pattern) => touch(3000, { pattern, times: 700 })),
  fc
    .record({ first: fc.integer({ min: 0, max: 2999 }), pages: fc.integer({ min: 1, max: 3000 }) })
    .map(({ first, pages }) => touch(Math.min(pages, 3000 - first), { access: 'free', first, recorder: null })),
  fc.constant(read(3000, 20, { chunk: 16 })),
  fc.constant(read(3000, 20, { access: 'write', chunk: 16 })),
  fc.constant(sleep(MS)),
);

describe('every simulation with blocks and huge pages', () => {
  it('has as many pages in blocks as are free, at every event, and is the same in both builds', () => {
    const swaps = [null, { pages: 9000, latencyNs: 50_000, depth: 4 }];
    fc.assert(
      fc.property(
        fc.array(fc.array(anyStep, { minLength: 3, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...swaps),
        fc.constantFrom('madvise' as const, 'always' as const),
        fc.constantFrom(1, 3),
        (programs, swap, hugePages, cpus) => {
          const tasks = programs.map((program, i) =>
            user(`t${i}`, 3000, [sleep(MS), ...forever(...program, sleep(MS))]),
          );
          const memory = {
            ...MEMORY,
            zones: { dma: 2000, dma32: 6000, normal: 0 },
            minFreeKb: null,
            kernelPages: 500,
            swap,
            hugePages,
          };
          const world = memoryScenario([...tasks, user('asks', 1, [alloc(0)])], {
            memory,
            machine: ideal(cpus),
            durationNs: 60 * MS,
          });
          const debug = simulate(world, 1, { build: 'debug' });
          blocksOf(debug.memory as MemoryResult);
          expect(JSON.stringify(simulate(world, 1)) === JSON.stringify(debug)).toBe(true);
        },
      ),
      { numRuns: 40, seed: 20261126 },
    );
  });
});
