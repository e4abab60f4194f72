/** The reference of CFS: the kernel's figures, and what must hold of any fair scheduler. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CfsReference, LINUX_61 } from './cfs.js';
import type { Entity } from './entities.js';

const MS = 1_000_000n;
const TICK = 4n * MS;

/** Wakes tasks at once on an idle CPU and lets them run for some ticks; the order in which they ran. */
function hogs(cfs: CfsReference, tasks: readonly Entity[], ticks: number): string[] {
  for (const task of tasks) cfs.enqueue(0n, task, 'wake');
  const ran = [cfs.pick(0n)?.name ?? ''];
  for (let i = 1; i <= ticks; i++) {
    const now = BigInt(i) * TICK;
    if (cfs.tick(now)) cfs.pick(now);
    ran.push(cfs.curr?.name ?? '');
  }
  return ran;
}

describe('slices', () => {
  it.each([
    [[0, 0], 2999998n],
    [[0, 0, 0], 1999999n],
    [[0], 5999998n],
  ])('of hogs at nice %j are %s ns', (nices, expected) => {
    const cfs = new CfsReference();
    const tasks = nices.map((nice, i) => cfs.task(`${i}`, nice));
    for (const task of tasks) cfs.enqueue(0n, task, 'wake');
    expect(cfs.slice(tasks[0] as Entity)).toBe(expected);
  });

  it('multiply over the hierarchy, and have a floor', () => {
    const cfs = new CfsReference();
    const group = cfs.group('g', 1024n << 10n);
    const inside = [cfs.task('a', 0, 'normal', group), cfs.task('b', 19, 'normal', group)] as const;
    for (const task of [...inside, cfs.task('c', 0)]) cfs.enqueue(0n, task, 'wake');
    expect(cfs.slice(inside[0])).toBe(2956687n);
    expect(cfs.slice(inside[1])).toBe(750_000n);
  });

  it('two hogs take turns every tick on one CPU, and every fourth or so with the tunables of eight', () => {
    const cfs = new CfsReference();
    expect(hogs(cfs, [cfs.task('a', 0), cfs.task('b', 0)], 5).join('')).toBe('ababab');
    const eight = new CfsReference({
      ...LINUX_61,
      latencyNs: 24n * MS,
      minGranularityNs: 3n * MS,
      wakeupGranularityNs: 4n * MS,
    });
    expect(hogs(eight, [eight.task('a', 0), eight.task('b', 0)], 8).join('')).toBe('aaabbbaaa');
  });
});

describe('wakeup preemption', () => {
  const hogAndSleeper = (nice: number, ranNs: bigint) => {
    const cfs = new CfsReference();
    const hog = cfs.task('hog', 0);
    const sleeper = cfs.task('sleeper', nice);
    cfs.enqueue(0n, hog, 'wake');
    cfs.pick(0n);
    sleeper.vruntime = hog.vruntime;
    cfs.enqueue(ranNs, sleeper, 'wake');
    return cfs.preempts(ranNs, sleeper);
  };

  it.each([
    [0, 1_000_000n, false],
    [0, 1_000_001n, true],
    [-5, 328_099n, false],
    [-5, 328_100n, true],
    [5, 2_999_999n, false],
  ])('a sleeper at nice %i, level with the hog %s ns ago: %s', (nice, ranNs, expected) => {
    expect(hogAndSleeper(nice, ranNs)).toBe(expected);
  });

  it('a long sleeper has half a latency of credit, and no more', () => {
    const cfs = new CfsReference();
    const hog = cfs.task('hog', 0);
    cfs.enqueue(0n, hog, 'wake');
    cfs.pick(0n);
    cfs.tick(1000n * MS);
    const sleeper = cfs.task('sleeper', 0);
    cfs.enqueue(1000n * MS, sleeper, 'wake');
    expect(hog.vruntime - sleeper.vruntime).toBe(3n * MS);
  });
});

describe('buddies', () => {
  it('a group’s next buddy is forgotten on every level', () => {
    const cfs = new CfsReference();
    const group = cfs.group('g', 1024n << 10n);
    const [a, b, c] = [cfs.task('a', 0, 'normal', group), cfs.task('b', 0, 'normal', group), cfs.task('c', 0)];
    cfs.enqueue(0n, a, 'wake');
    cfs.pick(0n);
    cfs.enqueue(0n, c, 'wake');
    cfs.tick(40n * MS);
    cfs.needResched = false;
    cfs.enqueue(40n * MS, b, 'wake');
    expect(cfs.preempts(40n * MS, b)).toBe(true);
    expect([cfs.root.next?.name, b.queue.next?.name]).toEqual(['g', 'b']);
    cfs.dequeue(40n * MS, b, 'move');
    expect([cfs.root.next, b.queue.next]).toEqual([null, null]);
  });

  it('yield passes over the group of the yielding task, too', () => {
    const cfs = new CfsReference();
    const group = cfs.group('g', 1024n << 10n);
    const [a, b] = [cfs.task('a', 0, 'normal', group), cfs.task('b', 0)];
    cfs.enqueue(0n, a, 'wake');
    cfs.enqueue(0n, b, 'wake');
    expect(cfs.pick(0n)).toBe(a);
    cfs.yield(0n);
    expect(cfs.root.skip).toBe(group);
    expect(cfs.pick(0n)).toBe(b);
  });
});

describe('fairness', () => {
  it('of hogs: none is further from another than the longest that one of them runs at a stretch', () => {
    const nices = fc.array(fc.integer({ min: -10, max: 10 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(nices, (values) => {
        const cfs = new CfsReference();
        const tasks = values.map((nice, i) => cfs.task(`${i}`, nice));
        hogs(cfs, tasks, 500);
        const vruntimes = tasks.map(({ vruntime }) => vruntime).sort((a, b) => (a < b ? -1 : 1));
        const spread = (vruntimes.at(-1) ?? 0n) - (vruntimes[0] ?? 0n);
        // It ran on until the tick after its slice, which is at most a latency long, at most one tick later than it ought to.
        const stretch = tasks
          .map((task) => task.fair((LINUX_61.latencyNs / TICK + 2n) * TICK))
          .reduce((a, b) => (a > b ? a : b));
        expect(spread <= stretch).toBe(true);
      }),
      { numRuns: 60, seed: 20261124 },
    );
  });
});
