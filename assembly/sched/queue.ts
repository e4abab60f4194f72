/**
 * Coming onto and leaving a vruntime-ordered queue (kernel/sched/fair.c enqueue_entity, dequeue_entity). A sleeper keeps its absolute
 * vruntime; everything else (migration, a change of class) travels relative to the queue's min_vruntime.
 */
import { Flags } from './class';
import { CfsRq, SchedEntity } from './entity';
import { updateCfsGroup } from './group';
import { accountDequeue, accountEnqueue, clearBuddies, placeEntity, updateCurr, updateMinVruntime } from './vruntime';

/** An entity comes onto its queue (enqueue_entity). */
export function enqueueEntity(q: CfsRq, se: SchedEntity, flags: u32): void {
  const renormalise = (flags & Flags.WAKEUP) == 0 || (flags & Flags.MIGRATED) != 0;
  const isCurr = q.curr == se;
  if (renormalise && isCurr) se.vruntime += q.minVruntime;
  updateCurr(q);
  if (renormalise && !isCurr) se.vruntime += q.minVruntime;
  updateCfsGroup(se);
  accountEnqueue(q, se);
  if ((flags & Flags.WAKEUP) != 0) placeEntity(q, se, false);
  // Not cache-hot where it has never run.
  if ((flags & Flags.MIGRATED) != 0) se.execStart = 0;
  if (!isCurr) q.insert(se);
  se.onRq = true;
}

/** An entity leaves its queue (dequeue_entity). */
export function dequeueEntity(q: CfsRq, se: SchedEntity, flags: u32): void {
  updateCurr(q);
  clearBuddies(q, se);
  if (se != q.curr) q.erase(se);
  se.onRq = false;
  accountDequeue(q, se);
  // A sleeper keeps its place; whatever comes back elsewhere or otherwise travels relative to min_vruntime.
  if ((flags & Flags.SLEEP) == 0) se.vruntime -= q.minVruntime;
  updateCfsGroup(se);
  if ((flags & Flags.SAVE) == 0) updateMinVruntime(q);
}
