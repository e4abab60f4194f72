/** Dirty pages: who is throttled, when they are written, and what reclaim does with them (mm/page-writeback.c, fs/fs-writeback.c, mm/vmscan.c). */
import { describe, expect, it } from 'vitest';
import { flusherOf } from '../../../src/kernel/memory.js';
import { Simulation, simulate } from '../../../src/kernel/simulation.js';
import { quantileNs } from '../../../src/results/histogram.js';
import type { MemoryResult, Result } from '../../../src/results/result.js';
import type { MemorySpec, Scenario, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, MS, sleep } from '../fixtures.js';
import { group, MEMORY, memoryScenario, touch, user, write } from './fixtures.js';

/** 128 KiB every 2 ms, one at a time: 16000 pages a second at most. */
const DISK = { name: 'disk', latencyNs: 2 * MS, depth: 1, maxRequestPages: 32 };
const DISK_PAGES_S = 16_000;
const SLOW: MemorySpec = { ...MEMORY, devices: [DISK] };
const TICK_NS = 4 * MS;

const writer = (program: TaskSpec['program'], more: Partial<TaskSpec> = {}) => user('writer', 1, program, more);
const fullSpeed = (pages: number, chunk = 16) => writer(forever(write(pages, 1000, { chunk })));

function world(tasks: TaskSpec[], memory: MemorySpec, seconds: number, more: Partial<Scenario> = {}): Scenario {
  return memoryScenario(tasks, { memory, durationNs: seconds * 1000 * MS, ...more });
}

/** The memory side at each of these times. */
function at(scenario: Scenario, timesMs: number[]): MemoryResult[] {
  const simulation = Simulation.create(scenario, 1, { build: 'debug' });
  return timesMs.map((ms) => {
    simulation.run(ms * MS);
    return simulation.memory();
  });
}

const count = ({ vmstat }: MemoryResult, name: string): number => vmstat[name] ?? 0;
const level = ({ levels }: MemoryResult, name: string): number => levels[name] ?? 0;
const memoryOf = (result: Result): MemoryResult => {
  if (result.memory === undefined) throw new Error('no memory');
  return result.memory;
};

describe('a writer at full speed to a slow disk', () => {
  const seconds = 8;
  const result = simulate(world([fullSpeed(300_000)], SLOW, seconds), 1);
  const memory = memoryOf(result);

  it('is throttled to what the disk writes', () => {
    const steady = at(world([fullSpeed(300_000)], SLOW, seconds), [2000, 8000]);
    const [before, after] = steady.map((now) => count(now, 'nr_dirtied'));
    const rate = ((after ?? 0) - (before ?? 0)) / 6;
    expect(rate / DISK_PAGES_S).toBeGreaterThan(0.95);
    expect(rate / DISK_PAGES_S).toBeLessThanOrEqual(1.01);
    expect(count(memory, 'nr_written') / (DISK_PAGES_S * seconds)).toBeGreaterThan(0.95);
  });

  it('keeps dirty pages between the point where nobody is throttled and the limit', () => {
    const levels = memory.histograms.dirtyAtBalance;
    if (levels === undefined) throw new Error('no levels');
    const thresh = level(memory, 'dirtyThreshold');
    const freerun = (thresh + level(memory, 'dirtyBackgroundThreshold')) / 2;
    expect(quantileNs(levels, 0.5)).toBeGreaterThan(freerun);
    expect(levels.maxNs).toBeLessThanOrEqual(thresh * 1.02);
    expect(count(memory, 'dirty_pauses')).toBeGreaterThan(100);
  });

  it('sleeps for whole ticks, at most 200 ms and one more for the timer wheel', () => {
    const trace = { fromNs: 0, toNs: 2000 * MS, capacity: 2 ** 16 };
    const { trace: events } = simulate(world([fullSpeed(300_000)], SLOW, 2), 1, { trace });
    const sleeps = events.flatMap((event, i) => {
      if (event.event !== 'blocked' || event.on !== 'dirty') return [];
      const woken = events.slice(i).find((later) => later.event === 'waking' && later.task === 'writer');
      return woken === undefined ? [] : [woken.at - event.at];
    });
    expect(sleeps.length).toBeGreaterThan(50);
    expect(Math.max(...sleeps)).toBeLessThanOrEqual(200 * MS + TICK_NS);
    expect(Math.min(...sleeps)).toBeGreaterThan(TICK_NS);
  });

  it('leaves the disk one request at a time, and a page that waits for the next', () => {
    const times = Array.from({ length: 200 }, (_, i) => 1000 + i * 7.3);
    const levels = at(world([fullSpeed(300_000)], SLOW, 3), times).map((now) => level(now, 'writeback'));
    expect(Math.max(...levels)).toBe(DISK.maxRequestPages + 1);
  });
});

describe('dirty pages', () => {
  it('are neither lost nor written twice: what became dirty is dirty, on its way or written', () => {
    const tasks = [fullSpeed(60_000, 3), { ...fullSpeed(20_000), name: 'other' }];
    const scattered = user('random', 1, forever(write(50_000, 20, { pattern: 'uniform' }), sleep(MS)));
    const times = [1, 10, 100, 333, 1000, 2000, 4000];
    for (const now of at(world([...tasks, scattered], SLOW, 4), times)) {
      const left = level(now, 'dirty') + level(now, 'writeback');
      expect(count(now, 'nr_dirtied')).toBe(left + count(now, 'nr_written'));
    }
  });

  it('go to a device of many tags in parallel, in requests as large as it takes', () => {
    const fast = { ...DISK, depth: 4, maxRequestPages: 16 };
    const times = Array.from({ length: 100 }, (_, i) => 1000 + i * 7.3);
    const levels = at(world([fullSpeed(300_000)], { ...SLOW, devices: [fast] }, 2), times);
    expect(Math.max(...levels.map((now) => level(now, 'writeback')))).toBeGreaterThan(3 * 16);
    expect(Math.max(...levels.map((now) => level(now, 'writeback')))).toBeLessThanOrEqual(4 * 16 + 1);
    // Four requests of 16 pages every 2 ms.
    const last = levels.at(-1);
    expect(last === undefined ? 0 : count(last, 'nr_written') / 1.72).toBeGreaterThan(0.9 * 32_000);
  });
});

describe('a machine on which a folio is many pages', () => {
  const zones = { dma: 3840, dma32: 782_336, normal: 15_000_000 };
  const large = { ...SLOW, zones, kernelPages: 1_000_000, dirtyRatio: 1, dirtyBackgroundRatio: 0 };
  const random = user('random', 1, forever(write(2_000_000, 20, { pattern: 'uniform' }), sleep(MS)));
  const reader = user('reader', 1, forever({ ...write(2_000_000, 20, { chunk: 2 }), access: 'read' }, sleep(MS)));
  const files = [{ name: 'data', pages: 4_000_000, device: 'disk' }];

  it('keeps count of them, and writes as many as its disk can', () => {
    const tasks = [fullSpeed(4_000_000), random, reader];
    for (const now of at(world(tasks, { ...large, files }, 6), [100, 1000, 3000, 6000])) {
      const left = level(now, 'dirty') + level(now, 'writeback');
      expect(count(now, 'nr_dirtied')).toBe(left + count(now, 'nr_written'));
      expect(count(now, 'nr_written')).toBeLessThanOrEqual(DISK_PAGES_S * 6 * 1.01);
    }
    const last = at(world([fullSpeed(4_000_000)], { ...large, files }, 6), [6000]).at(-1);
    expect(last === undefined ? 0 : count(last, 'nr_written') / (DISK_PAGES_S * 6)).toBeGreaterThan(0.9);
  });
});

describe('a writer that leaves few pages dirty', () => {
  // 1000 pages a second on a disk that takes 16000; far below a tenth of memory.
  const paced = writer(forever(write(300_000, 1), sleep(MS)));
  const result = simulate(world([paced], SLOW, 8), 1);

  it('is never throttled', () => {
    expect(count(memoryOf(result), 'nr_dirtied')).toBeGreaterThan(5000);
    expect(count(memoryOf(result), 'dirty_balances')).toBe(0);
    expect(result.recorders[0]?.latency.maxNs).toBeLessThan(MS);
  });
});

describe('the flusher', () => {
  /** A hundred pages are dirty from the beginning, another hundred a second later. */
  const once = writer([write(100, 100), sleep(1000 * MS), write(100, 100, { first: 1000 }), { op: 'suspend' }]);
  const written = (memory: Partial<MemorySpec>, timesMs: number[]) =>
    at(world([once], { ...SLOW, ...memory }, 6), timesMs).map((now) => count(now, 'nr_written'));

  it('writes what has been dirty for dirtyExpire, when it looks, every dirtyWriteback', () => {
    const memory = { dirtyExpireNs: 2000 * MS, dirtyWritebackNs: 500 * MS };
    expect(written(memory, [2950, 3600])).toEqual([100, 200]);
    // It looks too rarely to notice at once.
    expect(written({ ...memory, dirtyWritebackNs: 900 * MS }, [900, 3600, 4600])).toEqual([0, 100, 200]);
  });

  it('writes the first pages of an idle device when it looks first, as it has no part of the threshold yet', () => {
    expect(written({ dirtyExpireNs: 2000 * MS, dirtyWritebackNs: 500 * MS }, [490, 600])).toEqual([0, 100]);
  });

  it('does not look without dirtyWriteback', () => {
    expect(written({ dirtyExpireNs: 100 * MS, dirtyWritebackNs: 0 }, [6000])).toEqual([0]);
  });

  it('begins above the background threshold, and stops below', () => {
    const burst = writer([write(15_000, 15_000), { op: 'suspend' }]);
    const [early, late] = at(world([burst], SLOW, 4), [50, 4000]);
    if (early === undefined || late === undefined) throw new Error('two times');
    expect(count(early, 'nr_written')).toBeGreaterThan(0);
    // A chunk of pages at a time goes below it, not all.
    const background = level(late, 'dirtyBackgroundThreshold');
    expect(level(late, 'dirty')).toBeLessThanOrEqual(background);
    expect(level(late, 'dirty')).toBeGreaterThan(background - 4096);
    expect(level(late, 'writeback')).toBe(0);
  });

  it('is a thread that the scheduler knows: it waits for its CPU as others do', () => {
    const rival = {
      ...user('rival', 1, forever({ op: 'run', mode: 'user', duration: { kind: 'fixed', ns: 50 * MS } })),
    };
    const fifo: TaskSpec = { ...rival, sched: { class: 'fifo', nice: 0, priority: 50 } };
    const result = simulate(
      world([once, fifo], { ...SLOW, dirtyExpireNs: 100 * MS, dirtyWritebackNs: 100 * MS }, 3),
      1,
    );
    const flusher = result.tasks.find(({ name }) => name === flusherOf('disk'));
    // Real-time throttling leaves it a twentieth of each second.
    expect(flusher?.wakeupLatency.maxNs).toBeGreaterThan(100 * MS);
    expect(count(memoryOf(result), 'nr_written')).toBe(200);
  });
});

describe('reclaim that meets dirty pages', () => {
  /** 32 MiB, of which a writer has a quarter dirty when another task wants more than what is left. */
  const small = { ...SLOW, zones: { dma: 3840, dma32: 4352, normal: 0 }, minFreeKb: null, kernelPages: 500 };
  const memory = { ...small, dirtyRatio: 60, dirtyBackgroundRatio: 50, dirtyWritebackNs: 0 };
  const dirty = writer([write(2000, 2000), { op: 'suspend' }]);
  const hungry = user('hungry', 6600, [sleep(50 * MS), touch(6600), { op: 'suspend' }]);
  const result = simulate(world([dirty, hungry], memory, 3), 1, { build: 'debug' });

  it('has them written, and frees them, before anybody is killed', () => {
    const now = memoryOf(result);
    expect(count(now, 'oom_kill')).toBe(0);
    expect(count(now, 'pgfault')).toBe(6600);
    expect(count(now, 'nr_written')).toBeGreaterThan(900);
    expect(count(now, 'pgsteal_file')).toBeGreaterThan(900);
  });

  it('sleeps for the device instead of going in circles', () => {
    const now = memoryOf(result);
    const throttled = ['throttle_writeback', 'throttle_congested', 'throttle_noprogress'].map((name) =>
      count(now, name),
    );
    expect(Math.max(...throttled)).toBeGreaterThan(0);
  });
});

describe('a writer in a group with a limit', () => {
  const limited = group('box', { maxPages: 10_000 });
  const tasks = [{ ...fullSpeed(300_000), cgroup: 'box' }];
  const result = simulate(world(tasks, SLOW, 6, { cgroups: [limited] }), 1);

  it('is throttled by what the group may have dirty, far below the machine’s limit, and nobody is killed', () => {
    const now = memoryOf(result);
    expect(count(now, 'oom_kill')).toBe(0);
    expect(now.groups.box?.peak).toBeLessThanOrEqual(10_000);
    const levels = now.histograms.dirtyAtBalance;
    expect(levels?.maxNs).toBeLessThan(0.25 * 10_000);
    expect(level(now, 'dirty')).toBeLessThan(0.2 * level(now, 'dirtyThreshold'));
    expect(count(now, 'nr_written') / (DISK_PAGES_S * 6)).toBeGreaterThan(0.9);
  });
});
