/** Transparent huge pages: the first touch of 2 MiB brings all of it, if a block is at hand and nobody has to be waited for. */
import { describe, expect, it } from 'vitest';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import type { MemoryResult } from '../../../src/results/result.js';
import type { CgroupSpec, MemorySpec, Step } from '../../../src/scenario/scenario.js';
import { MS, memoryCosts, sleep } from '../fixtures.js';
import { group, MEMORY, memoryScenario, touch, user } from './fixtures.js';

const HUGE: MemorySpec = { ...MEMORY, hugePages: 'always' };
const NR = 512;

function run(
  pages: number,
  program: Step[],
  memory: Partial<MemorySpec> = {},
  cgroups: CgroupSpec[] = [],
): MemoryResult {
  const task = { ...user('a', pages, [...program, { op: 'suspend' }]), cgroup: cgroups[0]?.name ?? null };
  return simulate(memoryScenario([task], { memory: { ...HUGE, ...memory }, cgroups }), 1).memory as MemoryResult;
}

const sumOf = ({ levels }: MemoryResult): number =>
  ['inactiveAnon', 'activeAnon', 'inactiveFile', 'activeFile', 'free', 'pcp', 'kernel'].reduce(
    (sum, name) => sum + (levels[name] ?? 0),
    0,
  );

describe('an area that is touched for the first time', () => {
  it('takes one fault for 2 MiB, and a page table each', () => {
    const { vmstat, levels } = run(8 * NR, [touch(8 * NR)]);
    expect([vmstat.pgfault, vmstat.thp_fault_alloc, vmstat.thp_fault_fallback]).toEqual([8, 8, 0]);
    expect(levels.inactiveAnon).toBe(8 * NR);
    // With the directory of tables.
    expect(levels.kernel).toBe(MEMORY.kernelPages + 8 + 1);
  });

  it('takes as long as clearing it; the pages behind the first are there', () => {
    const world = memoryScenario([user('a', NR, [touch(NR)])], { memory: HUGE });
    const { minNs = 0, maxNs = 0, count } = simulate(world, 1).recorders[0]?.latency ?? {};
    expect(count).toBe(NR);
    expect(minNs).toBe(memoryCosts.hitNs);
    expect(maxNs).toBeGreaterThanOrEqual(memoryCosts.hugeFaultNs);
  });

  it('gets single pages where 2 MiB do not fit', () => {
    const { vmstat } = run(2 * NR + 100, [touch(2 * NR + 100)]);
    expect([vmstat.thp_fault_alloc, vmstat.pgfault]).toEqual([2, 2 + 100]);
    const never = run(2 * NR, [touch(2 * NR)], { hugePages: 'madvise' });
    expect([never.vmstat.thp_fault_alloc, never.vmstat.pgfault]).toEqual([0, 2 * NR]);
  });

  it('gets single pages when there is no block above the mark, and nobody reclaims for one', () => {
    const program = [touch(110_000)];
    const { vmstat } = run(110_000, program, { kernelPages: 11_000, minFreeKb: 8000 });
    expect(vmstat.thp_fault_fallback).toBeGreaterThan(0);
    expect((vmstat.thp_fault_alloc ?? 0) + (vmstat.thp_fault_fallback ?? 0)).toBeLessThanOrEqual(
      Math.floor(110_000 / NR),
    );
    // As long as huge pages are to be had, kswapd sleeps.
    const short = run(100_000, [touch(100_000)], { kernelPages: 11_000, minFreeKb: 8000 });
    expect([short.vmstat.allocstall, short.vmstat.compact_stall]).toEqual([0, 0]);
  });

  it('gets single pages where its group may not have as many at once', () => {
    const { vmstat, groups } = run(4 * NR, [touch(4 * NR, { times: 3 * NR + 10 })], {}, [
      group('g', { maxPages: 3 * NR }),
    ]);
    expect(vmstat.thp_fault_fallback_charge).toBeGreaterThan(0);
    expect(groups.g?.peak).toBeLessThanOrEqual(3 * NR);
  });
});

describe('a huge page', () => {
  it('goes back whole with its page table, and another may come', () => {
    const free = touch(4 * NR, { access: 'free', recorder: null });
    const { vmstat, levels, zones } = run(4 * NR, [touch(4 * NR), free, touch(4 * NR), free]);
    expect([vmstat.thp_fault_alloc, vmstat.thp_split_page]).toEqual([8, 0]);
    expect(levels.inactiveAnon).toBe(0);
    expect(levels.kernel).toBe(MEMORY.kernelPages + 1);
    expect((levels.free ?? 0) + (levels.pcp ?? 0) + (levels.kernel ?? 0)).toBe(levels.managed);
    expect(zones.at(-1)?.order9).toBeGreaterThan(0);
  });

  it('is split where part of it is given back', () => {
    const part = touch(100, { access: 'free', first: 300, times: 1, recorder: null });
    const { vmstat, levels } = run(2 * NR, [touch(2 * NR), part]);
    expect(vmstat.thp_split_page).toBe(1);
    expect(levels.inactiveAnon).toBe(2 * NR - 100);
  });

  it('is split to be swapped out', () => {
    const swap = { pages: 20_000, latencyNs: 50_000, depth: 4 };
    const program = [touch(8 * NR), sleep(MS), touch(8 * NR)];
    const memory = run(8 * NR, program, { swap }, [group('g', { maxPages: 8 * NR, highPages: 6 * NR })]);
    expect(memory.vmstat.thp_split_page).toBeGreaterThan(0);
    expect(memory.vmstat.pswpout).toBeGreaterThan(0);
    expect(sumOf(memory)).toBe(memory.levels.managed);
  });
});

describe('on a machine of 1 TiB, where a folio is as large as a huge page', () => {
  it('huge pages are counted one by one', () => {
    const pages = 2 ** 27;
    const zones = { dma: 3840, dma32: 782_336, normal: 263_000_000 };
    const step = touch(pages, { times: 1000 * NR });
    const world = memoryScenario([user('a', pages, [step, touch(pages, { access: 'free' })])], {
      memory: { ...HUGE, zones, kernelPages: 1_000_000 },
    });
    const simulation = Simulation.create(world, 1);
    simulation.run(world.durationNs);
    expect(simulation.memoryBytes).toBeLessThanOrEqual(64 * 2 ** 20);
    const memory = simulation.memory();
    expect([memory.vmstat.thp_fault_alloc, memory.vmstat.pgfault]).toEqual([1000, 1000]);
    expect(memory.levels.inactiveAnon).toBe(0);
    expect(sumOf(memory)).toBe(memory.levels.managed);
  });
});
