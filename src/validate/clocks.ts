/**
 * When a recorded kernel read a runqueue's clock: a trace tells when an event was printed, the kernel charged by a time that it had read a
 * microsecond or two before.
 */
import { FAIR_PRIO } from './history.js';
import type { TracedEvent } from './trace.js';

/** In ns. */
export interface Delays {
  /** From sched_waking to the clock of the wakeup. */
  wakeNs: number;
  /** From the clock to the sched_switch of a task that a tick preempts, and if the next one is in another group, so much more. */
  preemptNs: number;
  preemptGroupNs: number;
  /** The same of a fair task that sleeps: so much more for each further level of the tree of waiting tasks. */
  sleepNs: number;
  sleepLevelNs: number;
  /** The same of a real-time task that sleeps. */
  sleepRtNs: number;
}

/**
 * `wakeNs` is from S06 recorded with and without sched_stat_runtime. The others follow from what /proc/PID/sched of the recorded tasks says that
 * they ran (kernel_accounting of the summaries), by least squares over the one-CPU cases of 6.1 and of 6.12.
 */
const DELAYS: Readonly<Record<'cfs' | 'eevdf', Delays>> = {
  cfs: {
    wakeNs: 860,
    preemptNs: 1_450,
    preemptGroupNs: 1_070,
    sleepNs: 1_730,
    sleepLevelNs: 100,
    sleepRtNs: 1_940,
  },
  eevdf: {
    wakeNs: 860,
    preemptNs: 1_860,
    preemptGroupNs: 1_000,
    sleepNs: 2_060,
    sleepLevelNs: 220,
    sleepRtNs: 2_140,
  },
};

/** Of the fair class of a kernel. */
export function delaysOf(fair: string): Delays {
  return DELAYS[fair.startsWith('eevdf') ? 'eevdf' : 'cfs'];
}

/** Given for a time: the clock is not read again (rq_clock_skip_update). */
export const CLOCK_STANDS = 0;

/** How long before a switch the clock was read; `waiting`: tasks on the queue, `regroups`: the two are of different groups. */
export function clockBeforeNs(
  delays: Delays,
  { prev, prevState }: Extract<TracedEvent, { event: 'switch' }>,
  waiting: number,
  regroups: boolean,
): number {
  if (prevState === 'runnable')
    return delays.preemptNs + (regroups && prev.prio >= FAIR_PRIO ? delays.preemptGroupNs : 0);
  if (prev.prio < FAIR_PRIO) return delays.sleepRtNs;
  const levels = Math.floor(Math.log2(Math.max(2, waiting))) - 1;
  return delays.sleepNs + levels * delays.sleepLevelNs;
}
