/** Machines above 2 GiB, whose folios are of several pages: no slot of swap and no folio is lost or there twice, as the debug build asserts. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../src/kernel/simulation.js';
import { forever, MS, sleep } from '../fixtures.js';
import { group, MEMORY, memoryScenario, touch, user } from './fixtures.js';

/** 4 GiB: folios of four pages. */
const LARGE = { ...MEMORY, zones: { dma: 3840, dma32: 700_000, normal: 400_000 } };

describe('folios of several pages', () => {
  const zram = { ratio: 4, compressNs: 5000, decompressNs: 3000 };
  for (const swap of [
    { pages: 20_001, latencyNs: 100_000, depth: 64 },
    { pages: 3001, latencyNs: 100_000, depth: 64 },
    { pages: 20_001, latencyNs: 0, depth: 1, zram },
  ]) {
    it(`come back from swap, and leave nothing there (${swap.pages} pages, ${swap.depth})`, () => {
      const pages = 6000;
      const any = touch(pages, { pattern: 'uniform', times: 3000 });
      const world = memoryScenario(
        [
          {
            ...user('a', pages, [
              touch(pages),
              any,
              touch(pages, { access: 'free', recorder: null }),
              touch(pages),
              any,
              { op: 'exit' },
            ]),
            cgroup: 'g',
          },
          user('b', 1, forever(sleep(MS))),
        ],
        { cgroups: [group('g', { maxPages: 4000 })], memory: { ...LARGE, swap }, durationNs: 6000 * MS },
      );
      const debug = simulate(world, 1, { build: 'debug' });
      expect(debug.memory?.vmstat.pswpin).toBeGreaterThan(500);
      expect(debug.memory?.levels.swapped).toBe(0);
      expect(debug.memory?.levels.compressed).toBe(0);
      expect(JSON.stringify(simulate(world, 1)) === JSON.stringify(debug)).toBe(true);
    });
  }

  it('are as many as there are places with a page, however few pages each has', () => {
    const pages = 1_600_000;
    const sparse = touch(pages, { pattern: 'uniform', times: 500_000, recorder: null });
    const world = memoryScenario([user('a', pages, [sparse, { op: 'suspend' }])], {
      memory: LARGE,
      durationNs: 3000 * MS,
    });
    const debug = simulate(world, 1, { build: 'debug' });
    // More than the machine has whole folios.
    expect(debug.memory?.levels.inactiveAnon).toBeGreaterThan(1_103_840 / 4);
  });
});
