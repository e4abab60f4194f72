/**
 * Coming onto a deadline queue, leaving it, and being charged (kernel/sched/deadline.c enqueue_dl_entity, dequeue_dl_entity,
 * update_curr_dl_se); the same for tasks and fair servers.
 */
import { traceThrottle } from '../observe/trace';
import {
  beginPeriod,
  cancelDlTimer,
  checkConstrained,
  replenish,
  startDlTimer,
  stopDeferring,
  updateDlEntity,
} from './cbs';
import { Flags, Rank } from './class';
import { DlEntity, timeBefore } from './dl_entity';
import { clearBit, masks, setBit } from './masks';
import { Rq } from './rq';
import { reschedCurr } from './wake';

/** Puts an entity on its queue, unless it is throttled: then its timer will. */
export function enqueueDlEntity(rq: Rq, dl: DlEntity, flags: u32): void {
  if (!dl.throttled && !dl.implicit) checkConstrained(rq, dl);
  if (dl.throttled && !dl.isServer && (flags & Flags.REPLENISH) == 0) return;
  if ((flags & Flags.WAKEUP) != 0) updateDlEntity(rq, dl);
  else if ((flags & Flags.REPLENISH) != 0) replenish(rq, dl);
  else if ((flags & Flags.SAVE) != 0 && timeBefore(dl.deadline, rq.clock)) beginPeriod(rq, dl);
  if (dl.throttled) {
    if (startDlTimer(rq, dl)) return;
    stopDeferring(dl);
  }
  rq.dl.insert(dl);
  dl.queued = true;
  if (!dl.isServer) rq.nrRunning++;
  if (++rq.dl.nrRunning == 1) clearBit(masks.dlFree, rq.id);
  else setBit(masks.dl, rq.id);
}

/** Takes an entity from its queue, if it is there. */
export function dequeueDlEntity(rq: Rq, dl: DlEntity): void {
  if (!dl.queued) return;
  rq.dl.erase(dl);
  dl.queued = false;
  if (!dl.isServer) rq.nrRunning--;
  if (--rq.dl.nrRunning == 0) setBit(masks.dlFree, rq.id);
}

/** Charges an entity for `delta` ns; one that has used its runtime up is throttled until its next period. */
export function chargeDlEntity(rq: Rq, dl: DlEntity, delta: i64): void {
  if (delta > 0) dl.runtime -= delta;
  else if (!dl.yielded) return;
  if (dl.runtime > 0 && !dl.yielded) return;
  if (dl.isServer && dl.throttled) {
    // Fair tasks have had their due without it.
    dl.deferRunning = false;
    cancelDlTimer(dl);
    beginPeriod(rq, dl);
    startDlTimer(rq, dl);
    return;
  }
  dl.throttled = true;
  dequeueDlEntity(rq, dl);
  traceThrottle(rq.id, Rank.DEADLINE, true);
  if (!startDlTimer(rq, dl)) {
    if (dl.isServer) {
      beginPeriod(rq, dl);
      startDlTimer(rq, dl);
    } else {
      enqueueDlEntity(rq, dl, Flags.REPLENISH);
    }
  }
  if (rq.dl.first != dl) reschedCurr(rq);
}
