/** A reader that goes through a file waits once: while it reads a window the next one is on its way (mm/readahead.c). */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../src/kernel/simulation.js';
import type { MemoryStep, TaskSpec } from '../../../src/scenario/scenario.js';
import { forever, MS, sleep } from '../fixtures.js';
import { MEMORY, memoryScenario, read, user } from './fixtures.js';

const CHUNK = 16;
const DISK_NS = 100_000;

/** The reads of a program, in order. */
function readsOf(program: TaskSpec['program'], memory = MEMORY): number[] {
  const world = memoryScenario([user('reader', 1, program)], { durationNs: 60 * MS, memory });
  const trace = { fromNs: 0, toNs: world.durationNs, capacity: 4096 };
  return simulate(world, 1, { trace }).trace.flatMap((event) => (event.event === 'record' ? [event.latencyNs] : []));
}

const paced = (step: MemoryStep): TaskSpec['program'] => forever(sleep(MS), step);
const chunk = read(4000, 1, { chunk: CHUNK });

describe('a reader of 64 KiB at a time, a millisecond apart', () => {
  it('waits for the disk once; every second read sends the next window, and the others find their pages', () => {
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = readsOf(paced(chunk));
    expect(first).toBeGreaterThan(DISK_NS);
    // The first window's marker lies where the second read begins; from the second window on, on its first page.
    for (const sends of [second, third, fifth]) {
      expect(sends).toBeLessThan(DISK_NS);
      expect(sends).toBeGreaterThan(fourth);
    }
    expect(sixth).toBe(fourth);
  });
});

describe('a reader of single pages that lie anywhere', () => {
  it('gets what it asks for, and waits for it', () => {
    const reads = readsOf(paced(read(200_000, 1, { pattern: 'uniform' }))).slice(0, 20);
    expect(Math.min(...reads)).toBeGreaterThan(DISK_NS);
  });

  it('gets less at the end of the file', () => {
    // Two of three places in a file of 24 pages lie so near its end that a chunk does not fit.
    const files = [{ name: 'data', pages: 24, device: 'disk' }];
    const program = paced(read(24, 1, { pattern: 'uniform', chunk: CHUNK }));
    expect(readsOf(program, { ...MEMORY, files }).length).toBeGreaterThan(40);
  });
});

describe('windows', () => {
  it('grow from four pages of one that is asked for to the longest', () => {
    // One page is wanted: get_init_ra_size makes it four; the marked one sends eight more, and so on (get_next_ra_size).
    const cachedAfter = (reads: number): number | undefined =>
      simulate(memoryScenario([user('reader', 1, [read(4000, reads)])]), 1).memory?.levels.inactiveFile;
    expect([1, 2, 5, 13, 29, 61].map(cachedAfter)).toEqual([4, 12, 28, 60, 92, 124]);
  });
});
