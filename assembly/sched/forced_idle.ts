/**
 * Forced idle: a CPU is idle although tasks wait for it, because a sibling thread runs one that they must not share the core with. Observed
 * on the CPU that idles and, as the kernel does (kernel/sched/core_sched.c __sched_core_account_forceidle), on the tasks to blame.
 */
import { machine } from '../machine/machine';
import { coreBegin, coreEnd } from './masks';
import { Rq, rqOf } from './rq';

/** Says whether a CPU is forced to be idle from now on: as soon as it is, or as long as it already is. */
export function noteForcedIdle(rq: Rq, forced: bool): void {
  if (rq.curr == rq.idle) endForcedIdle(rq, machine.now);
  rq.forced = forced;
  rq.forcedSince = machine.now;
}

/** The CPU has been idle until `until`. */
export function endForcedIdle(rq: Rq, until: u64): void {
  const since = max(rq.forcedSince, rq.idle.switchedIn);
  if (!rq.forced || until <= since) return;
  rq.forcedIdleNs += until - since;
  rq.forcedSince = until;
}

/** Charges the core's forced idle time to the tasks that run there, each with an equal part. */
export function chargeForcedIdle(rq: Rq, until: u64): void {
  const core = rq.core;
  if (core.forcedIdle == 0 || core.occupied == 0 || until <= core.forcedSince) return;
  const share = ((until - core.forcedSince) * core.forcedIdle) / core.occupied;
  core.forcedSince = until;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) {
    const thread = rqOf(cpu);
    const task = thread.corePick != null ? thread.corePick : thread.curr;
    if (task != thread.idle) task.spec.forcedIdleNs += share;
  }
}
