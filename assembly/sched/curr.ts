/**
 * Charging the running entity of a queue for the time since it was last looked at (kernel/sched/fair.c update_curr).
 */
import { Task } from '../task/task';
import { accountRuntime, bandwidthOf } from './bandwidth';
import { updateMinVruntime } from './cfs';
import { Rank } from './class';
import { CfsRq, SchedEntity } from './entity';
import { givesWay, updateDeadline, updateReference } from './eevdf';
import { chargeFairServer } from './fair_server';
import { rqOf } from './rq';
import { tunables } from './tunables';
import { calcDeltaFair, clearBuddies } from './virtual_time';
import { reschedCurrLazy } from './wake';

/** Charges the running entity of a queue up to the clock; returns the time charged. */
export function updateCurr(q: CfsRq): u64 {
  const curr = q.curr;
  if (curr == null) return 0;
  const now = rqOf(q.cpu).clock;
  const delta = now - curr.execStart;
  if (<i64>delta <= 0) return 0;
  curr.execStart = now;
  curr.sumExec += delta;
  curr.vruntime += calcDeltaFair(delta, curr);
  if (q.eevdf) chargeEevdf(q, curr);
  else updateMinVruntime(q);
  if (tunables.fairServerRuntimeNs != 0 && !curr.isGroup && changetype<Task>(curr).rank == Rank.FAIR) {
    chargeFairServer(rqOf(q.cpu), delta);
  }
  const bandwidth = bandwidthOf(q);
  if (bandwidth != null) accountRuntime(bandwidth, q, delta);
  return delta;
}

/** EEVDF notices the end of a slice whenever it charges, not only at ticks. */
function chargeEevdf(q: CfsRq, curr: SchedEntity): void {
  const renewed = updateDeadline(curr);
  updateReference(q);
  if (!givesWay(q, curr, renewed)) return;
  reschedCurrLazy(rqOf(q.cpu));
  clearBuddies(curr);
}
