/** The kernel's clock of ticks, by which timeouts and estimates of bandwidth go (kernel/time/timer.c). */
import { machine } from '../machine/machine';

const NSEC_PER_SEC: u64 = 1_000_000_000;

/** Ticks a second. */
export function hz(): u64 {
  return NSEC_PER_SEC / machine.tickPeriodNs;
}

/** Ticks since boot. */
export function jiffies(): u64 {
  return (machine.bootNs + machine.now) / machine.tickPeriodNs;
}
