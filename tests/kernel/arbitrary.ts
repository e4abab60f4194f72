/** Random scenarios for properties: every class, every kind of step, with and without costs. */
import fc from 'fast-check';
import type { Duration, Machine, Scenario, SchedSettings, Step, TaskSpec } from '../../src/scenario/scenario.js';
import { ideal, linux61, MS, real, scenario, task, US } from './fixtures.js';

const length = (least: number, most: number): fc.Arbitrary<Duration> =>
  fc.oneof(
    fc.integer({ min: least, max: most }).map((ns): Duration => ({ kind: 'fixed', ns })),
    fc.integer({ min: least, max: most }).map((meanNs): Duration => ({ kind: 'exponential', meanNs })),
    fc.constant<Duration>({ kind: 'uniform', minNs: least, maxNs: most }),
  );

const work: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: length(10 * US, 5 * MS).map((duration): Step => ({ op: 'run', mode: 'user', duration })),
  },
  {
    weight: 2,
    arbitrary: length(US, 300 * US).map((duration): Step => ({ op: 'run', mode: 'kernel', duration })),
  },
  {
    weight: 1,
    arbitrary: length(US, 50 * US).map((duration): Step => ({ op: 'run', mode: 'irqoff', duration })),
  },
  {
    weight: 1,
    arbitrary: length(US, MS).map((duration): Step => ({ op: 'busy', duration })),
  },
);

const pause: fc.Arbitrary<Step> = fc.oneof(
  length(50 * US, 20 * MS).map((duration): Step => ({ op: 'sleep', duration })),
  fc.tuple(fc.integer({ min: 200 * US, max: 10 * MS }), fc.constantFrom('skip', 'keep', 'run', 'rebase')).map(
    ([periodNs, missed]): Step => ({
      op: 'timer',
      timer: 't',
      shared: false,
      periodNs,
      phaseNs: null,
      distanceNs: 0,
      missed,
    }),
  ),
  fc.constant<Step>({ op: 'yield' }),
);

const extra: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step[]>([]) },
  {
    weight: 1,
    arbitrary: work.map((step): Step[] => [{ op: 'lock', mutex: 'm' }, step, { op: 'unlock', mutex: 'm' }]),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step[]>([{ op: 'send', channel: 'c' }]),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step[]>([{ op: 'signal', condition: 'w', all: true }]),
  },
  { weight: 1, arbitrary: fc.constant<Step[]>([{ op: 'exec' }]) },
);

const settings: fc.Arbitrary<SchedSettings> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.integer({ min: -20, max: 19 }).map((nice): SchedSettings => ({ class: 'fair', nice, priority: 0 })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<SchedSettings>(
      { class: 'batch', nice: 0, priority: 0 },
      { class: 'idle', nice: 0, priority: 0 },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<SchedSettings>({ class: 'bt', nice: 0, priority: 0 }),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 7 }).map((priority): SchedSettings => ({ class: 'vmf', nice: 0, priority })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('fifo' as const, 'rr' as const), fc.integer({ min: 1, max: 99 }))
      .map(([name, priority]): SchedSettings => ({ class: name, nice: 0, priority })),
  },
  {
    idle: false,
    quota: null,
    btShares: 1024,
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.integer({ min: MS, max: 5 * MS }),
        fc.integer({ min: 0, max: 5 * MS }),
        fc.integer({ min: 0, max: 20 * MS }),
      )
      .map(
        ([runtimeNs, slackNs, restNs]): SchedSettings => ({
          class: 'deadline',
          nice: 0,
          priority: 0,
          reservation: { runtimeNs, deadlineNs: runtimeNs + slackNs, periodNs: runtimeNs + slackNs + restNs },
        }),
      ),
  },
);

function taskArbitrary(index: number, cpus: number): fc.Arbitrary<TaskSpec> {
  return fc
    .record({
      count: fc.integer({ min: 1, max: 4 }),
      sched: settings,
      before: extra,
      work,
      pause,
      cpus: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: cpus - 1 }), { minLength: 1 }), { freq: 3 }),
      pinEach: fc.boolean(),
      startNs: fc.integer({ min: 0, max: 20 * MS }),
      timerSlackNs: fc.option(fc.constantFrom(0, 1, 50 * US, 400 * US)),
      cgroup: fc.option(fc.constantFrom('a', 'b'), { freq: 2 }),
    })
    .map(({ before, work: step, pause: rest, cpus: allowed, ...more }) =>
      task(`task${index}`, [{ op: 'loop', times: null, body: [...before, step, rest] }], {
        ...more,
        cpus: allowed === null ? null : allowed.toSorted((a, b) => a - b),
      }),
    );
}

/** With two threads a core, where the number of CPUs allows it. */
function withThreads(machine: Machine, smt: boolean): Machine {
  if (!smt || machine.cpus % 2 !== 0) return machine;
  return { ...machine, threadsPerCore: 2, smtSpeed: 0.625, cpusPerLlc: machine.cpus };
}

/** Scenarios of 100 ms with 1 to 6 task declarations on 1 to 6 CPUs, two nested groups, and a task that eats messages and signals. */
export const anyScenario: fc.Arbitrary<Scenario> = fc
  .record({
    cpus: fc.integer({ min: 1, max: 6 }),
    costs: fc.boolean(),
    preemption: fc.constantFrom('voluntary', 'full', 'lazy'),
    budget: fc.boolean(),
    smt: fc.boolean(),
    server: fc.boolean(),
  })
  .chain(({ cpus, costs, preemption, budget, smt, server }) =>
    fc
      .integer({ min: 1, max: 6 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => taskArbitrary(index, cpus))))
      .map((tasks) => {
        const eater = task('eater', [
          {
            op: 'loop',
            times: null,
            body: [
              { op: 'receive', channel: 'c' },
              { op: 'run', mode: 'user', duration: { kind: 'fixed', ns: 1000 } },
            ],
          },
        ]);
        const waiter = task('waiter', [
          {
            op: 'loop',
            times: null,
            body: [
              { op: 'wait', condition: 'w', mutex: null },
              { op: 'run', mode: 'user', duration: { kind: 'fixed', ns: 2000 } },
            ],
          },
        ]);
        return scenario([...tasks, eater, waiter], {
          durationNs: 100 * MS,
          machine: withThreads(costs ? real(cpus) : ideal(cpus), smt),
          kernel: {
            ...linux61,
            preemption,
            fairServer: server ? { runtimeNs: 2 * MS, periodNs: 20 * MS } : null,
            rtPeriodNs: 40 * MS,
            rtRuntimeNs: 30 * MS,
            bt: budget
              ? {
                  periodNs: 20 * MS,
                  runtimeNs: 5 * MS,
                  percent: 100,
                  loadFair: true,
                  htIsolate: false,
                  maxThrottleTimeNs: 30 * MS,
                }
              : linux61.bt,
            vmf: { ...linux61.vmf, starvationBoundNs: budget ? 10 * MS : 0, starvationGrantNs: 2 * MS },
          },
          cgroups: [
            { name: 'a', parent: null, idle: false, quota: null, btShares: 1024, weight: 50, offline: false },
            { name: 'b', parent: 'a', idle: false, quota: null, btShares: 1024, weight: 300, offline: false },
          ],
        });
      }),
  );
