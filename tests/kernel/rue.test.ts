/** RUE: each part does what it says, nobody pays for a later priority, pages are conserved. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Build } from '../../src/kernel/exports.js';
import { Simulation, simulate } from '../../src/kernel/simulation.js';
import type { MemoryResult, Result } from '../../src/results/result.js';
import { resolveScenario } from '../../src/scenario/resolve.js';
import type { RuePart } from '../../src/scenario/scenario.js';
import { type ScenarioInput, scenarioSchema } from '../../src/scenario/schema.js';

const MIB = 256;
/** A small machine. The marks of its zone Normal are 4031, 5038 and 6045 pages. */
const NO_SWAP: NonNullable<ScenarioInput['memory']> = {
  zones: { dma: '4MiB', dma32: '4MiB', normal: '500MiB' },
  minFreeKb: 16_384,
  kernel: '16MiB',
  devices: [{ name: 'disk', latency: '100us' }],
  files: [{ name: 'file', size: '2GiB', device: 'disk' }],
};
const SWAP = { ...NO_SWAP, swap: { size: '256MiB', latency: '100us' as const, depth: 8 } };

type Group = NonNullable<ScenarioInput['cgroups']>[number];
type Task = NonNullable<ScenarioInput['tasks']>[number];
type Rue = NonNullable<Exclude<ScenarioInput['policy'], string | undefined>['rue']>;

function run(
  cgroups: Group[],
  tasks: Task[],
  rue: Rue | null,
  more: Partial<ScenarioInput> = {},
  build: Build = 'release',
): Result & { memory: MemoryResult } {
  const document = scenarioSchema.parse({
    name: 'test',
    duration: '1500ms',
    machine: { preset: 'server-8', cpus: 4 },
    policy: rue === null ? {} : { rue },
    memory: SWAP,
    cgroups,
    tasks,
    ...more,
  });
  const result = simulate(resolveScenario(document, 'test'), 1, { build });
  if (result.memory === undefined) throw new Error('no memory');
  return { ...result, memory: result.memory };
}

const qos = (result: { memory: MemoryResult }, group: string, what: string): number =>
  result.memory.qos?.[group]?.[what] ?? Number.NaN;
const ofGroup = (result: { memory: MemoryResult }, group: string, what: string): number =>
  result.memory.groups[group]?.[what] ?? Number.NaN;

/** Touches all of an area, over and over: `size` in pages, about 100,000 pages a second. */
const eater = (name: string, cgroup: string, size: number, count = 1): Task => ({
  name,
  cgroup,
  count,
  memory: { areas: { m: `${size * 4}KiB` } },
  program: [
    {
      loop: {
        times: Math.ceil(size / 256),
        do: [{ touch: { area: 'm', times: 256, record: 'alloc' } }, { run: '2ms' }],
      },
    },
    { loop: [{ touch: { area: 'm', pattern: 'uniform', times: 64, record: 'use' } }, { run: '2ms' }] },
  ],
});
/** Takes and gives back: it never stops allocating. */
const churner = (name: string, cgroup: string, size: number, count = 1): Task => ({
  name,
  cgroup,
  count,
  memory: { areas: { m: `${size * 4}KiB` } },
  program: [{ loop: [{ touch: { area: 'm', record: 'alloc' } }, { free: 'm' }] }],
});
/** Takes so much and keeps it. */
const holder = (name: string, cgroup: string, pages: number, more: Partial<Task> = {}): Task => ({
  name,
  cgroup,
  memory: { areas: { m: `${pages * 4}KiB` } },
  program: [{ touch: { area: 'm' } }, { suspend: {} }],
  ...more,
});
const parts = (...names: RuePart[]): Rue => ({ parts: names, highestReclaim: 5, reserve: '128MiB' });

describe('tiered watermarks', () => {
  const marks = (result: { memory: MemoryResult }) => result.memory.zones[2] ?? {};
  const tiers = (ratio: number) =>
    run([{ name: 'g', rue: { wmarkRatio: ratio } }], [churner('a', 'g', 160 * MIB, 4)], parts('tiers'));

  it.each([-75, -40, 30, 75])('lets a group of ratio %i go as far as its own mark and no further', (ratio) => {
    const result = tiers(ratio);
    const { min = 0, low = 0, pcpBatch = 0 } = marks(result);
    const over = ratio < 0 ? (min * ratio) / 100 : ((low - min) * ratio) / 100;
    // A refill takes a batch at a time, from above the mark.
    expect(qos(result, 'g', 'leastFree')).toBeGreaterThan(over - pcpBatch - 1);
    expect(qos(result, 'g', 'leastFree')).toBeLessThan(over + 4 * pcpBatch);
  });
});

describe('priority reclaim', () => {
  const groups: Group[] = [
    { name: 'first', priority: 0 },
    { name: 'middle', priority: 5 },
    { name: 'last', priority: 7 },
  ];
  const tasks = [eater('a', 'first', 80 * MIB), eater('b', 'middle', 80 * MIB), churner('c', 'last', 230 * MIB, 2)];

  it('takes from the last priority what it allocates, and nothing from the first', () => {
    const result = run(groups, tasks, parts('reclaim', 'accelerate'));
    expect(qos(result, 'last', 'workerStolen') + qos(result, 'last', 'paidPages')).toBeGreaterThan(10_000);
    expect(ofGroup(result, 'first', 'pgsteal')).toBe(0);
    expect(qos(result, 'first', 'workerStolen') + qos(result, 'first', 'paidPages')).toBe(0);
    expect(result.memory.vmstat.allocstall).toBe(0);
  });

  it('reclaims nobody by priority unless told from which number on', () => {
    const result = run(groups, tasks, { ...parts('reclaim', 'accelerate'), highestReclaim: 8 });
    for (const { name } of groups) {
      expect(qos(result, name, 'workerStolen') + qos(result, name, 'paidPages')).toBe(0);
    }
  });

  it('does not reach a priority that it must not, however high the pressure', () => {
    const result = run(groups, tasks, { ...parts('reclaim', 'accelerate'), highestReclaim: 7 });
    expect(result.memory.rue?.level).toBe(7);
    expect(qos(result, 'middle', 'workerStolen') + qos(result, 'middle', 'paidPages')).toBe(0);
  });

  it('moves on to the next priority when the last has nothing to give', () => {
    const small = [eater('a', 'first', 60 * MIB), churner('b', 'middle', 400 * MIB), eater('c', 'last', 16)];
    const result = run(groups, small, parts('reclaim', 'accelerate'));
    expect(qos(result, 'middle', 'workerStolen') + qos(result, 'middle', 'paidPages')).toBeGreaterThan(1000);
    expect(qos(result, 'first', 'workerStolen') + qos(result, 'first', 'paidPages')).toBe(0);
  });
});

describe('whoever is reclaimed by priority', () => {
  const anyGroups = fc.array(
    fc.record({
      priority: fc.integer({ min: 0, max: 7 }),
      mib: fc.integer({ min: 16, max: 250 }),
      churns: fc.boolean(),
    }),
    { minLength: 2, maxLength: 6 },
  );
  const STEP_NS = 20e6;
  const LOOKS = 10;
  const paid = (memory: MemoryResult, group: string) =>
    (memory.qos?.[group]?.workerStolen ?? 0) + (memory.qos?.[group]?.paidPages ?? 0);

  it('does not go before the level, and nobody pays whom the policy spares', () => {
    fc.assert(
      fc.property(anyGroups, fc.integer({ min: 1, max: 8 }), fc.nat(), (wanted, highestReclaim, seed) => {
        const groups = wanted.map(({ priority }, i): Group => ({ name: `g${i}`, priority }));
        const tasks = wanted.map(({ mib, churns }, i) => (churns ? churner : eater)(`t${i}`, `g${i}`, mib * MIB));
        const document = scenarioSchema.parse({
          name: 'test',
          duration: '1s',
          machine: { preset: 'server-8', cpus: 4 },
          policy: { rue: { parts: ['reclaim', 'accelerate'], highestReclaim, reserve: '128MiB' } },
          memory: SWAP,
          cgroups: groups,
          tasks,
        });
        const simulation = Simulation.create(resolveScenario(document, 'test'), seed);
        let before = simulation.memory();
        const levels: number[] = [];
        for (let ns = STEP_NS; ns <= 1e9; ns += STEP_NS) {
          simulation.run(ns);
          const now = simulation.memory();
          // The worker ends with a group as it began, and counts what it took at the end.
          levels.push(now.rue?.level ?? 0);
          const level = Math.min(...levels.slice(-LOOKS));
          wanted.forEach(({ priority }, i) => {
            if (priority < level || priority < highestReclaim) {
              expect(paid(now, `g${i}`)).toBe(paid(before, `g${i}`));
            }
          });
          expect(levels.at(-1)).toBeGreaterThanOrEqual(Math.min(7, highestReclaim));
          before = now;
        }
      }),
      { seed: 1, numRuns: 8, endOnFailure: true },
    );
  });
});

describe('asynchronous reclaim', () => {
  const group: Group = {
    name: 'g',
    memory: { max: '200MiB' },
    rue: { asyncRatio: 90, asyncDistanceFactor: 20_000 },
  };

  it('has its marks from the limit, the ratio and the distance', () => {
    const result = run([group], [eater('a', 'g', 16)], parts('async'));
    expect(qos(result, 'g', 'asyncHigh')).toBe(180 * MIB);
    expect(qos(result, 'g', 'asyncLow')).toBe(180 * MIB - 4 * MIB);
  });

  it('keeps a group away from its limit that would meet it', () => {
    const tasks = [eater('a', 'g', 240 * MIB)];
    const without = run([group], tasks, null);
    const result = run([group], tasks, parts('async'));
    expect(ofGroup(without, 'g', 'max')).toBeGreaterThan(100);
    expect(ofGroup(result, 'g', 'max')).toBe(0);
    expect(qos(result, 'g', 'asyncStolen')).toBeGreaterThan(10_000);
    expect(ofGroup(result, 'g', 'peak')).toBeLessThan(190 * MIB);
  });
});

describe('speed of allocation', () => {
  const slow: Group = { name: 'slow', rue: { allocBps: '64MiB' } };

  it('does not matter while there is enough', () => {
    const result = run([slow], [churner('a', 'slow', 40 * MIB)], parts('speed'));
    expect(qos(result, 'slow', 'speedSleeps')).toBe(0);
  });

  /** What is left of zone Normal lies between MIN and LOW for good: there is no swap. */
  const short = (...groups: Group[]) =>
    run(
      [slow, ...groups, { name: 'rest' }],
      [holder('keep', 'rest', 118_700), { ...churner('a', groups[0]?.name ?? 'slow', 128, 2), start: '1s' }],
      parts('speed'),
      { duration: '4s', memory: NO_SWAP },
    );

  it.each([
    ['of its own tasks', []],
    ['of the groups below it', [{ name: 'child', parent: 'slow' }]],
  ])('is what it says once memory is short: %s', (_, groups) => {
    const result = short(...groups);
    const perS = (result.recorders.find(({ task }) => task === 'a')?.latency.count ?? 0) / 3;
    expect(qos(result, 'slow', 'speedSleeps')).toBeGreaterThan(5);
    // Two tasks may each have taken a batch more when they notice, and schedule_timeout sleeps a tick or two too long.
    expect(perS).toBeLessThan(64 * MIB * 1.1);
    expect(perS).toBeGreaterThan(64 * MIB * 0.6);
  });
});

describe('page-cache limit', () => {
  const reader: Task = {
    name: 'a',
    cgroup: 'g',
    memory: {},
    program: [{ loop: [{ read: { file: 'file', chunk: '64KiB', times: 8 } }, { run: '500us' }] }],
  };
  const group: Group = {
    name: 'g',
    memory: { max: '200MiB' },
    rue: { pagecacheMaxRatio: 20, pagecacheReclaimRatio: 10 },
  };
  const cache = (result: { memory: MemoryResult }) =>
    ofGroup(result, 'g', 'inactiveFile') + ofGroup(result, 'g', 'activeFile');

  it('keeps the page cache of a group at its share of the limit', () => {
    expect(cache(run([group], [reader], null))).toBeGreaterThan(100 * MIB);
    const result = run([group], [reader], parts('cache'));
    // A window that is being read comes on top.
    expect(cache(result)).toBeLessThanOrEqual(40 * MIB + 128);
    expect(cache(result)).toBeGreaterThanOrEqual(36 * MIB - 128);
    expect(qos(result, 'g', 'cacheStolen')).toBeGreaterThan(10_000);
  });
});

describe('priority OOM', () => {
  const fit = fc.record({
    priorities: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 2, maxLength: 5 }),
    sizes: fc.array(fc.integer({ min: 20, max: 200 }), { minLength: 5, maxLength: 5 }),
  });

  it('never kills while a later priority holds something that may be killed', () => {
    fc.assert(
      fc.property(fit, ({ priorities, sizes }) => {
        const groups = priorities.map((priority, i): Group => ({ name: `g${i}`, priority }));
        const tasks = priorities.map((_, i) => holder(`t${i}`, `g${i}`, (sizes[i] ?? 20) * MIB));
        const leaks = holder('leak', 'g0', 250 * MIB, { count: 3, start: '500ms' });
        const result = run(groups, [...tasks, leaks], parts('oom'), { memory: NO_SWAP });
        const killed = groups.map(({ name }) => ofGroup(result, name, 'oom_kill'));
        const alive = groups.map(
          ({ name }) => ofGroup(result, name, 'inactiveAnon') + ofGroup(result, name, 'activeAnon'),
        );
        priorities.forEach((priority, i) => {
          if ((killed[i] ?? 0) === 0) return;
          // Whoever goes later is dead already: it holds nothing any more.
          priorities.forEach((other, j) => {
            if (other > priority) expect(alive[j]).toBe(0);
          });
        });
        expect(killed.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  it('kills the larger of two groups of one priority, and spares what has no task', () => {
    const groups: Group[] = [
      { name: 'first', priority: 0 },
      { name: 'small', priority: 6 },
      { name: 'large', priority: 6 },
      { name: 'empty', priority: 7 },
    ];
    const tasks = [
      holder('s', 'small', 60 * MIB),
      holder('l', 'large', 120 * MIB),
      holder('leak', 'first', 400 * MIB, { start: '500ms' }),
    ];
    const more = { memory: NO_SWAP };
    const result = run(groups, tasks, parts('oom'), more);
    expect(ofGroup(result, 'large', 'oom_kill')).toBe(1);
    const linux = run(groups, tasks, null, more);
    expect(ofGroup(linux, 'first', 'oom_kill')).toBe(1);
    expect(ofGroup(linux, 'large', 'oom_kill')).toBe(0);
  });
});

describe('latency QoS', () => {
  const groups: Group[] = [
    { name: 'first', priority: 0 },
    { name: 'last', priority: 7 },
  ];
  const tasks = (size: number) => [churner('a', 'first', 8 * MIB), churner('b', 'last', size, 3)];

  it('leaves everybody alone while allocations are fast, and slows the last down when they are not', () => {
    const calm = run(groups, tasks(20 * MIB), { ...parts('latency'), latencyTarget: '1ms' });
    expect(qos(calm, 'last', 'speedSleeps')).toBe(0);
    const late = run(groups, tasks(20 * MIB), { ...parts('latency'), latencyTarget: '100ns' });
    expect(qos(late, 'last', 'speedSleeps')).toBeGreaterThan(5);
    expect(qos(late, 'first', 'speedSleeps')).toBe(0);
  });
});

describe('all parts together', () => {
  const anyParts = fc.uniqueArray(
    fc.constantFrom<RuePart>('tiers', 'reclaim', 'async', 'accelerate', 'speed', 'cache', 'oom', 'latency'),
    { minLength: 1 },
  );
  const anyGroup = fc.record({
    wmarkRatio: fc.integer({ min: -75, max: 75 }),
    asyncRatio: fc.integer({ min: 0, max: 100 }),
    asyncDistanceFactor: fc.integer({ min: 1, max: 150_000 }),
    allocBps: fc.integer({ min: 16, max: 512 }).map((mib) => `${mib}MiB`),
    pagecacheMaxRatio: fc.integer({ min: 5, max: 100 }),
  });

  it('conserve pages, and never take from a priority that goes before the level', () => {
    fc.assert(
      fc.property(anyParts, anyGroup, fc.integer({ min: 4, max: 7 }), (names, rue, highest) => {
        const groups: Group[] = [
          { name: 'first', priority: 0 },
          { name: 'middle', priority: 3, memory: { max: '300MiB' } },
          { name: 'last', priority: 7, memory: { max: '400MiB' }, rue },
        ];
        const result = run(
          groups,
          [
            eater('a', 'first', 60 * MIB),
            churner('b', 'middle', 120 * MIB),
            churner('c', 'last', 200 * MIB, 2),
            {
              name: 'r',
              cgroup: 'last',
              memory: {},
              program: [{ loop: [{ read: { file: 'file', pattern: 'uniform', chunk: '64KiB', times: 8 } }] }],
            },
          ],
          { parts: names, highestReclaim: highest, reserve: '128MiB' },
          { duration: '600ms' },
          'debug',
        );
        const { levels } = result.memory;
        const level = (name: string) => levels[name] ?? Number.NaN;
        const held = ['free', 'pcp', 'inactiveAnon', 'activeAnon', 'inactiveFile', 'activeFile', 'kernel'];
        // A page that a task has taken but not put anywhere yet: at most one each.
        const missing = level('managed') - held.reduce((sum, name) => sum + level(name), 0);
        expect(missing).toBeGreaterThanOrEqual(0);
        expect(missing).toBeLessThanOrEqual(5);
        for (const group of ['first', 'middle']) {
          expect(qos(result, group, 'workerStolen') + qos(result, group, 'paidPages')).toBe(0);
        }
      }),
      { seed: 1, numRuns: 6 },
    );
  });
});
