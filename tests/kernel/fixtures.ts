/** Machines, kernels and tasks for tests, built in code; and what a trace says about who ran and who waited. */
import type { Result, TraceEvent } from '../../src/results/result.js';
import { guestMachine } from '../../src/scenario/resolve.js';
import type {
  CgroupSpec,
  Duration,
  Guest,
  Kernel,
  Machine,
  MemoryCosts,
  Scenario,
  SchedSettings,
  Step,
  TaskSpec,
} from '../../src/scenario/scenario.js';

export const MS = 1e6;
export const US = 1e3;
/** Tick period at HZ = 250. */
export const TICK = 4 * MS;

export const linux61: Kernel = {
  name: 'linux-6.1',
  hz: 250,
  preemption: 'voluntary',
  tunableScaling: 'log',
  latencyNs: 6 * MS,
  minGranularityNs: 0.75 * MS,
  wakeupGranularityNs: MS,
  idleMinGranularityNs: 0.75 * MS,
  migrationCostNs: 0.5 * MS,
  fair: 'cfs-6.1',
  baseSliceNs: 700_000,
  fairServer: null,
  haltPoll: { mostNs: 200_000, shrink: 0 },
  paravirtTimeAccounting: false,
  coreSched: false,
  bandwidthSliceNs: 5_000_000,
  features: ['GENTLE_FAIR_SLEEPERS', 'START_DEBIT', 'LAST_BUDDY', 'WAKEUP_PREEMPTION', 'ALT_PERIOD', 'BASE_SLICE'],
  rtPeriodNs: 1000 * MS,
  rtRuntimeNs: 950 * MS,
  rrTimesliceNs: 100 * MS,
  bt: { periodNs: 1000 * MS, runtimeNs: -1, percent: 100, loadFair: true, htIsolate: false, maxThrottleTimeNs: 0 },
  vmf: { wakeupPreemption: true, activeBalance: true, starvationBoundNs: 0, starvationGrantNs: 0 },
};

/** Memory operations that take a little time, as all must: one, ten and a hundred times as long as the shortest. */
export const memoryCosts: MemoryCosts = {
  hitNs: 10,
  faultNs: 1000,
  refillNs: 100,
  refillPageNs: 100,
  lruAddNs: 100,
  readNs: 100,
  readPageNs: 100,
  readaheadPageNs: 100,
  ioNs: 1000,
  writeNs: 100,
  writePageNs: 100,
  writebackNs: 100,
  chargeNs: 20,
  passNs: 1000,
  directNs: 100,
  balanceNs: 100,
  groupPassNs: 100,
  batchNs: 100,
  scanNs: 100,
  rmapNs: 100,
  stealNs: 100,
  buffersNs: 100,
  pageoutNs: 1000,
  deactivateNs: 100,
  freeNs: 100,
  hugeFaultNs: 100_000,
  compactScanNs: 10,
  migrateNs: 1000,
  vmpressureNs: 2000,
};

/** A machine on which nothing but memory costs time. */
export function ideal(cpus: number): Machine {
  const costs = {
    timerIrqNs: 0,
    tickNs: 0,
    wakeupNs: 0,
    scheduleNs: 0,
    switchNs: 0,
    syscallNs: 0,
    ipiNs: 0,
    migrationNs: 0,
  };
  const virtualization = { exitNs: 0, entryNs: 0, timerWriteNs: 0, timerNs: 0, ipiSendNs: 0, ipiNs: 0 };
  return {
    name: 'ideal',
    cpus,
    cpusPerLlc: cpus,
    threadsPerCore: 1,
    smtSpeed: 1,
    tickSkewNs: 0,
    costs,
    virtualization,
    idleStates: [],
    noise: [],
    memoryCosts,
  };
}

/** A machine with costs, idle states and noise. */
export function real(cpus: number): Machine {
  return {
    ...ideal(cpus),
    name: 'real',
    cpusPerLlc: Math.max(1, Math.ceil(cpus / 2)),
    costs: {
      timerIrqNs: 700,
      tickNs: 1800,
      wakeupNs: 1200,
      scheduleNs: 600,
      switchNs: 900,
      syscallNs: 400,
      ipiNs: 1500,
      migrationNs: 5000,
    },
    virtualization: { exitNs: 600, entryNs: 600, timerWriteNs: 800, timerNs: 900, ipiSendNs: 1000, ipiNs: 0 },
    idleStates: [
      { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
      { name: 'C6', exitLatencyNs: 90_000, targetResidencyNs: 300_000 },
    ],
    noise: [
      {
        name: 'nic',
        kind: 'irq',
        interval: { kind: 'exponential', meanNs: 3 * MS },
        length: { kind: 'lognormal', medianNs: 4000, sigma: 0.5 },
      },
      {
        name: 'softirq',
        kind: 'preemptoff',
        interval: { kind: 'exponential', meanNs: 7 * MS },
        length: { kind: 'uniform', minNs: 5000, maxNs: 60_000 },
      },
    ],
  };
}

export const fixed = (ns: number): Duration => ({ kind: 'fixed', ns });
export const run = (ns: number): Step => ({ op: 'run', mode: 'user', duration: fixed(ns) });
export const kernelRun = (ns: number): Step => ({ op: 'run', mode: 'kernel', duration: fixed(ns) });
export const sleep = (ns: number): Step => ({ op: 'sleep', duration: fixed(ns) });
export const forever = (...body: Step[]): Step[] => [{ op: 'loop', times: null, body }];
export const hog = forever(run(1000 * MS));

export const fair = (nice = 0): SchedSettings => ({ class: 'fair', nice, priority: 0 });
export const sched = (name: SchedSettings['class'], priority = 0, nice = 0): SchedSettings => ({
  class: name,
  nice,
  priority,
});

export function task(name: string, program: Step[], more: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name,
    count: 1,
    role: null,
    sched: fair(),
    sliceNs: null,
    cookie: null,
    startCpu: null,
    startLagNs: null,
    cgroup: null,
    cpus: null,
    pinEach: false,
    startNs: 0,
    start: 'run',
    timerSlackNs: 0,
    program,
    ...more,
  };
}

/** A periodic task that records its timer latency. */
export function periodic(name: string, periodNs: number, runNs: number, more: Partial<TaskSpec> = {}): TaskSpec {
  const timer: Step = {
    op: 'timer',
    timer: 't',
    shared: false,
    periodNs,
    phaseNs: null,
    distanceNs: 0,
    missed: 'skip',
  };
  const record: Step = { op: 'record', recorder: 'latency', since: 'timer', binsUs: 100 };
  return task(name, forever(timer, record, run(runNs)), more);
}

export function scenario(tasks: TaskSpec[], more: Partial<Scenario> = {}): Scenario {
  return {
    name: 'test',
    description: '',
    durationNs: 1000 * MS,
    bootNs: 0,
    rtPhaseNs: null,
    machine: ideal(1),
    kernel: linux61,
    policy: 'test',
    cgroups: [],
    tasks,
    guests: [],
    ...more,
  };
}

/** A host that runs guests: `threads` says how the vCPU threads of each are scheduled, and where. */
export function hosting(
  {
    tasks = [],
    ...host
  }: { machine: Machine; kernel?: Kernel; cgroups?: CgroupSpec[]; tasks?: TaskSpec[]; durationNs?: number },
  guests: Array<Pick<Guest, 'name' | 'tasks'> & Partial<Guest> & { vcpus: number; threads?: Partial<TaskSpec> }>,
): Scenario {
  const threads = guests.map(({ name, count = 1, vcpus, threads: more }) =>
    task(`${name}/vcpu`, [{ op: 'vcpu', guest: name }], { count: count * vcpus, role: 'vcpu', ...more }),
  );
  return scenario([...tasks, ...threads], {
    ...host,
    guests: guests.map(({ vcpus, threads: _, ...guest }) => ({
      count: 1,
      machine: guestMachine(host.machine, vcpus),
      kernel: linux61,
      policy: 'test',
      cgroups: [],
      ...guest,
    })),
  });
}

/** Trace of the whole run. */
export const WHOLE = { fromNs: 0, toNs: 2 ** 52, capacity: 1 << 18 };

/** CPU time of a task in ns. */
export function cpuNs(result: Result, name: string): number {
  const found = result.tasks.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no task ${name}`);
  return found.cpuNs;
}

export interface Interval {
  task: string;
  cpu: number;
  from: number;
  to: number;
}

/** From a trace: who ran when and where, and who was runnable but did not run. Idle is a task named swapper/N. */
export function intervals(events: TraceEvent[], endNs: number): { ran: Interval[]; waited: Interval[] } {
  const ran: Interval[] = [];
  const waited: Interval[] = [];
  const running = new Map<number, { task: string; from: number }>();
  const waiting = new Map<string, { cpu: number; from: number }>();
  const stopWaiting = (name: string, at: number): void => {
    const wait = waiting.get(name);
    if (wait === undefined) return;
    waiting.delete(name);
    waited.push({ task: name, cpu: wait.cpu, from: wait.from, to: at });
  };
  for (const event of events) {
    if (event.event === 'wakeup') {
      const isRunning = [...running.values()].some(({ task: name }) => name === event.task);
      if (!isRunning && !waiting.has(event.task)) waiting.set(event.task, { cpu: event.target, from: event.at });
    } else if (event.event === 'migrate') {
      if (waiting.has(event.task)) {
        stopWaiting(event.task, event.at);
        waiting.set(event.task, { cpu: event.to, from: event.at });
      }
    } else if (event.event === 'switch') {
      const before = running.get(event.cpu);
      if (before !== undefined && event.at > before.from) ran.push({ ...before, cpu: event.cpu, to: event.at });
      running.set(event.cpu, { task: event.next, from: event.at });
      stopWaiting(event.next, event.at);
      if (event.prevState.startsWith('R') && !event.prev.startsWith('swapper')) {
        waiting.set(event.prev, { cpu: event.cpu, from: event.at });
      }
    }
  }
  for (const [cpu, before] of running) if (endNs > before.from) ran.push({ ...before, cpu, to: endNs });
  for (const name of [...waiting.keys()]) stopWaiting(name, endNs);
  return { ran, waited };
}

/** The longest time that an interval of one list overlaps one of the other, on the same CPU or (`anyCpu`) on any. */
export function longestOverlap(some: Interval[], others: Interval[], anyCpu = false): number {
  let longest = 0;
  const cpus = new Set(some.map(({ cpu }) => cpu));
  const lists = anyCpu
    ? [...new Set(others.map(({ cpu }) => cpu))].map(
        (cpu) => [some, others.filter((other) => other.cpu === cpu)] as const,
      )
    : [...cpus].map(
        (cpu) => [some.filter((one) => one.cpu === cpu), others.filter((other) => other.cpu === cpu)] as const,
      );
  for (const [ones, those] of lists) {
    const sorted = those.toSorted((x, y) => x.from - y.from);
    for (const one of ones) {
      // Those of one CPU do not overlap each other, or are few: find the first that may reach into `one`.
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((sorted[middle]?.to ?? 0) <= one.from) low = middle + 1;
        else high = middle;
      }
      for (let i = low; i < sorted.length && (sorted[i]?.from ?? 0) < one.to; i++) {
        const other = sorted[i];
        if (other !== undefined)
          longest = Math.max(longest, Math.min(one.to, other.to) - Math.max(one.from, other.from));
      }
    }
  }
  return longest;
}
