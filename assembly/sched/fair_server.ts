/**
 * The fair server (kernel/sched/deadline.c dl_server of 6.12): fair tasks that the real-time class keeps from a CPU get their guaranteed time
 * (50 ms a second) when it is nearly too late for it (at the zero-laxity point). As soon as they have had it, in this way or in the ordinary
 * one, a new period begins.
 *
 * Simplified: not a deadline entity among others but a grant before the real-time class.
 */
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { Rq } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** A fair task has come: a period begins, unless one runs (dl_server_start). */
export function startFairServer(rq: Rq): void {
  if (tunables.fairServerRuntimeNs != 0 && !rq.fairServer.started && !rq.fairBoosted) newPeriod(rq, machine.now);
}

/** The period that runs at time 0 is so old that fair tasks would get their time then. */
export function agePeriod(rq: Rq, zeroLaxity: u64): void {
  startTimer(rq, rq.fairServer, zeroLaxity, 0);
  rq.fairDeadline = zeroLaxity + tunables.fairServerRuntimeNs;
}

/** replenish_dl_new_period, start_dl_timer */
function newPeriod(rq: Rq, now: u64): void {
  rq.fairServed = 0;
  rq.fairBoosted = false;
  rq.fairDeadline = now + tunables.fairServerPeriodNs;
  startTimer(rq, rq.fairServer, rq.fairDeadline - tunables.fairServerRuntimeNs, 0);
}

/** Fair tasks have run for so long (dl_server_update, update_curr_dl_se). */
export function chargeFairServer(rq: Rq, delta: u64): void {
  rq.fairServed += delta;
  if (rq.fairServed < tunables.fairServerRuntimeNs) return;
  if (rq.fairBoosted) reschedCurr(rq);
  newPeriod(rq, machine.now);
}

/** If fair tasks wait and have had less than their due, they go first when there is just time enough left for the rest (dl_server_timer). */
export function fairServerTimer(rq: Rq): void {
  if (rq.cfs.nrRunning == 0) return;
  const zeroLaxity = rq.fairDeadline - (tunables.fairServerRuntimeNs - rq.fairServed);
  if (machine.now < zeroLaxity) {
    startTimer(rq, rq.fairServer, zeroLaxity, 0);
    return;
  }
  rq.fairBoosted = true;
  reschedCurr(rq);
}
