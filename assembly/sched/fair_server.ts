/**
 * The fair server (kernel/sched/deadline.c dl_server of 6.12): fair tasks that the real-time class has kept from a CPU until the end of a
 * period is near get what is left of their guaranteed time before it (50 ms a second, deferred to the zero-laxity point).
 *
 * Simplified: not a deadline entity among others but a grant before the real-time class.
 */
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { Rq } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** A fair task has come: the period begins, unless one runs (dl_server_start). */
export function startFairServer(rq: Rq): void {
  if (tunables.fairServerRuntimeNs == 0 || rq.fairServer.started) return;
  rq.fairServed = 0;
  startTimer(rq, rq.fairServer, machine.now + tunables.fairServerPeriodNs - tunables.fairServerRuntimeNs, 0);
}

/** Fair tasks have run for so long; what they get in the ordinary way counts, too (dl_server_update). */
export function chargeFairServer(rq: Rq, delta: u64): void {
  rq.fairServed += delta;
  if (!rq.fairBoosted || rq.fairServed < tunables.fairServerRuntimeNs) return;
  rq.fairBoosted = false;
  rq.fairServed = 0;
  reschedCurr(rq);
}

/** The zero-laxity point: if fair tasks wait and have had less than their due, they go first now. */
export function fairServerTimer(rq: Rq): void {
  if (rq.cfs.nrRunning == 0) return;
  if (rq.fairServed < tunables.fairServerRuntimeNs) {
    rq.fairBoosted = true;
    reschedCurr(rq);
  }
  // What is granted now belongs to the next period's account.
  rq.fairServed = 0;
  startTimer(rq, rq.fairServer, rq.fairServer.soft + tunables.fairServerPeriodNs, 0);
}
