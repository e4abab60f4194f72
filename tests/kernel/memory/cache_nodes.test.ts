/** The page cache's own memory (lib/xarray.c, and the shadow nodes of mm/workingset.c). */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../src/kernel/simulation.js';
import { MS } from '../fixtures.js';
import { MEMORY, memoryScenario, read, user } from './fixtures.js';

/** Kernel's pages before anything is read, of a machine of 93 MiB. */
const KERNEL_PAGES = 2000;
const MANAGED = 23_840;

/** How many more pages are the kernel's after so many of a file have been read, one after another. */
function nodePages(pages: number): number {
  const world = memoryScenario([user('reader', 1, [read(pages, pages / 16, { chunk: 16 }), { op: 'suspend' }])], {
    memory: {
      ...MEMORY,
      zones: { dma: 3840, dma32: MANAGED - 3840, normal: 0 },
      minFreeKb: null,
      kernelPages: KERNEL_PAGES,
    },
    durationNs: 10_000 * MS,
  });
  const debug = simulate(world, 1, { build: 'debug' });
  expect(JSON.stringify(simulate(world, 1)) === JSON.stringify(debug)).toBe(true);
  expect(debug.recorders[0]?.latency.count).toBe(pages / 16);
  return (debug.memory?.levels.kernel ?? 0) - KERNEL_PAGES;
}

const slabsOf = (nodes: number): number => 4 * Math.ceil(nodes / 28);

describe('nodes of a file', () => {
  it('are one for 64 pages, and stay when these are evicted', () => {
    expect(nodePages(6400)).toBe(slabsOf(100));
    expect(nodePages(64_000)).toBe(slabsOf(1000));
  });

  it('go when more of them than an eighth of all pages hold only shadows', () => {
    const shadows = MANAGED / 8;
    const pages = nodePages(384_000);
    expect(pages).toBeGreaterThanOrEqual(slabsOf(shadows));
    // Those of cached pages, the excess that is left alone, and slabs in reserve.
    expect(pages).toBeLessThan(slabsOf(shadows + 256 + MANAGED / 64) + 4 * 7);
    expect(pages).toBeLessThan(slabsOf(384_000 / 64));
  });
});
