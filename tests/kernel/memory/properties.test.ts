/** What must hold in every simulation of memory: the debug build asserts at every event that no page is lost; here it meets any workload. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulationError } from '../../../src/errors.js';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import type { Scenario, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, ideal, MS, sleep } from '../fixtures.js';
import { group, MEMORY, memoryScenario, read, touch, user, write } from './fixtures.js';

/** A machine of 32 MiB, so that anything fills it. */
const SMALL = { ...MEMORY, zones: { dma: 3840, dma32: 4352, normal: 0 }, minFreeKb: null, kernelPages: 500 };

const DISK = { pages: 20_000, latencyNs: 50_000, depth: 4 };
const ZRAM = { pages: 20_000, latencyNs: 0, depth: 1, zram: { ratio: 2.5, compressNs: 2000, decompressNs: 1000 } };

const anyTask: fc.Arbitrary<Omit<TaskSpec, 'name'>> = fc
  .record({
    pages: fc.integer({ min: 1, max: 6000 }),
    file: fc.constantFrom('no' as const, 'read' as const, 'write' as const),
    pattern: fc.constantFrom('sequential' as const, 'uniform' as const, 'hot' as const),
    chunk: fc.integer({ min: 1, max: 16 }),
    frees: fc.boolean(),
    cgroup: fc.constantFrom(null, 'a', 'b'),
    adj: fc.constantFrom(0, 500, -500),
  })
  .map(({ pages, file, pattern, chunk, frees, cgroup, adj }) => {
    const fill = touch(pages);
    const again = touch(pages, { pattern, times: 200 });
    const isFile = file !== 'no';
    const access = file === 'write' ? write(pages + chunk, 50, { pattern, chunk }) : read(pages + chunk, 50, { chunk });
    const work = isFile ? [access] : [again];
    const free = frees && !isFile ? [touch(pages, { access: 'free' }), fill] : [];
    const program = [...(isFile ? [] : [fill]), ...forever(...work, ...free, sleep(MS))];
    return { ...user('', pages, program), cgroup, memory: { areas: [{ name: 'heap', pages }], oomScoreAdj: adj } };
  });

const anyMemory: fc.Arbitrary<Scenario> = fc
  .record({
    tasks: fc.array(anyTask, { minLength: 1, maxLength: 5 }),
    swap: fc.constantFrom(null, DISK, ZRAM),
    high: fc.option(fc.integer({ min: 100, max: 4000 })),
    max: fc.option(fc.integer({ min: 4000, max: 8000 })),
    low: fc.integer({ min: 0, max: 3000 }),
    normal: fc.constantFrom(0, 2000),
    cpus: fc.constantFrom(1, 1, 3),
  })
  .map(({ tasks, swap, high, max, low, normal, cpus }) =>
    memoryScenario(
      tasks.map((task, i) => ({ ...task, name: `t${i}` })),
      {
        cgroups: [group('a', { highPages: high, maxPages: max }), group('b', { lowPages: low })],
        memory: {
          ...SMALL,
          zones: { ...SMALL.zones, normal },
          swap,
        },
        machine: ideal(cpus),
        durationNs: 150 * MS,
      },
    ),
  );

const RUNS = { numRuns: 30, seed: 20261126 };

describe('every simulation of memory', () => {
  it('loses no page at any event, and is the same in both builds', () => {
    fc.assert(
      fc.property(anyMemory, fc.nat(), (world, seed) => {
        const debug = simulate(world, seed, { build: 'debug' });
        const levels: Record<string, number> = debug.memory?.levels ?? {};
        const zones = debug.memory?.zones ?? [];
        const lists = ['inactiveAnon', 'activeAnon', 'inactiveFile', 'activeFile', 'free', 'pcp', 'kernel'];
        const sum = lists.reduce((total, name) => total + (levels[name] ?? 0), 0);
        // At most a page a task is on its way.
        expect((levels.managed ?? 0) - sum).toBeLessThanOrEqual(world.tasks.length);
        expect(sum).toBeLessThanOrEqual(levels.managed ?? 0);
        for (const zone of zones) expect(zone.free).toBeLessThanOrEqual(zone.managed ?? 0);
        expect(JSON.stringify(simulate(world, seed)) === JSON.stringify(debug)).toBe(true);
      }),
      RUNS,
    );
  });

  it('gives no page to an ordinary request below the min mark, whoever asks', () => {
    fc.assert(
      fc.property(anyMemory, fc.nat(), (world, seed) => {
        // For compressed pages reclaim takes the last ones.
        fc.pre(world.memory?.swap?.zram === undefined);
        const simulation = Simulation.create(world, seed);
        for (let ns = MS; ns <= world.durationNs; ns += MS) {
          simulation.run(ns);
          const { zones, vmstat } = simulation.memory();
          // A victim of the OOM killer may go below; a refill takes a batch at a time.
          if ((vmstat.oom_kill ?? 0) > 0) return;
          for (const { free, min, pcpBatch } of zones) {
            expect(free).toBeGreaterThanOrEqual((min ?? 0) - (pcpBatch ?? 0));
          }
        }
      }),
      RUNS,
    );
  });

  it('charges a group for what its tasks have, and never above its max', () => {
    fc.assert(
      fc.property(anyMemory, fc.nat(), (world, seed) => {
        const groups = simulate(world, seed).memory?.groups ?? {};
        for (const { name, memory } of world.cgroups) {
          const of = groups[name];
          if (memory?.maxPages != null) expect(of?.peak).toBeLessThanOrEqual(memory.maxPages);
          const listed =
            (of?.inactiveAnon ?? 0) + (of?.activeAnon ?? 0) + (of?.inactiveFile ?? 0) + (of?.activeFile ?? 0);
          expect(of?.usage).toBeGreaterThanOrEqual(listed);
        }
      }),
      RUNS,
    );
  });

  it('names the task that waits for a page when nothing can be freed and nobody may be killed', () => {
    const world = memoryScenario([
      user('hog', 200_000, [touch(200_000)], {
        memory: { areas: [{ name: 'heap', pages: 200_000 }], oomScoreAdj: -1000 },
      }),
    ]);
    const message = 'test: task hog waits for a page: no memory is left, none can be freed, and no task may be killed';
    expect(() => simulate(world, 1)).toThrow(new SimulationError(message));
  });
});

describe('a machine of 1 TiB', () => {
  it('fits into 64 MiB, and still counts single pages', () => {
    const pages = 2 ** 28;
    const world = memoryScenario(
      [user('a', pages, [touch(pages, { times: 100_000 }), touch(pages, { access: 'free' })])],
      { memory: { ...MEMORY, zones: { dma: 3840, dma32: 782_336, normal: 263_000_000 }, kernelPages: 1_000_000 } },
    );
    const simulation = Simulation.create(world, 1);
    simulation.run(world.durationNs);
    expect(simulation.memoryBytes).toBeLessThanOrEqual(64 * 2 ** 20);
    const { vmstat, levels } = simulation.memory();
    expect(vmstat.pgfault).toBe(100_000);
    expect(levels.inactiveAnon).toBe(0);
    expect((levels.free ?? 0) + (levels.pcp ?? 0) + (levels.kernel ?? 0)).toBe(levels.managed);
  });
});
