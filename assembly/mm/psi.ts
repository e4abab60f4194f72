/**
 * Pressure stall information of memory: how long some task of a group was stalled for it, and the averages of that over 10, 60 and 300 seconds
 * (kernel/sched/psi.c). kswapd's own run counts, as in the kernel.
 *
 * Simplified: `some` only; averages are brought up to date exactly when a period ends, which the kernel does up to a tick later.
 */
import { machine } from '../machine/machine';
import { MemCgroup } from './memcg';

/** FSHIFT, FIXED_1; what a period leaves of the averages (EXP_10s, EXP_60s, EXP_300s). */
const SHIFT: u64 = 11;
const ONE: u64 = 1 << SHIFT;
const LEFT_10: u64 = 1677;
const LEFT_60: u64 = 1981;
const LEFT_300: u64 = 2034;

/** Time that some task of a group was stalled, up to `now`. */
export function stallNs(group: MemCgroup, now: u64): u64 {
  return group.stallNs + (group.stalled != 0 && now > group.stalledSince ? now - group.stalledSince : 0);
}

/** A task in this group, or kswapd in the root, begins to wait for memory (psi_memstall_enter). */
export function enterStall(group: MemCgroup): void {
  for (let g = group; g != null; g = g.parent) {
    if (g.stalled == 0) {
      updateAverages(g, machine.now);
      g.stalledSince = machine.now;
    }
    g.stalled++;
  }
}

export function leaveStall(group: MemCgroup): void {
  for (let g = group; g != null; g = g.parent) {
    if (g.stalled == 1) {
      updateAverages(g, machine.now);
      g.stallNs += machine.now - g.stalledSince;
    }
    g.stalled--;
  }
}

/** Goes through the periods that have ended (update_averages): whole percents of each go into the averages. */
export function updateAverages(group: MemCgroup, now: u64): void {
  // PSI_FREQ: two seconds and a tick, from boot on.
  const period = (2_000_000_000 / machine.tickPeriodNs + 1) * machine.tickPeriodNs;
  if (group.averagedAt == 0) group.averagedAt = (period - (machine.bootNs % period)) % period;
  while (now >= group.averagedAt + period) {
    group.averagedAt += period;
    const total = stallNs(group, group.averagedAt);
    const percent = ((min(total - group.averagedNs, period) * 100) / period) << SHIFT;
    group.averagedNs = total;
    group.avg10 = calcLoad(group.avg10, LEFT_10, percent);
    group.avg60 = calcLoad(group.avg60, LEFT_60, percent);
    group.avg300 = calcLoad(group.avg300, LEFT_300, percent);
  }
}

/** calc_load: rounded up while it rises. */
function calcLoad(load: u64, left: u64, active: u64): u64 {
  const next = load * left + active * (ONE - left) + (active >= load ? ONE - 1 : 0);
  return next >> SHIFT;
}

/** An average in percent. */
export function percentOf(load: u64): f64 {
  return <f64>load / <f64>ONE;
}
