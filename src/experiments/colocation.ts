/** Co-location as the TencentOS README reports it for BT: an online module alone, beside batch in cgroups, beside batch in BT. */
import type { Experiment, ExperimentCase } from './experiment.js';

type Changes = ReadonlyArray<readonly [path: string, value: string]>;

/** Places of the tasks in scenarios/colocation.yaml. */
const RATE = 'tasks.1.program.0.loop.0.arrive';
const BATCH_SLEEP = 'tasks.3.program.0.loop.1.sleep';

/** An online module that uses so many percent of the host: each request is worth 60 µs and eight CPUs are 800 %. */
const onlinePct = (pct: number): Changes => [[RATE, `{exponential: ${Math.round(60_000 / (8 * (pct / 100)))}ns}`]];

/** Batch that could use so many percent: 16 workers that compute 5 ms at a time and sleep between. */
const batchPct = (pct: number): Changes => [
  [BATCH_SLEEP, `{exponential: ${Math.round(5_000_000 * ((16 * 100) / (8 * pct) - 1))}ns}`],
];
const NO_BATCH: Changes = [['tasks.3.start', '60min']];
/** Eight CPUs are the threads of four cores; the client has one of its own. */
const HYPER_THREADS: Changes = [
  ['machine.cpus', '10'],
  ['machine.threadsPerCore', '2'],
];

/** Eight threads bound to each CPU, as a service that shards its work has them: none can go to another CPU that is idle. */
const BOUND: Changes = [
  ['tasks.2.count', '64'],
  ['tasks.2.pin', 'each'],
];

function module(
  name: string,
  online: number,
  batches: ReadonlyArray<number | null>,
  changes: Changes = [],
): ExperimentCase[] {
  return batches.map((batch) => ({
    name: batch === null ? `${name} alone` : `${name} + batch ${batch} %`,
    scenario: 'colocation',
    set: [...changes, ...onlinePct(online), ...(batch === null ? NO_BATCH : batchPct(batch))],
    ...(batch === null ? { policies: ['cfs'] } : {}),
  }));
}

/**
 * The three modules of the README, and the first with bound threads. A request of module A is late after a time that was chosen so that, alone, some 200 to 300 a second are:
 * calibrated on that column only.
 */
export const colocation: Experiment = {
  name: 'colocation',
  description: 'an online module alone, beside batch in cgroups, and beside batch in BT',
  cases: [
    ...module('A', 15, [null, 15, 45]),
    ...module('A bound', 15, [null, 15, 45], BOUND),
    ...module('B', 20, [null, 30]),
    ...module('C', 9, [null, 30, 80]),
  ],
  policies: ['cfs', 'cfs+cgroups', 'cfs+weights', 'cfs+bt'],
  runs: 3,
  quick: { runs: 1, durationNs: 500e6 },
  timeoutNs: 225_000,
  published: true,
  cyclictestFiles: false,
  timed: false,
};

/** kernel.sched_bt_* of batch that would fill the host: percent of every CPU that BT may use, against the online tail. */
export const btThrottle: Experiment = {
  name: 'bt-throttle',
  description: 'percent of every CPU that BT may use, against the online tail',
  cases: [0, 10, 25, 50, 75, 100].map((percent) => ({
    name: `${percent} %`,
    scenario: 'colocation',
    set: [...onlinePct(20), [BATCH_SLEEP, '0'], ['kernel', `{preset: tk3-4.14, bt: {percent: ${percent}}}`]],
  })),
  policies: ['cfs+bt'],
  runs: 3,
  quick: { runs: 1, durationNs: 500e6 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};

/** Hyper-threads: batch beside the online module on a core, or kept off it by core scheduling or by BT's isolation. */
export const htIsolation: Experiment = {
  name: 'ht-isolation',
  description: 'hyper-threads: an online module alone, beside batch, and with batch kept off its cores',
  cases: [
    {
      name: 'alone',
      scenario: 'colocation',
      set: [...HYPER_THREADS, ...onlinePct(20), ...NO_BATCH],
      policies: ['cfs'],
    },
    {
      name: 'beside batch',
      scenario: 'colocation',
      set: [...HYPER_THREADS, ...onlinePct(20), [BATCH_SLEEP, '0']],
      policies: ['cfs', 'core-sched', 'cfs+bt'],
    },
    {
      name: 'isolated',
      scenario: 'colocation',
      set: [
        ...HYPER_THREADS,
        ...onlinePct(20),
        [BATCH_SLEEP, '0'],
        ['kernel', '{preset: tk3-4.14, bt: {htIsolate: true}}'],
      ],
    },
  ],
  policies: ['cfs+bt'],
  runs: 3,
  quick: { runs: 1, durationNs: 500e6 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};
