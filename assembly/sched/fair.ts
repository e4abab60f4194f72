/**
 * SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE (kernel/sched/fair.c): under CFS (Linux 6.1) the task that has had least weighted time runs,
 * under EEVDF (6.12) the one that is owed time and has the earliest virtual deadline. Where it differs is said in docs/model.md.
 */
import { Policy, Task } from '../task/task';
import { newidleBalance } from './balance';
import { placeEntity, sliceExpired, wakeupPreemptEntity } from './cfs';
import { classOf, Flags, Rank, SchedClass } from './class';
import { updateCurr } from './curr';
import { SchedEntity } from './entity';
import { cancelProtection, eligible, isProtected, minSlice, pickEevdf, placeEntityEevdf, preemptsShort } from './eevdf';
import { startFairServer } from './fair_server';
import { entityOf, queueOf, updateCfsGroup } from './group';
import {
  dequeuePath,
  enqueuePath,
  Left,
  matching,
  pickPath,
  putPrevPath,
  setLastBuddy,
  setNextBuddy,
  setNextPath,
  switchPath,
} from './hierarchy';
import { initTaskAvg, removeSleeper, Update, updateLoadAvg } from './load_avg';
import { masks, setBit } from './masks';
import { selectFairRq } from './place';
import { requeueDelayed } from './queue';
import { Rq, rqOf, updateRqClock } from './rq';
import { moveToFront } from './task_list';
import { tunables } from './tunables';
import { addEstimate, subEstimate, updateEstimate } from './util_est';
import { calcDeltaFair, clearBuddies } from './virtual_time';
import { reschedCurrLazy } from './wake';

export class FairClass extends SchedClass {
  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    return selectFairRq(task, prevCpu, flags);
  }

  migrateTaskRq(task: Task): void {
    const q = task.cfsRq;
    if (!q.eevdf) task.vruntime -= q.minVruntime;
    updateRqClock(rqOf(q.cpu));
    removeSleeper(q, task);
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    if (tunables.utilEst && (!task.delayed || (flags & Flags.DELAYED) != 0)) addEstimate(rq, task);
    if ((flags & Flags.DELAYED) != 0) {
      requeueDelayed(task.cfsRq, task);
      return;
    }
    setQueue(rq, task);
    if (enqueuePath(task, flags)) rq.nrRunning++;
    startFairServer(rq);
    if (rq.nrRunning > 1) setBit(masks.fair, rq.id);
  }

  dequeueTask(rq: Rq, task: Task, flags: u32): bool {
    const estimates = tunables.utilEst && (flags & Flags.SLEEP) != 0;
    if (tunables.utilEst && !task.delayed) subEstimate(rq, task);
    if (estimates && tunables.utilEstEarly) updateEstimate(task);
    const left = dequeuePath(task, flags);
    if (estimates && !tunables.utilEstEarly) updateEstimate(task);
    if (left == Left.NOT) return false;
    if (left == Left.ALL) rq.nrRunning--;
    return true;
  }

  yieldTask(rq: Rq): void {
    if (rq.nrRunning == 1) return;
    const task = rq.curr;
    const q = task.cfsRq;
    clearBuddies(task);
    if (q.eevdf || task.policy != Policy.BATCH) {
      updateRqClock(rq);
      updateCurr(q);
    }
    if (q.eevdf) {
      // Who owes time already gives up nothing more.
      if (tunables.yieldForfeits && !eligible(q, task)) return;
      if (tunables.yieldForfeits) task.vruntime = task.deadline;
      task.deadline += calcDeltaFair(task.slice, task);
    } else {
      for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) se.cfsRq.skip = se;
    }
  }

  /** check_preempt_wakeup */
  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    const curr = rq.curr;
    if (curr == task || task.cfsRq.isFrozen || rq.needResched) return;
    if (!tunables.eevdf) this.preemptCfs(rq, curr, task);
    else if (tunables.wakeupPreemption && this.preemptsEevdf(curr, task)) reschedCurrLazy(rq);
  }

  private preemptCfs(rq: Rq, curr: Task, task: Task): void {
    const many = curr.cfsRq.nrRunning >= tunables.nrLatency;
    let se = changetype<SchedEntity>(curr);
    if (!(curr.idle && !task.idle)) {
      if (task.policy != Policy.NORMAL || !tunables.wakeupPreemption) return;
      se = matching(curr, task);
      const pse = matching(task, curr);
      if (se.idle != pse.idle) {
        if (pse.idle) return;
      } else {
        updateCurr(se.cfsRq);
        if (wakeupPreemptEntity(se, pse) != 1) return;
        setNextBuddy(pse);
      }
    }
    reschedCurrLazy(rq);
    if (tunables.lastBuddy && many && se.onRq && se == curr) setLastBuddy(se);
  }

  private preemptsEevdf(curr: Task, task: Task): bool {
    const se = matching(curr, task);
    const pse = matching(task, curr);
    if (se.idle != pse.idle) {
      if (!se.idle) return false;
      // In 6.6 it stays protected, and may well be chosen again.
      if (!tunables.currWinsTies) cancelProtection(se);
      return true;
    }
    if (task.policy != Policy.NORMAL) return false;
    const q = se.cfsRq;
    updateCurr(q);
    if (tunables.vprot) return this.preemptsVprot(se, pse);
    if (preemptsShort(q, pse, se)) cancelProtection(se);
    return pickEevdf(q, true) == pse;
  }

  /** 6.18: a wakee with a shorter slice is judged as if nothing were protected, and shortens the protection if it loses. */
  private preemptsVprot(se: SchedEntity, pse: SchedEntity): bool {
    const short = tunables.preemptShort && pse.slice < se.slice;
    if (pickEevdf(se.cfsRq, !short) == pse) {
      if (short) cancelProtection(se);
      return true;
    }
    const until = se.vruntime + calcDeltaFair(minSlice(se.cfsRq, se), se);
    if (short && isProtected(se) && <i64>(until - <u64>se.vlag) < 0) se.vlag = <i64>until;
    return false;
  }

  balance(rq: Rq, _prev: Task): bool {
    return rq.cfs.nrRunning != 0 || newidleBalance(rq);
  }

  pickTask(rq: Rq): Task | null {
    return rq.cfs.nrRunning == 0 ? null : pickPath(rq.cfs);
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const next = this.pickTask(rq);
    if (next == null || next == prev) return next;
    if (prev.rank == Rank.FAIR) {
      switchPath(prev, next);
    } else {
      classOf(prev).putPrevTask(rq, prev);
      setNextPath(next);
    }
    if (!tunables.loadHistory) moveToFront(rq, next);
    return next;
  }

  putPrevTask(_rq: Rq, task: Task): void {
    putPrevPath(task);
  }

  setNextTask(rq: Rq, task: Task): void {
    setNextPath(task);
    if (!tunables.loadHistory) moveToFront(rq, task);
  }

  taskTick(rq: Rq, task: Task): void {
    for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) {
      const q = se.cfsRq;
      updateCurr(q);
      updateLoadAvg(q, se, Update.TG);
      updateCfsGroup(se);
      if (!q.eevdf && q.nrRunning > 1 && sliceExpired(q, se)) reschedCurrLazy(rq);
    }
  }

  /** Under CFS a child starts no earlier than its parent and one slice behind the queue (task_fork_fair). */
  taskFork(rq: Rq, task: Task): void {
    updateRqClock(rq);
    setQueue(rq, task);
    const q = task.cfsRq;
    const curr = q.curr;
    if (curr != null) updateCurr(q);
    if (q.eevdf) {
      task.vlag = 0;
      task.relDeadline = false;
      placeEntityEevdf(q, task, Flags.INITIAL);
      return;
    }
    if (curr != null) task.vruntime = curr.vruntime;
    placeEntity(q, task, true);
    task.vruntime -= q.minVruntime;
  }

  /** What it has weighed goes with it. */
  taskDead(task: Task): void {
    removeSleeper(task.cfsRq, task);
  }

  switchedFrom(_rq: Rq, task: Task): void {
    if (task.avg.lastUpdateTime == 0) return;
    updateLoadAvg(task.cfsRq, task, Update.DETACH);
    task.avg.lastUpdateTime = 0;
  }

  /** Its averages begin on the CPU that it will start on. */
  initTask(rq: Rq, task: Task): void {
    setQueue(rq, task);
    initTaskAvg(task.cfsRq, task);
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
