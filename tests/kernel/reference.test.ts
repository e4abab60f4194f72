/** The simulated kernel against a second, slow and obvious implementation of the same rules (tests/reference). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { CgroupSpec, Kernel, Scenario, SchedSettings, Step, TaskSpec } from '../../src/scenario/scenario.js';
import { CfsReference, LINUX_61 } from '../reference/cfs.js';
import { defaults, EevdfReference, type Variant } from '../reference/eevdf.js';
import type { Reference } from '../reference/entities.js';
import { lockstep } from '../reference/lockstep.js';
import { operations, passive, stepwise } from '../reference/stepwise.js';
import { forever, linux61, MS, run, scenario, sleep, task, WHOLE } from './fixtures.js';

const RUNS = { numRuns: 300, seed: 20261124 };

const eevdf = (variant: Variant): Kernel => ({
  ...linux61,
  name: `linux-${variant}`,
  fair: `eevdf-${variant}`,
  features: [...defaults(variant).features],
});

const group = (name: string, weight: number, parent: string | null = null): CgroupSpec => ({
  name,
  parent,
  weight,
  idle: false,
  quota: null,
  btShares: 1024,
  offline: false,
});
const GROUPS = [group('a', 300), group('b', 37, 'a'), group('c', 100)];

// Odd, so that nothing ends on a tick; and long and short.
const ns = (least: number, most: number) => fc.integer({ min: least, max: most }).map((value) => value * 2 + 1);
const settings = fc.record({
  class: fc.constantFrom<SchedSettings['class']>('fair', 'fair', 'fair', 'fair', 'batch', 'idle'),
  nice: fc.oneof(fc.constant(0), fc.integer({ min: -19, max: 19 })),
  priority: fc.constant(0),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: ns(5_000, 8 * MS).map(run) },
  { weight: 3, arbitrary: ns(10_000, 10 * MS).map(sleep) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ op: 'send', channel: 'c' }, { op: 'receive', channel: 'c' }) },
);
const sliceNs = fc.option(fc.integer({ min: 100_000, max: 20 * MS }), { freq: 3 });
const spec = fc.record({
  sched: settings,
  cgroup: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 3 }),
  startNs: ns(0, 20 * MS),
  body: fc.array(step, { minLength: 1, maxLength: 5 }),
  forks: fc.nat({ max: 3 }),
  sliceNs,
  yields: fc.boolean(),
  renices: fc.boolean(),
});

/** A step that the trace does not show, and the mark that announces it. */
const marked = (what: string, hidden: Step): Step[] => [
  { op: 'stamp' },
  { op: 'record', recorder: what, since: 'stamp', binsUs: 0 },
  hidden,
];
const renice = (sched: SchedSettings, nice: number) =>
  marked(`nice ${nice}`, { op: 'policy', sched: { ...sched, nice } });

/** Scenarios of one CPU with up to 12 tasks, four of which may be children, in three groups. */
const worlds = (kernel: Kernel): fc.Arbitrary<Scenario> =>
  fc.array(spec, { minLength: 1, maxLength: 8 }).map((specs) => {
    const tasks = specs.flatMap(({ sched, cgroup, startNs, sliceNs, body, forks, yields, renices }, i): TaskSpec[] => {
      // Something that takes time, so that the program goes on.
      const program = forever(
        ...body,
        run(100_001),
        ...(yields ? [...marked('yield', { op: 'yield' }), run(200_001)] : []),
        ...(renices ? [...renice(sched, sched.nice - 1), run(1_000_001), ...renice(sched, sched.nice)] : []),
        run(10_001),
      );
      const more = { sched, cgroup, startNs, sliceNs: kernel.fair === 'eevdf-6.6' ? null : sliceNs };
      if (i !== 0 || forks === 0) return [task(`t${i}`, program, more)];
      const fork: Step = { op: 'loop', times: forks, body: [run(3_000_001), { op: 'fork', task: 'child' }] };
      return [
        task(`t${i}`, [fork, ...program], more),
        task('child', program, { ...more, start: 'fork', startNs: 0, count: 4 }),
      ];
    });
    return scenario(tasks, { kernel, cgroups: GROUPS, durationNs: 500 * MS });
  });

const compare = (world: Scenario, reference: Reference) =>
  lockstep(reference, world, simulate(world, 1, { trace: WHOLE }).trace);

const agrees = (kernel: Kernel, reference: () => Reference): void => {
  let switches = 0;
  // Without shrinking, which takes minutes: the divergence says enough.
  fc.assert(
    fc.property(worlds(kernel), (world) => {
      const agreement = compare(world, reference());
      switches += agreement.switches;
      expect(agreement.divergence).toBeNull();
    }),
    { ...RUNS, endOnFailure: true },
  );
  // Otherwise nothing was compared.
  expect(switches).toBeGreaterThan(RUNS.numRuns * 100);
};

/** How many of a few worlds a reference with other rules notices. */
const noticed = (kernel: Kernel, reference: () => Reference): number =>
  fc
    .sample(worlds(kernel), { ...RUNS, numRuns: 100 })
    .filter((world) => compare(world, reference()).divergence !== null).length;

describe('whole simulations', () => {
  it('CFS of 6.1 chooses the same task at every switch', () => {
    agrees(linux61, () => new CfsReference());
  });

  it.each(['6.6', '6.12', '6.18'] as const)('EEVDF of %s chooses the same task at every switch', (variant) => {
    agrees(eevdf(variant), () => new EevdfReference(defaults(variant)));
  });

  it.each(['GENTLE_FAIR_SLEEPERS', 'START_DEBIT', 'WAKEUP_PREEMPTION', 'BASE_SLICE'])(
    'a CFS without %s is noticed',
    (feature) => {
      const features = new Set(linux61.features.filter((name) => name !== feature));
      expect(noticed(linux61, () => new CfsReference({ ...LINUX_61, features }))).toBeGreaterThan(0);
    },
  );

  it.each(['PLACE_LAG', 'RUN_TO_PARITY', 'PREEMPT_SHORT', 'DELAY_DEQUEUE', 'DELAY_ZERO', 'PICK_BUDDY'])(
    'an EEVDF without %s is noticed',
    (feature) => {
      const features = new Set([...defaults('6.12').features].filter((name) => name !== feature));
      expect(noticed(eevdf('6.12'), () => new EevdfReference({ ...defaults('6.12'), features }))).toBeGreaterThan(0);
    },
  );
});

/** Twelve tasks in three groups, or the root. */
const crowds = (kernel: Kernel): fc.Arbitrary<Scenario> =>
  fc
    .array(fc.record({ sched: settings, cgroup: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 2 }), sliceNs }), {
      minLength: 12,
      maxLength: 12,
    })
    .map((specs) => {
      const tasks = specs.map((spec, i) =>
        passive(task(`t${i}`, [], { ...spec, sliceNs: kernel.fair === 'eevdf-6.6' ? null : spec.sliceNs })),
      );
      return scenario(tasks, { kernel, cgroups: GROUPS });
    });

describe('operation by operation', () => {
  const same = (kernel: Kernel, reference: () => Reference): void => {
    const absolute = kernel.fair.startsWith('cfs');
    fc.assert(
      fc.property(crowds(kernel), operations(200), (world, history) => {
        expect(stepwise(reference(), world, history, absolute)).toBeNull();
      }),
      { ...RUNS, endOnFailure: true },
    );
  };

  it('CFS of 6.1 wants the same, chooses the same and has the same virtual times', () => {
    same(linux61, () => new CfsReference());
  });

  it.each(['6.6', '6.12', '6.18'] as const)('so does EEVDF of %s', (variant) => {
    same(eevdf(variant), () => new EevdfReference(defaults(variant)));
  });
});
