/**
 * BT, TencentOS's batch class below CFS (kernel/sched/batch.c of TencentOS 4.14): a second CFS that runs only where no fair task wants
 * to, within a budget a CPU and period, debt carried over; and the starvation guard of the 6.6 line.
 */
import { startTimer } from '../machine/hrtimer';
import { HrTimer } from '../machine/timer';
import { machine } from '../machine/machine';
import { traceThrottle } from '../observe/trace';
import { Task } from '../task/task';
import { newidleBt } from './bt_balance';
import { selectBtRq } from './bt_place';
import { placeEntity, schedSlice, sliceExpired, wakeupPreemptEntity } from './cfs';
import { classOf, Flags, Rank, SchedClass } from './class';
import { updateCurr } from './curr';
import { SchedEntity } from './entity';
import { entityOf, queueOf, updateCfsGroup } from './group';
import { dequeuePath, enqueuePath, matching, pickPath, putPrevPath, setNextBuddy, setNextPath } from './hierarchy';
import { isIsolated } from './ht_isolate';
import { removeSleeper } from './load_avg';
import { masks, setBit } from './masks';
import { BtRq, Rq, rqOf, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { clearBuddies } from './virtual_time';
import { reschedCurr } from './wake';

const NONE: SchedEntity = changetype<SchedEntity>(0);

export class BtClass extends SchedClass {
  constructor(private period: HrTimer) {
    super();
  }

  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    if ((flags & Flags.EXEC) != 0) return prevCpu;
    return selectBtRq(task, prevCpu, (flags & Flags.FORK) != 0);
  }

  /** Unlike CFS it does not make the vruntime relative, so that the task comes in far behind (migrate_task_rq_bt; recorded in B26d). */
  migrateTaskRq(task: Task): void {
    removeSleeper(task.cfsRq, task);
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    const bt = rq.bt;
    this.updateCurr(rq);
    if (bt.nrRunning == 0) {
      bt.starvedSince = rq.clock;
      if (!bt.throttled) bt.blockedSince = rq.clock;
    }
    setQueue(rq, task);
    enqueuePath(task, flags);
    if (!bt.throttled) rq.nrRunning++;
    if (rq.nrRunning > 1) setBit(masks.bt, rq.id);
    if (bt.runtime < tunables.btPeriodNs && !this.period.started) this.armPeriod();
  }

  dequeueTask(rq: Rq, task: Task, flags: u32): bool {
    const bt = rq.bt;
    this.updateCurr(rq);
    dequeuePath(task, flags);
    if (bt.nrRunning == 0 && !bt.throttled) bt.blockedSince = 0;
    if (!bt.throttled) rq.nrRunning--;
    return true;
  }

  yieldTask(rq: Rq): void {
    if (rq.bt.hNrRunning == 1) return;
    const q = rq.curr.cfsRq;
    clearBuddies(rq.curr);
    updateRqClock(rq);
    this.updateCurr(rq);
    q.skip = rq.curr;
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    const curr = rq.curr;
    if (curr == task || rq.needResched) return;
    this.updateCurr(rq);
    const pse = matching(task, curr);
    if (wakeupPreemptEntity(matching(curr, task), pse) != 1) return;
    // Tasks are never buddies here (set_next_buddy_bt).
    if (pse.isGroup) setNextBuddy(pse);
    reschedCurr(rq);
  }

  /** Newidle balance: only when fair has found nothing and the CPU would go idle. */
  balance(rq: Rq, _prev: Task): bool {
    if (!rq.bt.throttled && rq.bt.nrRunning != 0) return true;
    return rq.nrRunning == 0 && newidleBt(rq);
  }

  pickTask(rq: Rq): Task | null {
    const bt = rq.bt;
    this.updateCurr(rq);
    return bt.nrRunning == 0 || bt.throttled || isIsolated(rq) ? null : pickPath(bt);
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const bt = rq.bt;
    this.updateCurr(rq);
    if (bt.nrRunning == 0 || bt.throttled || isIsolated(rq)) return null;
    // Unlike CFS it always puts the previous task back, so that one picked again begins a new slice (recorded in B03).
    classOf(prev).putPrevTask(rq, prev);
    const next = pickPath(bt)!;
    this.setNextTask(rq, next);
    return next;
  }

  putPrevTask(rq: Rq, task: Task): void {
    this.updateCurr(rq);
    putPrevPath(task);
    rq.bt.starvedSince = rq.clock;
    if (task.onRq) setBit(masks.bt, rq.id);
  }

  setNextTask(_rq: Rq, task: Task): void {
    setNextPath(task);
  }

  taskTick(rq: Rq, task: Task): void {
    const bt = rq.bt;
    this.updateCurr(rq);
    bt.starvedSince = rq.clock;
    if (bt.boosted && task.sumExec - task.prevSumExec >= schedSlice(task.cfsRq, task)) {
      // The guard grants one slice (ours: the 6.6 body is not public).
      bt.boosted = false;
      reschedCurr(rq);
    }
    for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) {
      updateCfsGroup(se);
      if (se.cfsRq.nrRunning > 1 && sliceExpired(se.cfsRq, se)) reschedCurr(rq);
    }
  }

  taskFork(rq: Rq, task: Task): void {
    updateRqClock(rq);
    setQueue(rq, task);
    const q = task.cfsRq;
    if (q.curr != null) {
      this.updateCurr(rq);
      task.vruntime = q.curr.vruntime;
    }
    placeEntity(q, task, true);
    task.vruntime -= q.minVruntime;
  }

  /** Charges virtual time at every level, and the budget; when that is used up the whole class is throttled here. */
  updateCurr(rq: Rq): void {
    const bt = rq.bt;
    if (rq.curr.rank != Rank.BT) return;
    let ran: u64 = 0;
    for (let se = changetype<SchedEntity>(rq.curr); se != null; se = se.parent_) ran = updateCurr(se.cfsRq);
    bt.time += ran;
    if (bt.throttled || bt.runtime >= tunables.btPeriodNs || bt.time <= bt.runtime) return;
    this.throttle(rq);
    reschedCurr(rq);
  }

  /** The class leaves the CPU as a whole. */
  throttle(rq: Rq): void {
    rq.bt.throttled = true;
    if (rq.bt.blockedSince == 0) rq.bt.blockedSince = rq.clock;
    rq.nrRunning -= rq.bt.hNrRunning;
    traceThrottle(rq.id, Rank.BT, true);
  }

  /** The period timer: pays every CPU's debt down by its budget (sched_bt_period_timer). */
  periodTimer(): void {
    let busy = false;
    for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
      const rq = rqOf(cpu);
      const bt = rq.bt;
      updateRqClock(rq);
      this.updateCurr(rq);
      busy = busy || bt.time != 0 || bt.nrRunning != 0;
      bt.time -= min(bt.time, bt.runtime);
      if (bt.throttled && bt.time < bt.runtime) this.unthrottle(rq, bt);
    }
    if (busy) this.armPeriod();
  }

  private unthrottle(rq: Rq, bt: BtRq): void {
    bt.throttled = false;
    rq.nrRunning += bt.hNrRunning;
    traceThrottle(rq.id, Rank.BT, false);
    if (bt.nrRunning == 0) return;
    if (rq.curr == rq.idle) reschedCurr(rq);
    else setBit(masks.bt, rq.id);
  }

  /** Periods lie on absolute multiples of the period, as recorded (B04). */
  private armPeriod(): void {
    const period = tunables.btPeriodNs;
    const sinceBoot = machine.bootNs + machine.now;
    startTimer(thisRq(), this.period, (sinceBoot / period + 1) * period - machine.bootNs, 0);
  }
}

/** The BT queue of the task's group on this CPU, or the CPU's own, becomes its queue. */
function setQueue(rq: Rq, task: Task): void {
  if (task.group == null) {
    task.cfsRq = rq.bt;
    task.parent_ = NONE;
    task.depth = 0;
    return;
  }
  task.cfsRq = queueOf(task.group.bt, rq.id);
  task.parent_ = entityOf(task.group.bt, rq.id);
  task.depth = task.parent_.depth + 1;
}

/** From the tick: has BT been kept from this CPU for too long? (kernel.sched_bt_percpu_max_throttle_time_sec, 6.6) */
export function guardBt(rq: Rq): void {
  const limit = tunables.btMaxThrottleNs;
  const bt = rq.bt;
  if (limit == 0 || bt.boosted || bt.throttled || bt.nrRunning == 0 || rq.curr.rank == Rank.BT) return;
  if (rq.clock - bt.starvedSince < limit) return;
  bt.boosted = true;
  reschedCurr(rq);
}
