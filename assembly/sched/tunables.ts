/**
 * The kernel's scheduler tunables and features, scaled and ready for use (/sys/kernel/debug/sched, /proc/sys/kernel/sched_*).
 */
import { allocate } from '../base/arena';

@unmanaged
export class Tunables {
  latencyNs: u64;
  minGranularityNs: u64;
  wakeupGranularityNs: u64;
  idleMinGranularityNs: u64;
  migrationCostNs: u64;
  /** Up to so many tasks share one latency period (sched_nr_latency). */
  nrLatency: u32;
  gentleFairSleepers: bool;
  startDebit: bool;
  lastBuddy: bool;
  wakeupPreemption: bool;
  altPeriod: bool;
  baseSlice: bool;
  /** preempt=full: kernel code is left at the interrupt's exit, too. */
  fullPreemption: bool;
  rtPeriodNs: u64;
  /** u64.MAX_VALUE: no throttling. */
  rtRuntimeNs: u64;
  rrTicks: u32;
  btPeriodNs: u64;
  /** Longest time that BT may be kept from a CPU; 0: no guard. */
  btMaxThrottleNs: u64;
  vmfWakeupPreemption: bool;
  vmfActiveBalance: bool;
  vmfStarvationBoundNs: u64;
  vmfStarvationGrantNs: u64;
}

export let tunables: Tunables = changetype<Tunables>(0);

export function newTunables(): void {
  tunables = allocate<Tunables>();
}
