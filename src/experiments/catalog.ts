/** The experiments that ship with kpbench. */
import type { Experiment } from './experiment.js';

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
  cyclictestFiles: true,
};

export const EXPERIMENTS: readonly Experiment[] = [cyclictest];
