/**
 * Walking the hierarchy of groups, from a task's entity up to its CPU's root queue and back (kernel/sched/fair.c enqueue_task_fair,
 * dequeue_entities, pick_task_fair, find_matching_se). The fair and the BT class share it: each has root and group queues of its own.
 */
import { Task } from '../task/task';
import { pickNextEntity } from './cfs';
import { Flags } from './class';
import { updateCurr } from './curr';
import { CfsRq, SchedEntity } from './entity';
import { eligible, minSlice, pickEevdf } from './eevdf';
import { updateCfsGroup } from './group';
import { resumePelt, Update, updateLoadAvg } from './load_avg';
import { masks } from './masks';
import { dequeueEntity, enqueueEntity, putPrevEntity, requeueDelayed, setNextEntity } from './queue';
import { rqOf } from './rq';
import { linkTask, unlinkTask } from './task_list';
import { checkThrottle } from './throttle';
import { tunables } from './tunables';

const NONE: SchedEntity = changetype<SchedEntity>(0);

/** The running entity, unless it has just left the queue. */
function onQueue(curr: SchedEntity): SchedEntity {
  return curr != null && curr.onRq ? curr : NONE;
}

/** Gives a group's entity the shortest slice below it, as one of its own (6.12). */
function followSlice(se: SchedEntity, q: CfsRq, slice: u32): void {
  if (slice == 0 || slice == u32.MAX_VALUE) return;
  se.slice = slice;
  if (se.customSlice == (slice != tunables.baseSliceNs)) return;
  se.customSlice = !se.customSlice;
  if (!se.onRq) return;
  if (se.customSlice) q.nrCustomSlices++;
  else q.nrCustomSlices--;
}

/** Puts a task, and those of its groups that were empty, on their queues. False: above it a group is throttled, so it does not count. */
export function enqueuePath(task: Task, flags: u32): bool {
  const rq = rqOf(task.cfsRq.cpu);
  linkTask(rq, task);
  if (task.yields) masks.nrYielding++;
  let idle: u32 = task.idle ? 1 : 0;
  if (task.parent_ == null) {
    const root = task.cfsRq;
    enqueueEntity(root, task, flags);
    root.hNrRunning++;
    root.idleHNrRunning += idle;
    return true;
  }
  let se = changetype<SchedEntity>(task);
  let entityFlags = flags;
  let slice: u32 = 0;
  for (; se != null; se = se.parent_) {
    if (se.onRq) {
      if (se.delayed) requeueDelayed(se.cfsRq, se);
      break;
    }
    const q = se.cfsRq;
    if (se.myQ != null && q.eevdf) followSlice(se, q, slice);
    enqueueEntity(q, se, entityFlags);
    if (q.eevdf && q.entity != null) slice = minSlice(q, onQueue(q.curr));
    q.hNrRunning++;
    q.idleHNrRunning += idle;
    if (q.idle) idle = 1;
    if (q.nrRunning == 1) checkEnqueueThrottle(q);
    if (q.isOff) return false;
    entityFlags = Flags.WAKEUP;
  }
  for (; se != null; se = se.parent_) {
    const q = se.cfsRq;
    updateLoadAvg(q, se, Update.TG);
    updateCfsGroup(se);
    if (q.eevdf) {
      followSlice(se, q, slice);
      if (q.entity != null) slice = minSlice(q, onQueue(q.curr));
    }
    q.hNrRunning++;
    q.idleHNrRunning += idle;
    if (q.idle) idle = 1;
    if (q.isOff) return false;
  }
  return true;
}

/** A queue that gets its first entity may have no runtime left (check_enqueue_throttle). */
function checkEnqueueThrottle(q: CfsRq): void {
  if (q.curr == null) checkThrottle(q, true);
  if (q.peltStopped && tunables.throttlesTasks) resumePelt(q);
}

/** What became of a task that was to leave. */
export namespace Left {
  /** It stays on its queue, asleep, to work its lag off. */
  export const NOT: i32 = -1;
  /** It has left, but a throttled group above it counted it out before. */
  export const BELOW_THROTTLE: i32 = 0;
  export const ALL: i32 = 1;
}

/** Takes an entity, and those of its groups that become empty, from their queues (dequeue_entities). */
export function dequeuePath(entity: SchedEntity, flags: u32): i32 {
  const below = entity.myQ;
  if (below == null && entity.parent_ == null) return dequeueFromRoot(changetype<Task>(entity), flags);
  const count: u32 = below == null ? 1 : below.hNrRunning;
  let idle: u32 = below == null ? (entity.idle ? 1 : 0) : below.idleHNrRunning;
  let slice: u32 = 0;
  let se = entity;
  let entityFlags = flags;
  while (se != null) {
    const q = se.cfsRq;
    if (!dequeueEntity(q, se, entityFlags)) {
      if (se == entity && below == null) return Left.NOT;
      slice = minSlice(q, onQueue(q.curr));
      break;
    }
    if (se == entity && below == null) unlink(changetype<Task>(se));
    q.hNrRunning -= count;
    q.idleHNrRunning -= idle;
    if (q.idle) idle = count;
    if (q.isOff) return Left.BELOW_THROTTLE;
    if (q.weight != 0) {
      if (q.eevdf) slice = minSlice(q, onQueue(q.curr));
      // The group still has something to run: bias the pick to stay in it.
      if ((flags & Flags.SLEEP) != 0 && se.parent_ != null && !q.isFrozen) setNextBuddy(se.parent_);
      se = se.parent_;
      break;
    }
    se = se.parent_;
    entityFlags = (entityFlags | Flags.SLEEP) & ~(Flags.DELAYED | Flags.SPECIAL);
  }
  for (; se != null; se = se.parent_) {
    const q = se.cfsRq;
    updateLoadAvg(q, se, Update.TG);
    updateCfsGroup(se);
    if (q.eevdf) {
      followSlice(se, q, slice);
      slice = minSlice(q, onQueue(q.curr));
    }
    q.hNrRunning -= count;
    q.idleHNrRunning -= idle;
    if (q.idle) idle = count;
    if (q.isOff) return Left.BELOW_THROTTLE;
  }
  return Left.ALL;
}

/** A task that is in no group. */
function dequeueFromRoot(task: Task, flags: u32): i32 {
  const root = task.cfsRq;
  if (!dequeueEntity(root, task, flags)) return Left.NOT;
  unlink(task);
  root.hNrRunning--;
  if (task.idle) root.idleHNrRunning--;
  return Left.ALL;
}

function unlink(task: Task): void {
  unlinkTask(rqOf(task.cfsRq.cpu), task);
  if (task.yields) masks.nrYielding--;
}

/** Marks an entity and its groups as the next to be picked (set_next_buddy); idle ones never are. */
export function setNextBuddy(entity: SchedEntity): void {
  for (let se = entity; se != null; se = se.parent_) {
    if (!se.onRq || se.idle) return;
    se.cfsRq.next = se;
  }
}

/** Marks an entity that is preempted as the one to go back to (set_last_buddy). */
export function setLastBuddy(entity: SchedEntity): void {
  for (let se = entity; se != null; se = se.parent_) {
    if (!se.onRq || se.idle) return;
    se.cfsRq.last = se;
  }
}

/** Descends from a root queue to the task that should run; null if throttling or late sleepers leave none. */
export function pickPath(root: CfsRq): Task | null {
  let q = root;
  while (q.nrRunning != 0) {
    let curr = q.curr;
    if (curr != null) {
      if (curr.onRq) updateCurr(q);
      else curr = NONE;
    }
    if (q.group != null && checkThrottle(q, false) && q.isOff) {
      q = root;
      continue;
    }
    const se = q.eevdf ? pickLive(q) : pickNextEntity(q, curr);
    if (se == null) {
      q = root;
      continue;
    }
    q = se.myQ;
    if (q == null) return changetype<Task>(se);
  }
  return null;
}

/** EEVDF's choice. Null: it had gone to sleep, and now that its turn has come it leaves (pick_next_entity of 6.12). */
function pickLive(q: CfsRq): SchedEntity {
  if (tunables.pickBuddy && q.next != null && eligible(q, q.next)) return q.next;
  const se = pickEevdf(q, true);
  if (!se.delayed) return se;
  const rq = rqOf(q.cpu);
  const count: u32 = se.myQ == null ? 1 : se.myQ.hNrRunning;
  if (dequeuePath(se, Flags.SLEEP | Flags.DELAYED) == Left.ALL) rq.nrRunning -= count;
  return NONE;
}

/** The running task's path is put back. */
export function putPrevPath(task: Task): void {
  for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) putPrev(se);
}

function putPrev(se: SchedEntity): void {
  const q = se.cfsRq;
  if (se.onRq) updateCurr(q);
  if (q.group != null) checkThrottle(q, false);
  putPrevEntity(q, se);
}

/** A task's path becomes the running one. */
export function setNextPath(task: Task): void {
  for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) setNextEntity(se.cfsRq, se);
}

/** From one task to another of the class: only that part of their paths in which they differ is put back and taken out. */
export function switchPath(prev: Task, next: Task): void {
  let pse = changetype<SchedEntity>(prev);
  let se = changetype<SchedEntity>(next);
  while (se.cfsRq != pse.cfsRq) {
    const seDepth = se.depth;
    const pseDepth = pse.depth;
    if (seDepth <= pseDepth) {
      putPrev(pse);
      pse = pse.parent_;
    }
    if (seDepth >= pseDepth) {
      setNextEntity(se.cfsRq, se);
      se = se.parent_;
    }
  }
  putPrev(pse);
  setNextEntity(se.cfsRq, se);
}

/** The ancestor of `se` (or itself) that is a sibling of an ancestor of `other` (find_matching_se). */
export function matching(se: SchedEntity, other: SchedEntity): SchedEntity {
  if (se.cfsRq == other.cfsRq) return se;
  let a = se;
  let b = other;
  while (a.depth > b.depth) a = a.parent_;
  while (b.depth > a.depth) b = b.parent_;
  while (a.cfsRq != b.cfsRq) {
    a = a.parent_;
    b = b.parent_;
  }
  return a;
}
