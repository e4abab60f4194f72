/**
 * Pressure stall information of memory: how long some task was stalled for it, and how long nothing else ran (kernel/sched/psi.c).
 * kswapd's own run counts, as in the kernel.
 *
 * Simplified: totals only, of the system as a whole; full is counted as if the stalled task were alone, which it is on one CPU.
 */
import { machine } from '../machine/machine';
import { MemCgroup } from './memcg';

/** Time that some task of a group was stalled, up to `now`. */
export function stallNs(group: MemCgroup, now: u64): u64 {
  return group.stallNs + (group.stalled != 0 && now > group.stalledSince ? now - group.stalledSince : 0);
}

/** A task in this group, or kswapd in the root, begins to wait for memory (psi_memstall_enter). */
export function enterStall(group: MemCgroup): void {
  for (let g = group; g != null; g = g.parent) if (g.stalled++ == 0) g.stalledSince = machine.now;
}

export function leaveStall(group: MemCgroup): void {
  for (let g = group; g != null; g = g.parent) {
    if (--g.stalled != 0) continue;
    g.stallNs += machine.now - g.stalledSince;
  }
}
