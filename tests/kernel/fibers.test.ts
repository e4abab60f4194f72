/** Fibers on threads: who serves them, when threads are woken, and that nothing is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Step } from '../../src/scenario/scenario.js';
import {
  cpuNs,
  fixed,
  forever,
  hog,
  ideal,
  intervals,
  MS,
  real,
  run,
  scenario,
  sched,
  sleep,
  task,
  US,
  WHOLE,
} from './fixtures.js';

const serve: Step[] = [{ op: 'serve' }];
const spans = (tasks: Parameters<typeof scenario>[0], more = {}) => {
  const { trace, durationNs } = simulate(scenario(tasks, { durationNs: 100 * MS, ...more }), 1, { trace: WHOLE });
  return intervals(trace, durationNs)
    .ran.filter(({ task: name }) => name.startsWith('threads'))
    .map(({ task: name, from, to }) => [name, from / MS, to / MS]);
};

describe('fibers', () => {
  it('share the threads first in, first out, each until it waits', () => {
    const threads = task('threads', serve, { count: 2 });
    const fiber = task('fiber', [run(2 * MS), sleep(MS), run(MS)], { count: 3, runsOn: 'threads', startNs: MS });
    expect(spans([threads, fiber], { machine: ideal(2) })).toEqual([
      ['threads/0', 1, 3],
      ['threads/0', 4, 5],
      // The second fiber, the third, the second again, which has waited since 4, and the third again.
      ['threads/1', 1, 7],
    ]);
  });

  it('wake one thread, which wakes the next if there is more to do', () => {
    const threads = task('threads', serve, { count: 4 });
    const burst = task('fiber', forever(sleep(MS), run(100 * US)), { count: 3, runsOn: 'threads' });
    const single = task('fiber', forever(sleep(MS), run(100 * US)), { count: 1, runsOn: 'threads' });
    const woken = (fiber: typeof burst) =>
      simulate(scenario([threads, fiber], { machine: ideal(4), durationNs: 50 * MS }), 1).tasks[0]?.wakeups;
    // One wakeup a fiber and round, none for nothing; and each thread's own start.
    expect(woken(single)).toBeLessThanOrEqual(4 + 46);
    expect(woken(burst)).toBeLessThanOrEqual(4 + 3 * 46);
    expect(woken(burst)).toBeGreaterThan(100);
  });

  it('wait when the kernel gives their threads no CPU', () => {
    const threads = task('threads', serve);
    const fiber = task(
      'fiber',
      forever(
        { op: 'timer', timer: 't', shared: false, periodNs: 10 * MS, phaseNs: 0, distanceNs: 0, missed: 'skip' },
        { op: 'record', recorder: 'latency', since: 'timer', binsUs: 0 },
        run(US),
      ),
      { runsOn: 'threads' },
    );
    const rival = task('rival', forever(run(4 * MS), sleep(11 * MS)), { sched: sched('fifo', 1) });
    const alone = simulate(scenario([threads, fiber]), 1).recorders[0]?.latency;
    const beside = simulate(scenario([threads, fiber, rival]), 1).recorders[0]?.latency;
    expect(alone?.maxNs).toBe(0);
    expect(beside?.maxNs).toBeGreaterThan(2 * MS);
    expect(beside?.maxNs).toBeLessThanOrEqual(4 * MS);
  });

  it('lose no message and no time, and run the same in both builds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(),
        (cpus, threads, fibers, batch, seed) => {
          const each = 2000;
          const world = scenario(
            [
              task('threads', serve, { count: threads }),
              task(
                'client',
                forever(
                  { op: 'run', mode: 'user', duration: { kind: 'exponential', meanNs: 20 * US } },
                  { op: 'stamp' },
                  { op: 'key', values: [0, 1] },
                  { op: 'send', channel: 'servers', index: 'key' },
                  { op: 'receive', channel: 'answers', index: 'own' },
                  { op: 'record', recorder: 'response', since: 'stamp', binsUs: 0 },
                ),
                { count: fibers, runsOn: 'threads' },
              ),
              task(
                'server',
                forever(
                  { op: 'receive', channel: 'servers', index: 'own', batch },
                  { op: 'run', mode: 'user', duration: fixed(US), eachNs: each },
                  { op: 'send', channel: 'answers', index: 'origin' },
                ),
                { count: 2 },
              ),
              task('hog', hog),
            ],
            { machine: real(cpus), durationNs: 20 * MS },
          );
          const result = simulate(world, seed);
          const busy = ['threads', 'server', 'hog'].reduce((sum, name) => sum + cpuNs(result, name), 0);
          const idle = result.cpus.reduce((sum, { idleNs }) => sum + idleNs, 0);
          expect((busy + idle) / (cpus * 20 * MS)).toBeCloseTo(1, 2);
          expect(cpuNs(result, 'client')).toBeLessThanOrEqual(cpuNs(result, 'threads') + 1000 * US);
          expect(result.recorders[0]?.latency.count).toBeGreaterThan(0);
          const traced = (build: 'release' | 'debug') => JSON.stringify(simulate(world, seed, { trace: WHOLE, build }));
          expect(traced('debug') === traced('release')).toBe(true);
        },
      ),
      { numRuns: 15, seed: 20261125 },
    );
  });
});
