/** Virtual machines: guests' kernels whose CPUs are host threads (docs/model.md). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SimulationOptions, simulate } from '../../src/kernel/simulation.js';
import type { Result } from '../../src/results/result.js';
import type { Kernel, Machine, Scenario, Step, TaskSpec } from '../../src/scenario/scenario.js';
import {
  cpuNs,
  fixed,
  forever,
  hog,
  hosting,
  ideal,
  linux61,
  MS,
  periodic,
  real,
  run,
  scenario,
  sched,
  sleep,
  TICK,
  task,
  US,
} from './fixtures.js';

const SECOND = 1000 * MS;
const guest = (name: string, vcpus: number, tasks: TaskSpec[], threads: Partial<TaskSpec> = {}) => ({
  name,
  vcpus,
  tasks,
  threads,
});
const withoutPolling: Kernel = { ...linux61, haltPoll: { mostNs: 0, shrink: 0 } };

/** The latencies that the first recorder saw. */
const latencyOf = (result: Result) => {
  const [recorder] = result.recorders;
  if (recorder === undefined) throw new Error('no recorder');
  return recorder.latency;
};
const guestOf = (result: Result, name = 'vm') => {
  const found = result.guests.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no guest ${name}`);
  return found;
};

/** Time of the host and of each guest is all accounted for. */
function expectConservation({ tasks, cpus, guests, durationNs }: Result): void {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const isGuest = (name: string) => name.includes('/') && !name.endsWith('/vcpu');
  const host = tasks.filter(({ name }) => !isGuest(name)).map((one) => one.cpuNs);
  // A CPU that is in its kernel at the end has been charged ahead by those few microseconds.
  expect(Math.abs(sum(host) + sum(cpus.map(({ idleNs }) => idleNs)) - cpus.length * durationNs)).toBeLessThan(MS);
  for (const one of guests) {
    const own = tasks.filter(({ name }) => isGuest(name) && name.startsWith(`${one.name}/`)).map((each) => each.cpuNs);
    const total = sum(own) + one.idleNs + one.stealNs + one.hostNs;
    expect(Math.abs(total - one.vcpus * durationNs)).toBeLessThan(MS);
    expect(Math.min(one.idleNs, one.stealNs, one.hostNs, one.idleNs - one.haltedNs)).toBeGreaterThanOrEqual(-MS);
  }
}

describe('a guest', () => {
  // No two things happen at one instant, where their order would decide, and nothing moves.
  const load = (cpus: number) => [
    ...Array.from({ length: cpus }, (_, cpu) => [
      periodic(`periodic ${cpu}`, 3.0007 * MS + 17 * cpu, 700_003 + 1301 * cpu, { cpus: [cpu] }),
      task(`batch ${cpu}`, forever(run(5.0011 * MS + 1709 * cpu), sleep(2.0003 * MS)), {
        count: 2,
        startNs: 13_007 + 2311 * cpu,
        cpus: [cpu],
      }),
    ]).flat(),
    task('asks', forever(sleep(1.0009 * MS), { op: 'send', channel: 'q' }, run(50_021)), {
      startNs: 29_009,
      cpus: [0],
    }),
    task('answers', forever({ op: 'receive', channel: 'q' }, run(200_017)), {
      sched: sched('fair', 0, -5),
      cpus: [cpus - 1],
    }),
  ];

  it.each([1, 2, 4])('alone on a host without costs does what %i bare CPUs do', (vcpus) => {
    const bare = simulate(scenario(load(vcpus), { machine: ideal(vcpus) }), 1);
    const result = simulate(
      hosting({ machine: ideal(vcpus) }, [guest('vm', vcpus, load(vcpus), { pinEach: true })]),
      1,
    );
    const figures = ({ cpuNs: ran, waitNs, voluntarySwitches, migrations }: Result['tasks'][number]) => [
      ran,
      waitNs,
      voluntarySwitches,
      migrations,
    ];
    for (const one of bare.tasks) {
      const there = result.tasks.find(({ name }) => name === `vm/${one.name}`);
      expect(there && figures(there)).toEqual(figures(one));
    }
    expect(latencyOf(result)).toEqual(latencyOf(bare));
    expect(guestOf(result).stealNs).toBe(0);
  });

  it('pays for a timer: the host’s interrupt, wakeup and switch, the entry, and its own interrupt', () => {
    const machine: Machine = { ...real(1), noise: [], idleStates: [] };
    const { costs, virtualization: virt } = machine;
    const alone = [periodic('t', 10 * MS, 10 * US)];
    const bare = latencyOf(simulate(scenario(alone, { machine }), 1));
    const there = latencyOf(simulate(hosting({ machine, kernel: withoutPolling }, [guest('vm', 1, alone)]), 1));
    const wakesOnHost = costs.timerIrqNs + costs.wakeupNs + costs.scheduleNs + costs.switchNs;
    expect(there.minNs - bare.minNs).toBe(wakesOnHost + virt.entryNs + virt.timerNs);
  });

  it('has ticks only while it is busy, and none of them while it does not run', () => {
    const busy = forever(run(100 * MS), sleep(100 * MS));
    const { ticks } = guestOf(simulate(hosting({ machine: ideal(1) }, [guest('vm', 1, [task('t', busy)])]), 1));
    expect(ticks).toBeGreaterThanOrEqual(120);
    expect(ticks).toBeLessThanOrEqual(SECOND / 2 / TICK + 10);
    const host = { machine: ideal(1), tasks: [task('rt', hog, { sched: sched('fifo', 1) })] };
    const kernel = { ...linux61, rtRuntimeNs: -1 };
    expect(guestOf(simulate(hosting({ ...host, kernel }, [guest('vm', 1, [task('t', busy)])]), 1)).ticks).toBe(0);
  });

  it('with twice as many vCPUs as the host has CPUs gets half of the time, and sees the rest as stolen', () => {
    const pinned = { cpus: [0], pinEach: true };
    const result = simulate(
      hosting({ machine: ideal(2) }, [
        guest('a', 1, [task('t', hog)], pinned),
        guest('b', 1, [task('t', forever(run(MS)))], pinned),
      ]),
      1,
    );
    for (const name of ['a', 'b']) {
      expect(cpuNs(result, `${name}/t`) / SECOND).toBeCloseTo(0.5, 1);
      expect(guestOf(result, name).stealNs / SECOND).toBeCloseTo(0.5, 1);
    }
    expectConservation(result);
  });

  it('takes twice the time for its work when half of it is stolen', () => {
    const work: Step[] = [
      { op: 'stamp' },
      run(200 * MS),
      { op: 'record', recorder: 'took', since: 'stamp', binsUs: 0 },
      { op: 'exit' },
    ];
    const beside = (tasks: TaskSpec[]) =>
      latencyOf(simulate(hosting({ machine: ideal(1), tasks }, [guest('vm', 1, [task('t', work)])]), 1)).maxNs;
    expect(beside([])).toBe(200 * MS);
    expect(beside([task('hog', hog)]) / (400 * MS)).toBeCloseTo(1, 1);
  });

  it('is delayed by a busy host under CFS, and not under VMF', () => {
    const host = (kind: 'fair' | 'vmf'): Scenario =>
      hosting({ machine: ideal(1), tasks: [task('hog', hog, { count: 9 })], durationNs: 5 * SECOND }, [
        guest('vm', 1, [periodic('cyclictest', 7 * MS, 2 * MS)], { sched: sched(kind) }),
      ]);
    expect(latencyOf(simulate(host('vmf'), 1)).maxNs).toBe(0);
    expect(latencyOf(simulate(host('fair'), 1)).maxNs).toBeGreaterThan(MS);
  });

  it('overcommitted 2:1 is served first come, first served under VMF, and in turn under CFS', () => {
    const hogs = task('t', hog, { count: 2 });
    const shares = (kind: 'fair' | 'vmf') => {
      const threads = { sched: sched(kind) };
      const guests = [guest('a', 2, [hogs], threads), guest('b', 2, [{ ...hogs, startNs: MS }], threads)];
      const result = simulate(hosting({ machine: ideal(2) }, guests), 1);
      expectConservation(result);
      return ['a', 'b'].map((name) => cpuNs(result, `${name}/t`) / (2 * SECOND));
    };
    const [first, second] = shares('fair');
    expect(first).toBeCloseTo(0.5, 1);
    expect(second).toBeCloseTo(0.5, 1);
    expect(shares('vmf').map((share) => Math.round(share * 100))).toEqual([100, 0]);
  });
});

describe('halted', () => {
  const machine: Machine = { ...real(2), noise: [], idleStates: [] };
  const often = [periodic('often', 100 * US, 20 * US)];
  const spins = (kernel: Kernel) => simulate(hosting({ machine, kernel }, [guest('vm', 1, often)]), 1);

  it('for a short time, its thread polls and keeps its CPU', () => {
    const polling = spins(linux61);
    const sleeping = spins(withoutPolling);
    const switches = (result: Result) => result.tasks.find(({ name }) => name === 'vm/vcpu')?.voluntarySwitches ?? 0;
    expect(guestOf(polling).polls / guestOf(polling).halts).toBeGreaterThan(0.99);
    expect(switches(polling)).toBeLessThan(20);
    expect(switches(sleeping)).toBeGreaterThan(9000);
    const { scheduleNs, switchNs, wakeupNs } = machine.costs;
    const saved = latencyOf(sleeping).minNs - latencyOf(polling).minNs;
    expect(saved).toBe(scheduleNs + switchNs + wakeupNs);
    expectConservation(polling);
  });

  it('for longer than it would poll, it sleeps at once the next time', () => {
    const result = simulate(hosting({ machine }, [guest('vm', 1, [periodic('rare', MS, 20 * US)])]), 1);
    expect(guestOf(result).polls).toBe(0);
    expect(cpuNs(result, 'vm/vcpu')).toBeLessThan(0.1 * SECOND);
  });

  it('does not poll while another thread waits for the CPU', () => {
    const host = { machine: { ...machine, cpus: 1, cpusPerLlc: 1 }, tasks: [task('hog', hog)] };
    expect(guestOf(simulate(hosting(host, [guest('vm', 1, often)]), 1)).polls).toBe(0);
  });

  it('wakes for another of its CPUs, whose message is an exit', () => {
    const tasks = [
      task('asks', forever(sleep(MS), { op: 'stamp' }, { op: 'send', channel: 'q' }, run(200 * US)), { cpus: [0] }),
      task('answers', forever({ op: 'receive', channel: 'q' }, run(50 * US)), { cpus: [1] }),
    ];
    const pair = (polls: Kernel) => simulate(hosting({ machine, kernel: polls }, [guest('vm', 2, tasks)]), 1);
    const result = pair(withoutPolling);
    const answers = result.tasks.find(({ name }) => name === 'vm/answers');
    expect(answers?.wakeups).toBeGreaterThan(700);
    const { costs, virtualization: virt } = machine;
    const through = costs.ipiNs + virt.exitNs + costs.wakeupNs + costs.scheduleNs + costs.switchNs + virt.entryNs;
    expect(answers?.wakeupLatency.maxNs).toBeGreaterThan(0);
    expect(answers?.cpuNs).toBeGreaterThan(700 * 50 * US);
    expect(guestOf(result).haltedNs).toBeLessThan(2 * SECOND - 700 * through);
    expectConservation(result);
  });
});

describe('steal time', () => {
  // Half of the time the host runs something else.
  const host = {
    machine: ideal(1),
    tasks: [task('rt', forever(run(5 * MS), sleep(5 * MS)), { sched: sched('fifo', 1) })],
    durationNs: 10 * SECOND,
  };
  const tasks = [task('fifo', hog, { sched: sched('fifo', 1) }), task('fair', hog)];
  const fairOf = (paravirtTimeAccounting: boolean): Result =>
    simulate(hosting(host, [{ ...guest('vm', 1, tasks), kernel: { ...linux61, paravirtTimeAccounting } }]), 1);

  it('is charged to who was running, and throttles a real-time task that has not run for as long', () => {
    const result = fairOf(false);
    expect(cpuNs(result, 'vm/fair')).toBeGreaterThan(0.1 * SECOND);
    expect(guestOf(result).stealNs / (10 * SECOND)).toBeCloseTo(0.5, 1);
  });

  it('is nobody’s with PARAVIRT_TIME_ACCOUNTING', () => {
    const result = fairOf(true);
    expect(cpuNs(result, 'vm/fair')).toBe(0);
    expect(cpuNs(result, 'vm/fifo') / (5 * SECOND)).toBeCloseTo(1, 1);
  });
});

describe('a channel between guest and host', () => {
  const asks: Step[] = [
    sleep(MS),
    { op: 'stamp' },
    { op: 'send', channel: 'tx' },
    { op: 'receive', channel: 'rx' },
    { op: 'record', recorder: 'trip', since: 'stamp', binsUs: 0 },
  ];
  const serves = (ns: number): Step[] => [
    { op: 'receive', channel: 'vm/tx' },
    run(ns),
    { op: 'send', channel: 'vm/rx' },
  ];
  const trips = (machine: Machine, count: number, kind: 'fair' | 'vmf' = 'fair', hogs = 0, ns = 8 * US) =>
    simulate(
      hosting(
        {
          machine,
          kernel: withoutPolling,
          tasks: [
            task('vhost', forever(...serves(ns)), { role: 'vhost', count, sched: sched(kind, kind === 'vmf' ? 1 : 0) }),
            task('hog', hog, { count: Math.max(1, hogs), startNs: hogs === 0 ? 2 ** 50 : 0 }),
          ],
        },
        [{ ...guest('vm', 1, [task('app', forever(...asks))], { sched: sched(kind) }), count }],
      ),
      1,
    );

  it('wakes a thread of the host, and its answer a task of the guest', () => {
    const result = trips(ideal(2), 1);
    expect(latencyOf(result)).toMatchObject({ minNs: 8 * US, maxNs: 8 * US });
    expect(latencyOf(result).count).toBeGreaterThan(980);
  });

  it('is each instance’s own', () => {
    const result = trips(ideal(8), 3);
    expect(latencyOf(result).count).toBeGreaterThan(3 * 980);
    expect(result.tasks.find(({ name }) => name === 'vhost')?.wakeups).toBeGreaterThan(3 * 980);
  });

  it('is as fast as the host lets its thread run', () => {
    expect(latencyOf(trips(ideal(1), 1, 'fair', 4, 2 * MS)).maxNs).toBeGreaterThan(4 * MS);
    expect(latencyOf(trips(ideal(1), 1, 'vmf', 4, 2 * MS)).maxNs).toBe(2 * MS);
  });
});

/** A host with one or two guests and something beside them. */
const hosts = fc.record({
  cpus: fc.integer({ min: 1, max: 4 }),
  count: fc.integer({ min: 1, max: 3 }),
  vcpus: fc.integer({ min: 1, max: 4 }),
  costs: fc.boolean(),
  paravirtTimeAccounting: fc.boolean(),
  vcpu: fc.constantFrom(sched('fair'), sched('vmf'), sched('fifo', 1), sched('bt')),
  polls: fc.constantFrom(0, 200 * US),
  seed: fc.integer({ min: 0, max: 1000 }),
  periodUs: fc.integer({ min: 50, max: 3000 }),
  runUs: fc.integer({ min: 5, max: 2000 }),
});

describe('any host with guests', () => {
  const build = (at: Parameters<Parameters<typeof hosts.map>[0]>[0]): Scenario => {
    const machine = at.costs
      ? { ...real(at.cpus), threadsPerCore: at.cpus % 2 === 0 ? 2 : 1, smtSpeed: 0.6 }
      : ideal(at.cpus);
    const mean = { kind: 'exponential', meanNs: at.runUs * US } as const;
    const inside = [
      periodic('periodic', at.periodUs * US, (at.runUs * US) / 10),
      task('bursts', forever({ op: 'run', mode: 'user', duration: mean }, { op: 'sleep', duration: mean }), {
        count: 3,
      }),
      task('calls', forever({ op: 'run', mode: 'kernel', duration: fixed(30 * US) }, sleep(500 * US))),
      task('locked', forever({ op: 'lock', mutex: 'm' }, run(70 * US), { op: 'unlock', mutex: 'm' }, sleep(90 * US)), {
        count: 2,
      }),
    ];
    const outside = [
      task('agent', forever(sleep(2 * MS), { op: 'run', mode: 'irqoff', duration: fixed(20 * US) }, run(MS)), {
        count: 2,
      }),
      task('vhost', forever({ op: 'receive', channel: 'vm/tx' }, run(5 * US), { op: 'send', channel: 'vm/rx' }), {
        count: at.count,
      }),
    ];
    const asks = task(
      'asks',
      forever(sleep(300 * US), { op: 'send', channel: 'tx' }, { op: 'receive', channel: 'rx' }),
    );
    const kernel = { ...linux61, haltPoll: { mostNs: at.polls, shrink: 2 } };
    return hosting({ machine, kernel, tasks: outside, durationNs: 100 * MS }, [
      {
        ...guest('vm', Math.min(at.vcpus, at.cpus), [...inside, asks], { sched: at.vcpu }),
        count: at.count,
        kernel: { ...linux61, paravirtTimeAccounting: at.paravirtTimeAccounting },
      },
      guest('other', 1, inside),
    ]);
  };

  it('loses no time, repeats to the bit, and does the same with assertions on', () => {
    fc.assert(
      fc.property(hosts, (at) => {
        const built = build(at);
        const options: SimulationOptions = { build: 'debug' };
        const result = simulate(built, at.seed);
        expectConservation(result);
        expect(simulate(built, at.seed)).toEqual(result);
        expect(simulate(built, at.seed, options)).toEqual(result);
      }),
      { numRuns: 25 },
    );
  });

  it('draws what its entities draw whoever else there is', () => {
    const draws = forever({ op: 'run', mode: 'user', duration: { kind: 'exponential', meanNs: MS } }, sleep(MS));
    const cpuOf = (names: string[]) =>
      names.map((name) => guest(name, 1, [task('t', draws)], { cpus: [name === 'a' ? 0 : 1] }));
    const alone = simulate(hosting({ machine: ideal(2) }, cpuOf(['a'])), 1);
    const beside = simulate(hosting({ machine: ideal(2) }, cpuOf(['b', 'a'])), 1);
    expect(cpuNs(beside, 'a/t')).toBe(cpuNs(alone, 'a/t'));
    expect(cpuNs(beside, 'b/t')).not.toBe(cpuNs(alone, 'a/t'));
  });
});
