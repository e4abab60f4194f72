/** Swap in compressed memory: it takes time of whoever reclaims or touches, and pages of the machine, but nobody waits for it. */
import { describe, expect, it } from 'vitest';
import { VMPRESSURE } from '../../../src/kernel/memory.js';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import type { MemoryResult } from '../../../src/results/result.js';
import type { MemorySpec } from '../../../src/scenario/scenario.js';
import { forever, MS, memoryCosts, sleep } from '../fixtures.js';
import { group, MEMORY, memoryScenario, touch, user } from './fixtures.js';

const ZRAM = { ratio: 4, compressNs: 5000, decompressNs: 3000 };
const SWAP = { pages: 60_000, latencyNs: 0, depth: 1, zram: ZRAM };
const LIMIT = 4000;
const PAGES = 6000;

/** A group of 4000 pages whose task has 6000: it touches all, then any. */
const world = (swap: MemorySpec['swap'] = SWAP) =>
  memoryScenario(
    [
      {
        ...user('a', PAGES, [touch(PAGES), ...forever(sleep(MS), touch(PAGES, { pattern: 'uniform', times: 10 }))]),
        cgroup: 'g',
      },
    ],
    { cgroups: [group('g', { maxPages: LIMIT })], memory: { ...MEMORY, swap }, durationNs: 500 * MS },
  );

const sumOf = ({ levels }: MemoryResult): number =>
  ['inactiveAnon', 'activeAnon', 'inactiveFile', 'activeFile', 'free', 'pcp', 'kernel'].reduce(
    (sum, name) => sum + (levels[name] ?? 0),
    0,
  );

describe('a task with more than its group may have, and compressed swap', () => {
  it('pays for a page that comes back with its own time, and never sleeps for it', () => {
    const { memory, recorders, tasks } = simulate(world(), 1);
    const swappedIn = memory?.vmstat.pswpin ?? 0;
    expect(swappedIn).toBeGreaterThan(1000);
    expect(memory?.vmstat.pgmajfault).toBe(swappedIn);
    // All that a task does which never waits is work, its own or that of the kworker which comes in between.
    const latencyNs = recorders.reduce((sum, { latency }) => sum + latency.sumNs, 0);
    const spentNs = tasks[0]?.cpuNs ?? 0;
    const kworkerNs = tasks.find(({ name }) => name === VMPRESSURE)?.cpuNs ?? 0;
    expect(spentNs + kworkerNs).toBe(latencyNs);
    const { faultNs, chargeNs, pageoutNs } = memoryCosts;
    const inNs = faultNs + ZRAM.decompressNs + chargeNs;
    const outNs = pageoutNs + ZRAM.compressNs;
    expect(spentNs).toBeGreaterThan(swappedIn * inNs + (memory?.vmstat.pswpout ?? 0) * outNs);
    // Of a disk it waits for each.
    const disk = simulate(world({ pages: 60_000, latencyNs: 100_000, depth: 64 }), 1);
    const latencies = disk.recorders.reduce((sum, { latency }) => sum + latency.sumNs, 0);
    expect(latencies - (disk.tasks[0]?.cpuNs ?? 0)).toBeGreaterThanOrEqual((disk.memory?.vmstat.pswpin ?? 0) * 100_000);
  });

  it('keeps what is swapped out in pages of the machine, a quarter as many', () => {
    const simulation = Simulation.create(world(), 1);
    for (let ns = 10 * MS; ns <= 500 * MS; ns += 10 * MS) {
      simulation.run(ns);
      const memory = simulation.memory();
      const { swapped = 0, compressed = 0, managed = 0 } = memory.levels;
      expect(compressed).toBe(Math.ceil(swapped / ZRAM.ratio));
      expect(sumOf(memory)).toBeLessThanOrEqual(managed);
      expect(managed - sumOf(memory)).toBeLessThanOrEqual(1);
    }
    const { levels, vmstat } = simulation.memory();
    // What the group may not have, and nothing twice: a page that came back has left the pool.
    expect(levels.swapped).toBeGreaterThan(PAGES - LIMIT);
    expect(levels.swapped).toBe((vmstat.pswpout ?? 0) - (vmstat.pswpin ?? 0));
  });

  it('gives the pool back with what it holds', () => {
    const program = [touch(PAGES), touch(PAGES, { access: 'free', recorder: null })];
    const { memory } = simulate({ ...world(), tasks: [{ ...user('a', PAGES, program), cgroup: 'g' }] }, 1);
    expect(memory?.vmstat.pswpout).toBeGreaterThan(1000);
    expect([memory?.levels.swapped, memory?.levels.compressed]).toEqual([0, 0]);
    expect(memory?.levels.kernel).toBe(MEMORY.kernelPages);
  });

  it('fills the whole machine without a page more than it has', () => {
    // Pages that do not compress: swap of twice the memory is of no use, and somebody is killed.
    const hog = user('hog', 200_000, [touch(200_000)]);
    const swap = { ...SWAP, pages: 200_000, zram: { ...ZRAM, ratio: 1 } };
    const { memory } = simulate(memoryScenario([hog], { memory: { ...MEMORY, swap }, durationNs: 3000 * MS }), 1);
    expect(memory?.vmstat.oom_kill).toBe(1);
    expect(sumOf(memory as MemoryResult)).toBe(memory?.levels.managed);
  });
});
