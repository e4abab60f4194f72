/**
 * Coming onto and leaving a queue, being chosen and put back (kernel/sched/fair.c enqueue_entity, dequeue_entity, set_next_entity,
 * put_prev_entity).
 *
 * Under CFS a sleeper keeps its absolute vruntime and everything else (migration, a change of class) travels relative to min_vruntime.
 * Under EEVDF it is the lag that travels, and who goes to sleep owing time stays on the queue until that is worked off.
 */
import { bandwidthOf, returnRuntime } from './bandwidth';
import { addLeaf } from './blocked';
import { placeEntity, updateMinVruntime } from './cfs';
import { Flags } from './class';
import { updateCurr } from './curr';
import { CfsRq, SchedEntity } from './entity';
import {
  eligible,
  eraseEntity,
  insertEntity,
  placeEntityEevdf,
  protectSlice,
  updateEntityLag,
  updateReference,
} from './eevdf';
import { updateCfsGroup } from './group';
import { stopPelt, Update, updateLoadAvg } from './load_avg';
import { rqOf } from './rq';
import { tunables } from './tunables';
import { accountDequeue, accountEnqueue, clearBuddies } from './virtual_time';

const NONE: SchedEntity = changetype<SchedEntity>(0);

function insert(q: CfsRq, se: SchedEntity): void {
  if (q.eevdf) {
    insertEntity(q, se);
  } else {
    se.key = se.vruntime;
    q.insert(se);
  }
}

function erase(q: CfsRq, se: SchedEntity): void {
  if (q.eevdf) eraseEntity(q, se);
  else q.erase(se);
}

/** An entity comes onto its queue (enqueue_entity). */
export function enqueueEntity(q: CfsRq, se: SchedEntity, flags: u32): void {
  const isCurr = q.curr == se;
  if (q.eevdf) {
    if (isCurr) placeEntityEevdf(q, se, flags);
    updateCurr(q);
    updateLoadAvg(q, se, Update.TG | Update.ATTACH);
    updateCfsGroup(se);
    if (!isCurr) placeEntityEevdf(q, se, flags);
    if (se.customSlice) q.nrCustomSlices++;
  } else {
    const renormalise = (flags & Flags.WAKEUP) == 0 || (flags & Flags.MIGRATED) != 0;
    if (renormalise && isCurr) se.vruntime += q.minVruntime;
    updateCurr(q);
    if (renormalise && !isCurr) se.vruntime += q.minVruntime;
    updateLoadAvg(q, se, Update.TG | Update.ATTACH);
    updateCfsGroup(se);
  }
  accountEnqueue(q, se);
  if (q.nrRunning == 1 && q.group != null && tunables.pelt) addLeaf(q);
  if (!q.eevdf && (flags & Flags.WAKEUP) != 0) placeEntity(q, se, false);
  // Not cache-hot where it has never run.
  if ((flags & Flags.MIGRATED) != 0) se.execStart = 0;
  if (!isCurr) insert(q, se);
  se.onRq = true;
}

/** An entity leaves its queue (dequeue_entity). False: it stays until its lag is worked off (set_delayed). */
export function dequeueEntity(q: CfsRq, se: SchedEntity, flags: u32): bool {
  updateCurr(q);
  clearBuddies(se);
  const sleeps = (flags & Flags.SLEEP) != 0;
  const mayDelay =
    sleeps && q.eevdf && (flags & (Flags.DELAYED | Flags.SPECIAL | Flags.THROTTLE)) == 0 && tunables.delayDequeue;
  if (mayDelay && !eligible(q, se)) {
    updateLoadAvg(q, se, 0);
    se.delayed = true;
    return false;
  }
  updateLoadAvg(q, se, Update.TG | ((flags & Flags.MIGRATED) != 0 ? Update.DETACH : 0));
  if ((flags & Flags.MIGRATED) != 0) se.avg.lastUpdateTime = 0;
  if (q.eevdf) {
    updateEntityLag(q, se);
    if (tunables.placeRelDeadline && !sleeps) {
      se.deadline -= se.vruntime;
      se.relDeadline = true;
    }
    if (se.customSlice) q.nrCustomSlices--;
  }
  if (se != q.curr) erase(q, se);
  se.onRq = false;
  accountDequeue(q, se);
  if (!q.eevdf && !sleeps) se.vruntime -= q.minVruntime;
  const bandwidth = bandwidthOf(q);
  if (bandwidth != null && q.nrRunning == 0) returnRuntime(bandwidth, q);
  updateCfsGroup(se);
  if ((flags & Flags.SAVE) == 0) {
    if (q.eevdf) updateReference(q);
    else updateMinVruntime(q);
  }
  if ((flags & Flags.DELAYED) != 0) finishDelayed(se);
  if (q.nrRunning == 0 && q.throttleCount != 0 && !q.peltStopped) stopPelt(q);
  return true;
}

/** Its lag is worked off, and none is left in its favour (clear_delayed, DELAY_ZERO). */
function finishDelayed(se: SchedEntity): void {
  se.delayed = false;
  if (tunables.delayZero && se.vlag > 0) se.vlag = 0;
}

/** It wakes before its lag was worked off (requeue_delayed_entity): what it is owed by now is forgotten, what it owes stays. */
export function requeueDelayed(q: CfsRq, se: SchedEntity): void {
  if (tunables.delayZero) {
    updateEntityLag(q, se);
    if (se.vlag > 0) {
      const isCurr = q.curr == se;
      q.nrRunning--;
      if (!isCurr) eraseEntity(q, se);
      se.vlag = 0;
      placeEntityEevdf(q, se, 0);
      if (!isCurr) insertEntity(q, se);
      q.nrRunning++;
    }
  }
  updateLoadAvg(q, se, 0);
  se.delayed = false;
}

/** The chosen entity leaves the tree and becomes the running one (set_next_entity). */
export function setNextEntity(q: CfsRq, se: SchedEntity): void {
  clearBuddies(se);
  if (se.onRq) {
    erase(q, se);
    updateLoadAvg(q, se, Update.TG);
  }
  se.execStart = rqOf(q.cpu).clock;
  q.curr = se;
  if (!q.eevdf) se.prevSumExec = se.sumExec;
  else if (se.onRq) protectSlice(q, se);
}

/** The running entity goes back into the tree, if it can still run (put_prev_entity); it has been charged. */
export function putPrevEntity(q: CfsRq, se: SchedEntity): void {
  if (se.onRq) {
    insert(q, se);
    updateLoadAvg(q, se, 0);
  }
  q.curr = NONE;
}
