/** Everything at once: reads, writes, swap, blocks, huge pages, limits and kills on several CPUs. The debug build asserts at every event that all adds up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulationError } from '../../../src/errors.js';
import { simulate } from '../../../src/kernel/simulation.js';
import type { Gfp, MemorySpec, Scenario, Step, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, ideal, MS, real, run, sched, sleep, task } from '../fixtures.js';
import { group, MEMORY, memoryScenario, read, touch, user, write } from './fixtures.js';

const PAGES = 3000;
const GFPS: Gfp[] = ['kernel', 'high', 'noretry', 'nowait', 'atomic', 'memalloc'];
const pattern = fc.constantFrom('sequential' as const, 'uniform' as const, 'hot' as const);
const part = { first: fc.integer({ min: 0, max: PAGES - 10 }), pages: fc.integer({ min: 10, max: PAGES }) };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      order: fc.integer({ min: 0, max: 10 }),
      gfp: fc.constantFrom(...GFPS),
      times: fc.integer({ min: 1, max: 40 }),
    })
    .map((of) => ({ op: 'alloc' as const, recorder: 'alloc', ...of })),
  fc.constant<Step>({ op: 'release' }),
  fc
    .record({ ...part, pattern, times: fc.integer({ min: 1, max: 4000 }) })
    .map(({ first, pages, ...of }) => touch(Math.min(pages, PAGES - first), { first, ...of })),
  fc
    .record(part)
    .map(({ first, pages }) => touch(Math.min(pages, PAGES - first), { access: 'free', first, recorder: null })),
  fc
    .record({
      pages: fc.integer({ min: 64, max: 9000 }),
      times: fc.integer({ min: 1, max: 400 }),
      chunk: fc.integer({ min: 1, max: 32 }),
      pattern,
      access: fc.constantFrom(read, write),
    })
    .map(({ pages, times, access, ...of }) => access(pages, times, of)),
  fc.integer({ min: 1, max: 20_000 }).map((us) => sleep(us * 1000)),
  fc.integer({ min: 1, max: 2000 }).map((us) => run(us * 1000)),
);

const anyTask = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 8 }),
  repeats: fc.boolean(),
  cgroup: fc.constantFrom(null, 'a', 'b', 'c'),
  oomScoreAdj: fc.constantFrom(0, 500, -1000),
  startNs: fc.integer({ min: 0, max: 20 }).map((ms) => ms * MS),
  sched: fc.constantFrom(sched('fair'), sched('fair'), sched('fifo', 10)),
});

const zram = { compressNs: 2000, decompressNs: 1000 };
const anySwap: fc.Arbitrary<MemorySpec['swap']> = fc.oneof(
  fc.constant(null),
  fc.record({
    pages: fc.constantFrom(100, 3000, 20_000),
    latencyNs: fc.constantFrom(1000, 50_000, 5 * MS),
    depth: fc.constantFrom(1, 64),
  }),
  fc
    .record({ pages: fc.constantFrom(100, 3000, 20_000), ratio: fc.constantFrom(1, 2.5, 100) })
    .map(({ pages, ratio }) => ({ pages, latencyNs: 0, depth: 1, zram: { ratio, ...zram } })),
);

/** `folio`: how many pages one stands for. Of a large machine the kernel has nearly all. */
const anyWorld = (folio: number): fc.Arbitrary<Scenario> =>
  fc
    .record({
      tasks: fc.array(anyTask, { minLength: 1, maxLength: 5 }),
      swap: anySwap,
      hugePages: fc.constantFrom('never' as const, 'madvise' as const, 'always' as const),
      high: fc.option(fc.integer({ min: 50, max: 3000 })),
      max: fc.option(fc.integer({ min: 200, max: 4000 })),
      low: fc.integer({ min: 0, max: 3000 }),
      oomGroup: fc.boolean(),
      cpus: fc.constantFrom(1, 2, 3),
      psi: fc.boolean(),
      machine: fc.constantFrom(ideal, real),
      dirtyRatio: fc.constantFrom(20, 1, 0),
      latencyNs: fc.constantFrom(1000, 100_000, 3 * MS),
      depth: fc.constantFrom(1, 2, 64),
      maxRequestPages: fc.constantFrom(1, 320),
    })
    .map(({ tasks, high, max, low, oomGroup, cpus, machine, psi, latencyNs, depth, maxRequestPages, ...memory }) => {
      const more = folio === 1 ? 0 : folio * 2 ** 19 - 12_000;
      const declared = tasks.map(({ steps, repeats, oomScoreAdj, ...of }, i): TaskSpec => {
        const areas = [{ name: 'heap', pages: PAGES }];
        const program = repeats ? forever(...steps, sleep(MS)) : steps;
        return { ...user(`t${i}`, PAGES, program, of), memory: { areas, oomScoreAdj } };
      });
      return memoryScenario(declared, {
        cgroups: [
          group('a', { highPages: high, maxPages: max, oomGroup }),
          group('b', { lowPages: low }),
          group('c', { maxPages: max }, 'a'),
        ],
        memory: {
          ...MEMORY,
          ...memory,
          zones: { dma: 3840, dma32: 6000, normal: 2000 + more },
          minFreeKb: 400,
          kernelPages: 500 + more,
          dirtyExpireNs: 10 * MS,
          dirtyWritebackNs: 20 * MS,
          devices: [{ name: 'disk', latencyNs, depth, maxRequestPages }],
          files: [{ name: 'data', pages: 9000, device: 'disk' }],
        },
        machine: machine(cpus),
        durationNs: 100 * MS,
        ...(psi ? { psi } : {}),
      });
    });

describe('every simulation of memory in which anything happens', () => {
  it.each([1, 2, 8])('adds up at every event, with folios of %d pages', (folio) => {
    fc.assert(
      fc.property(anyWorld(folio), fc.nat(), (world, seed) => {
        try {
          simulate(world, seed, { build: 'debug' });
        } catch (error) {
          // It may come to nothing: then it says so.
          if (!(error instanceof SimulationError) || !error.message.endsWith('no task may be killed')) throw error;
        }
      }),
      { numRuns: 40, seed: 20261126 },
    );
  });
});

describe('a task', () => {
  it('gives back all of its area, whatever it has read before', () => {
    const world = memoryScenario([
      user('a', 1000, [read(5000, 300, { chunk: 16 }), touch(1000), touch(1000, { access: 'free' }), sleep(5000 * MS)]),
    ]);
    expect(simulate(world, 1).memory?.levels.inactiveAnon).toBe(0);
  });

  it('gives back all that it has when it exits in the middle of a file', () => {
    const world = memoryScenario([user('a', 1000, [touch(1000), read(5000, 100, { chunk: 16 }), { op: 'exit' }])]);
    expect(simulate(world, 1).memory?.levels.inactiveAnon).toBe(0);
  });

  it('that has an area and never uses it exits', () => {
    const world = memoryScenario([user('a', 1000, [run(MS)]), task('b', [sleep(MS)])], { machine: real(1) });
    expect(() => simulate(world, 1, { build: 'debug' })).not.toThrow();
  });
});
