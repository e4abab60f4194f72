/** The experiments that ship with kpbench. */
import { cfsBurst, codis, codisBenchmark } from './codis.js';
import { btThrottle, colocation, htIsolation } from './colocation.js';
import type { Experiment } from './experiment.js';
import { rue, rueCpu, rueParts } from './rue.js';

/**
 * cyclictest -S -i 1000 on a host that sells all its CPUs: one measuring thread a CPU, first beside nothing but the host's own
 * housekeeping, then beside a full load of services and batch work.
 */
export const cyclictest: Experiment = {
  name: 'cyclictest',
  description: 'wakeup latency of one timer thread a CPU, idle and busy host',
  cases: [
    { name: 'idle', scenario: 'cyclictest-idle' },
    { name: 'busy', scenario: 'cyclictest-busy' },
  ],
  policies: ['cfs', 'vmf', 'cfs+bt', 'rt-fifo', 'cfs+idle'],
  runs: 5,
  quick: { runs: 2, durationNs: 5e9 },
  published: true,
  cyclictestFiles: true,
  timed: false,
};

/**
 * The published experiment: cyclictest -S -i 1000 in a guest of a host whose CPUs are all sold. The host's loads are fitted to the published
 * CFS column (scenarios/fits/s5-cfs.yaml); what VM First and its ablations show is predicted.
 */
export const cyclictestVm: Experiment = {
  name: 'cyclictest-vm',
  description: 'cyclictest in a guest of an idle host, and of a busy one',
  cases: [
    { name: 'idle', scenario: 'vm-idle' },
    { name: 'busy', scenario: 'vm-busy' },
  ],
  policies: ['cfs', 'vmf', 'vmf-no-preempt', 'vmf-no-balance', 'cfs+bt', 'vmf+bt', 'vmf+bt+smt', 'rt-fifo'],
  runs: 5,
  quick: { runs: 1, durationNs: 1e9 },
  published: true,
  cyclictestFiles: true,
  timed: false,
};

/** Eight periodic tasks of utilisation 1.6 on two CPUs under global EDF: what simulators of scheduling are compared with. */
export const edf8: Experiment = {
  name: 'edf8',
  description: 'response times of eight deadline tasks on two CPUs, and the speed of the simulation',
  cases: [{ name: 'edf8', scenario: 'edf8' }],
  policies: [],
  // Nothing in it is drawn: all seeds are the same.
  runs: 1,
  quick: { runs: 1, durationNs: 100e9 },
  published: false,
  cyclictestFiles: false,
  timed: true,
};

export const EXPERIMENTS: readonly Experiment[] = [
  cyclictest,
  cyclictestVm,
  codis,
  codisBenchmark,
  cfsBurst,
  colocation,
  btThrottle,
  htIsolation,
  rue,
  rueParts,
  rueCpu,
  edf8,
];
