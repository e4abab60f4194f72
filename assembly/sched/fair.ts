/**
 * SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE as CFS of Linux 6.1 schedules them (kernel/sched/fair.c): the task that has had least
 * weighted time runs. Where it differs from 6.1 is said in docs/model.md.
 */
import { Policy, Task } from '../task/task';
import { linkFair, newidleBalance, unlinkFair } from './balance';
import { classOf, Flags, Rank, SchedClass } from './class';
import { SchedEntity } from './entity';
import { entityOf, queueOf, updateCfsGroup } from './group';
import { masks, setBit } from './masks';
import { selectFairRq } from './place';
import { dequeueEntity, enqueueEntity } from './queue';
import { Rq, updateRqClock } from './rq';
import { tunables } from './tunables';
import {
  clearBuddies,
  pickNextEntity,
  placeEntity,
  putPrevEntity,
  setNextEntity,
  sliceExpired,
  updateCurr,
  wakeupPreemptEntity,
} from './vruntime';
import { reschedCurr } from './wake';

const NONE: SchedEntity = changetype<SchedEntity>(0);

export class FairClass extends SchedClass {
  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    return selectFairRq(task, prevCpu, flags);
  }

  migrateTaskRq(task: Task): void {
    task.vruntime -= task.cfsRq.minVruntime;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    setQueue(rq, task);
    const idle: u32 = task.idlePolicy ? 1 : 0;
    let se = changetype<SchedEntity>(task);
    let entityFlags = flags;
    // The caller has not yet marked the task itself as queued.
    for (; se != null && !se.onRq; se = se.parent_) {
      const q = se.cfsRq;
      enqueueEntity(q, se, entityFlags);
      q.hNrRunning++;
      q.idleHNrRunning += idle;
      entityFlags = Flags.WAKEUP;
    }
    for (; se != null; se = se.parent_) {
      const q = se.cfsRq;
      updateCurr(q);
      updateCfsGroup(se);
      q.hNrRunning++;
      q.idleHNrRunning += idle;
    }
    rq.nrRunning++;
    masks.nrYielding += idle;
    linkFair(rq, task);
    if (rq.nrRunning > 1) setBit(masks.fair, rq.id);
  }

  dequeueTask(rq: Rq, task: Task, flags: u32): void {
    const idle: u32 = task.idlePolicy ? 1 : 0;
    let se = changetype<SchedEntity>(task);
    let entityFlags = flags;
    while (se != null) {
      const q = se.cfsRq;
      dequeueEntity(q, se, entityFlags);
      q.hNrRunning--;
      q.idleHNrRunning -= idle;
      se = se.parent_;
      if (q.weight != 0) {
        // The group still has something to run: bias the pick to stay in it.
        if ((flags & Flags.SLEEP) != 0) setNextBuddy(se);
        break;
      }
      entityFlags |= Flags.SLEEP;
    }
    for (; se != null; se = se.parent_) {
      const q = se.cfsRq;
      updateCurr(q);
      updateCfsGroup(se);
      q.hNrRunning--;
      q.idleHNrRunning -= idle;
    }
    rq.nrRunning--;
    masks.nrYielding -= idle;
    unlinkFair(rq, task);
  }

  yieldTask(rq: Rq): void {
    if (rq.nrRunning == 1) return;
    const task = rq.curr;
    clearBuddies(task.cfsRq, task);
    if (task.policy != Policy.BATCH) {
      updateRqClock(rq);
      updateCurr(task.cfsRq);
    }
    task.cfsRq.skip = task;
  }

  /** check_preempt_wakeup */
  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    const curr = rq.curr;
    if (curr == task || rq.needResched) return;
    if (curr.idlePolicy && !task.idlePolicy) {
      preempt(rq, curr);
      return;
    }
    if (task.policy != Policy.NORMAL || !tunables.wakeupPreemption) return;
    // find_matching_se: lift both to siblings of one queue.
    let se = changetype<SchedEntity>(curr);
    let pse = changetype<SchedEntity>(task);
    while (se.depth > pse.depth) se = se.parent_;
    while (pse.depth > se.depth) pse = pse.parent_;
    while (se.cfsRq != pse.cfsRq) {
      se = se.parent_;
      pse = pse.parent_;
    }
    updateCurr(se.cfsRq);
    if (wakeupPreemptEntity(se, pse) != 1) return;
    setNextBuddy(pse);
    preempt(rq, curr);
  }

  balance(rq: Rq, _prev: Task): bool {
    return rq.cfs.nrRunning != 0 || newidleBalance(rq);
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    if (rq.cfs.nrRunning == 0) return null;
    const wasFair = prev.rank == Rank.FAIR;
    if (!wasFair) classOf(prev).putPrevTask(rq, prev);
    let q = rq.cfs;
    let se: SchedEntity;
    do {
      let curr = q.curr;
      if (curr != null) {
        if (curr.onRq) updateCurr(q);
        else curr = NONE;
      }
      se = pickNextEntity(q, curr);
      if (!wasFair) setNextEntity(q, se);
      q = se.myQ;
    } while (q != null);
    const next = changetype<Task>(se);
    if (prev == next) return next;
    if (wasFair) switchPath(prev, se);
    // Most recently picked first, so that balance takes the others.
    unlinkFair(rq, next);
    linkFair(rq, next);
    return next;
  }

  putPrevTask(_rq: Rq, task: Task): void {
    for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) {
      if (se.onRq) updateCurr(se.cfsRq);
      putPrevEntity(se.cfsRq, se);
    }
  }

  setNextTask(_rq: Rq, task: Task): void {
    for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) setNextEntity(se.cfsRq, se);
  }

  taskTick(rq: Rq, task: Task): void {
    for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) {
      const q = se.cfsRq;
      updateCurr(q);
      updateCfsGroup(se);
      if (q.nrRunning > 1 && sliceExpired(q, se)) reschedCurr(rq);
    }
  }

  /** A child starts no earlier than its parent and one slice behind the queue (task_fork_fair). */
  taskFork(rq: Rq, task: Task): void {
    updateRqClock(rq);
    setQueue(rq, task);
    const q = task.cfsRq;
    const curr = q.curr;
    if (curr != null) {
      updateCurr(q);
      task.vruntime = curr.vruntime;
    }
    placeEntity(q, task, true);
    task.vruntime -= q.minVruntime;
  }

  updateCurr(rq: Rq): void {
    for (let se = changetype<SchedEntity>(rq.curr); se != null; se = se.parent_) updateCurr(se.cfsRq);
  }
}

/** The queue of the task's group on this CPU becomes its queue (set_task_rq). */
function setQueue(rq: Rq, task: Task): void {
  const group = task.group;
  if (group == null) {
    task.cfsRq = rq.cfs;
    return;
  }
  task.cfsRq = queueOf(group, rq.id);
  task.parent_ = entityOf(group, rq.id);
  task.depth = task.parent_.depth + 1;
}

/** Marks an entity and its groups as the next to be picked (set_next_buddy); SCHED_IDLE never is. */
function setNextBuddy(entity: SchedEntity): void {
  for (let se = entity; se != null; se = se.parent_) {
    if (!se.onRq || se.idlePolicy) return;
    se.cfsRq.next = se;
  }
}

function preempt(rq: Rq, curr: Task): void {
  reschedCurr(rq);
  if (!curr.onRq || curr.idlePolicy || !tunables.lastBuddy || curr.cfsRq.nrRunning < tunables.nrLatency) return;
  for (let se = changetype<SchedEntity>(curr); se != null && se.onRq; se = se.parent_) se.cfsRq.last = se;
}

/** Puts back and takes out only that part of two tasks' paths in which they differ. */
function switchPath(prev: Task, next: SchedEntity): void {
  let pse = changetype<SchedEntity>(prev);
  let se = next;
  while (se.cfsRq != pse.cfsRq) {
    const seDepth = se.depth;
    const pseDepth = pse.depth;
    if (seDepth <= pseDepth) {
      putPrevEntity(pse.cfsRq, pse);
      pse = pse.parent_;
    }
    if (seDepth >= pseDepth) {
      setNextEntity(se.cfsRq, se);
      se = se.parent_;
    }
  }
  putPrevEntity(pse.cfsRq, pse);
  setNextEntity(se.cfsRq, se);
}
