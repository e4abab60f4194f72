/** RUE: an online service beside batch that presses for memory in four ways, with and without priorities. */
import type { Experiment, ExperimentCase } from './experiment.js';

const POLICIES = ['linux', 'linux+memcg', 'rue'];

const CASES: ExperimentCase[] = [
  { name: 'batch bursts', scenario: 'rue-burst' },
  // What a limit costs that was set for a service which turns out to be small.
  { name: 'batch bursts, small service', scenario: 'rue-burst', set: [['tasks.0.memory.areas.heap', '32MiB']] },
  { name: 'page-cache flood', scenario: 'rue-cache' },
  { name: 'swap storm', scenario: 'rue-swap' },
  { name: 'leak to OOM', scenario: 'rue-leak' },
];

export const rue: Experiment = {
  name: 'rue',
  description: 'allocation latency of an online service beside batch that presses for memory',
  cases: CASES,
  policies: POLICIES,
  runs: 2,
  quick: { runs: 1, durationNs: 1e9 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};

const alone = (part: string): string => `rue-only-${part}`;
const leftOut = (part: string): string => `rue-no-${part}`;
const partsCase = (name: string, parts: readonly string[]): ExperimentCase => ({
  ...(CASES.find((item) => item.name === name) ?? { name, scenario: name }),
  policies: [...parts.map(alone), ...parts.map(leftOut)],
});

/** Each part alone and left out, in the cases in which it has something to do. */
export const rueParts: Experiment = {
  name: 'rue-parts',
  description: 'RUE with each of its parts alone, and with each left out',
  cases: [
    partsCase('batch bursts', ['tiers', 'reclaim', 'async', 'accelerate', 'speed', 'latency']),
    partsCase('page-cache flood', ['cache']),
    partsCase('leak to OOM', ['tiers', 'reclaim', 'accelerate', 'speed', 'oom']),
  ],
  policies: [],
  runs: 1,
  quick: { runs: 1, durationNs: 1e9 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};

/** Few CPUs: kswapd and RUE's threads compete for them with the service and batch. */
const FEW_CPUS = [['machine.cpus', '4']] as const;

export const rueCpu: Experiment = {
  name: 'rue-cpu',
  description: 'memory and CPU policies together: kswapd and RUE’s threads compete under fair, BT and VMF',
  cases: [
    { name: 'batch bursts', scenario: 'rue-burst', set: FEW_CPUS },
    { name: 'swap storm', scenario: 'rue-swap', set: FEW_CPUS },
  ],
  policies: ['linux', 'linux+bt', 'linux+vmf+bt', 'rue', 'rue+bt', 'rue+vmf+bt'],
  runs: 1,
  quick: { runs: 1, durationNs: 1e9 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};
