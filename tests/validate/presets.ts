/** A machine, a kernel and hand-made results for the tests of validation. */
import { bucketOf } from '../../src/results/histogram.js';
import type { HistogramData, Result, TaskResult } from '../../src/results/result.js';
import type { Kernel, Machine } from '../../src/scenario/scenario.js';
import { memoryCosts } from '../kernel/fixtures.js';

export function machine(cpus = 1): Machine {
  const costs = {
    timerIrqNs: 720,
    tickNs: 1_980,
    wakeupNs: 2_350,
    scheduleNs: 2_360,
    switchNs: 715,
    syscallNs: 1_400,
    ipiNs: 2_000,
    migrationNs: 0,
  };
  const virtualization = { exitNs: 600, entryNs: 600, timerWriteNs: 800, timerNs: 900, ipiSendNs: 1000, ipiNs: 0 };
  return {
    name: 'test',
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

export function kernel(name: string): Kernel {
  return {
    name,
    hz: 250,
    preemption: 'voluntary',
    tunableScaling: 'log',
    latencyNs: 6_000_000,
    minGranularityNs: 750_000,
    wakeupGranularityNs: 1_000_000,
    idleMinGranularityNs: 750_000,
    migrationCostNs: 500_000,
    fair: 'cfs-6.1',
    baseSliceNs: 700_000,
    fairServer: null,
    haltPoll: { mostNs: 200_000, shrink: 0 },
    paravirtTimeAccounting: false,
    coreSched: false,
    bandwidthSliceNs: 5_000_000,
    features: ['GENTLE_FAIR_SLEEPERS', 'START_DEBIT', 'LAST_BUDDY', 'WAKEUP_PREEMPTION', 'ALT_PERIOD', 'BASE_SLICE'],
    rtPeriodNs: 1_000_000_000,
    rtRuntimeNs: 950_000_000,
    rrTimesliceNs: 100_000_000,
    bt: {
      periodNs: 1_000_000_000,
      runtimeNs: -1,
      percent: 100,
      loadFair: true,
      htIsolate: false,
      maxThrottleTimeNs: 0,
    },
    vmf: { wakeupPreemption: true, activeBalance: true, starvationBoundNs: 0, starvationGrantNs: 0 },
  };
}

/** `count` samples of the same length. */
export function samples(count: number, us: number): HistogramData {
  if (count === 0) return { count: 0, sumNs: 0, minNs: 0, maxNs: 0, buckets: [] };
  const ns = us * 1000;
  return { count, sumNs: count * ns, minNs: ns, maxNs: ns, buckets: [[bucketOf(ns), count]] };
}

export interface TaskFigures {
  name: string;
  sharePct: number;
  latency: HistogramData;
  segment: HistogramData;
}

/** What a simulation of 10 s with these figures would have observed. */
export function result(switches: number, tasks: TaskFigures[]): Result {
  const durationNs = 10e9;
  return {
    scenario: 'test',
    policy: 'as recorded',
    kernel: 'linux-6.1',
    machine: 'test',
    seed: 1,
    durationNs,
    events: 0,
    switches,
    tasks: tasks.map(
      (task): TaskResult => ({
        name: task.name,
        role: null,
        count: 1,
        cpuNs: (task.sharePct / 100) * durationNs,
        waitNs: 0,
        voluntarySwitches: 0,
        involuntarySwitches: 0,
        wakeups: task.latency.count,
        migrations: 0,
        forcedIdleNs: 0,
        wakeupLatency: task.latency,
        runSegment: task.segment,
        preemptedWait: samples(0, 0),
      }),
    ),
    cpus: [],
    guests: [],
    recorders: [],
    trace: [],
  };
}
