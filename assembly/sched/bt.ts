/**
 * BT, TencentOS's batch class below CFS (kernel/sched/batch.c of TencentOS 4.14): a second CFS that runs only where no fair task wants
 * to, within a budget a CPU and period, debt carried over; and the starvation guard of the 6.6 line.
 *
 * Absent against 4.14 for now: groups (bt_shares) and the age-weighted load of its balance (docs/model.md).
 */
import { successor } from '../base/rbtree';
import { startTimer } from '../machine/hrtimer';
import { HrTimer } from '../machine/timer';
import { machine } from '../machine/machine';
import { traceThrottle } from '../observe/trace';
import { Task } from '../task/task';
import { classOf, Flags, Rank, SchedClass } from './class';
import { SchedEntity } from './entity';
import { clearBit, firstCommon, firstIn, llcBegin, llcEnd, masks, setBit } from './masks';
import { dequeueEntity, enqueueEntity } from './queue';
import { BtRq, idleCpu, Rq, rqOf, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import {
  clearBuddies,
  pickNextEntity,
  placeEntity,
  putPrevEntity,
  schedSlice,
  setNextEntity,
  sliceExpired,
  updateCurr,
  wakeupPreemptEntity,
} from './vruntime';
import { moveQueuedTask, reschedCurr, sendIpi } from './wake';

const NONE: SchedEntity = changetype<SchedEntity>(0);

export class BtClass extends SchedClass {
  constructor(private period: HrTimer) {
    super();
  }

  /** The previous CPU if it is idle, an idle one of its cache domain, any idle one, or the previous one even if CFS runs there. */
  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    if (openToBt(task, prevCpu)) return prevCpu;
    const begin = llcBegin(prevCpu);
    const end = llcEnd(prevCpu);
    let cpu = firstOpen(task, begin, end);
    if (cpu < 0) cpu = firstOpen(task, 0, machine.nrCpus);
    if (cpu >= 0) return cpu;
    return (flags & Flags.FORK) != 0 ? leastLoaded(task, prevCpu) : prevCpu;
  }

  migrateTaskRq(task: Task): void {
    task.vruntime -= task.cfsRq.minVruntime;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    const bt = rq.bt;
    this.updateCurr(rq);
    task.cfsRq = bt;
    task.parent_ = NONE;
    task.depth = 0;
    if (bt.nrRunning == 0) bt.starvedSince = rq.clock;
    enqueueEntity(bt, task, flags);
    bt.hNrRunning++;
    masks.nrYielding++;
    if (!bt.throttled) rq.nrRunning++;
    if (rq.nrRunning > 1) setBit(masks.bt, rq.id);
    if (bt.runtime < tunables.btPeriodNs && !this.period.started) this.armPeriod();
  }

  dequeueTask(rq: Rq, task: Task, flags: u32): void {
    const bt = rq.bt;
    this.updateCurr(rq);
    dequeueEntity(bt, task, flags);
    bt.hNrRunning--;
    masks.nrYielding--;
    if (!bt.throttled) rq.nrRunning--;
  }

  yieldTask(rq: Rq): void {
    const bt = rq.bt;
    if (bt.nrRunning == 1) return;
    clearBuddies(bt, rq.curr);
    updateRqClock(rq);
    this.updateCurr(rq);
    bt.skip = rq.curr;
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    const curr = rq.curr;
    if (curr == task || rq.needResched) return;
    this.updateCurr(rq);
    if (wakeupPreemptEntity(curr, task) != 1) return;
    rq.bt.next = task;
    reschedCurr(rq);
  }

  /** Newidle balance: only when fair has found nothing and the CPU would go idle. */
  balance(rq: Rq, _prev: Task): bool {
    if (!rq.bt.throttled && rq.bt.nrRunning != 0) return true;
    return rq.nrRunning == 0 && pullBt(rq);
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const bt = rq.bt;
    const wasBt = prev.rank == Rank.BT;
    if (wasBt) this.updateCurr(rq);
    if (bt.nrRunning == 0 || bt.throttled) return null;
    const next = changetype<Task>(pickNextEntity(bt, wasBt && prev.onRq ? changetype<SchedEntity>(prev) : NONE));
    if (next == prev) return next;
    classOf(prev).putPrevTask(rq, prev);
    setNextEntity(bt, next);
    return next;
  }

  putPrevTask(rq: Rq, task: Task): void {
    this.updateCurr(rq);
    putPrevEntity(rq.bt, task);
    rq.bt.starvedSince = rq.clock;
    if (task.onRq) setBit(masks.bt, rq.id);
  }

  setNextTask(rq: Rq, task: Task): void {
    setNextEntity(rq.bt, task);
  }

  taskTick(rq: Rq, task: Task): void {
    const bt = rq.bt;
    this.updateCurr(rq);
    bt.starvedSince = rq.clock;
    if (bt.boosted && task.sumExec - task.prevSumExec >= schedSlice(bt, task)) {
      // The guard grants one slice (ours: the 6.6 body is not public).
      bt.boosted = false;
      reschedCurr(rq);
    }
    if (bt.nrRunning > 1 && sliceExpired(bt, task)) reschedCurr(rq);
  }

  taskFork(rq: Rq, task: Task): void {
    const bt = rq.bt;
    updateRqClock(rq);
    task.cfsRq = bt;
    if (bt.curr != null) {
      this.updateCurr(rq);
      task.vruntime = bt.curr.vruntime;
    }
    placeEntity(bt, task, true);
    task.vruntime -= bt.minVruntime;
  }

  /** Charges virtual time and budget; when the budget is used up the whole queue is throttled. */
  updateCurr(rq: Rq): void {
    const bt = rq.bt;
    bt.time += updateCurr(bt);
    if (bt.throttled || bt.runtime >= tunables.btPeriodNs || bt.time <= bt.runtime) return;
    bt.throttled = true;
    rq.nrRunning -= bt.nrRunning;
    traceThrottle(rq.id, Rank.BT, true);
    reschedCurr(rq);
  }

  /** The period timer: pays every CPU's debt down by its budget (sched_bt_period_timer). */
  periodTimer(): void {
    let busy = false;
    for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
      const rq = rqOf(cpu);
      const bt = rq.bt;
      updateRqClock(rq);
      if (rq.curr.rank == Rank.BT) this.updateCurr(rq);
      busy = busy || bt.time != 0 || bt.nrRunning != 0;
      bt.time -= min(bt.time, bt.runtime);
      if (!bt.throttled || bt.time >= bt.runtime) continue;
      bt.throttled = false;
      rq.nrRunning += bt.nrRunning;
      traceThrottle(rq.id, Rank.BT, false);
      if (bt.nrRunning == 0) continue;
      if (rq.curr == rq.idle) reschedCurr(rq);
      else setBit(masks.bt, rq.id);
    }
    if (busy) this.armPeriod();
  }

  /** Periods lie on absolute multiples of the period, as recorded (B04). */
  private armPeriod(): void {
    const period = tunables.btPeriodNs;
    startTimer(thisRq(), this.period, (machine.now / period + 1) * period, 0);
  }
}

/** Idle, and BT may run there now. */
function openToBt(task: Task, cpu: u32): bool {
  const rq = rqOf(cpu);
  return task.mayRunOn(cpu) && idleCpu(rq) && mayHoldBt(rq.bt);
}

function mayHoldBt(bt: BtRq): bool {
  return !bt.throttled && bt.runtime != 0;
}

function firstOpen(task: Task, begin: u32, end: u32): i32 {
  let cpu = firstCommon(masks.idle, task.cpusAllowed, begin, end);
  while (cpu >= 0 && !openToBt(task, cpu)) cpu = firstCommon(masks.idle, task.cpusAllowed, cpu + 1, end);
  return cpu;
}

/** For a new task when no CPU is idle: where least BT and fair weight lies. */
function leastLoaded(task: Task, prevCpu: u32): u32 {
  let best = prevCpu;
  let least = u64.MAX_VALUE;
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    if (!task.mayRunOn(cpu) || !mayHoldBt(rq.bt)) continue;
    const load = rq.bt.weight + rq.cfs.weight;
    if (load < least) {
      least = load;
      best = cpu;
    }
  }
  return best;
}

/** Pulls a BT task that waits on another CPU. */
function pullBt(rq: Rq): bool {
  if (!mayHoldBt(rq.bt)) return false;
  for (let cpu = firstIn(masks.bt, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.bt, cpu + 1, machine.nrCpus)) {
    const src = rqOf(cpu);
    if (src.bt.leftmost == null) clearBit(masks.bt, cpu);
    if (src == rq) continue;
    const task = waitingBt(src, rq.id);
    if (task == null) continue;
    moveQueuedTask(src, task, rq);
    return true;
  }
  return false;
}

/** The first BT task in a queue's tree that may run on `cpu`, or null; the running one is not in the tree. */
function waitingBt(src: Rq, cpu: u32): Task {
  let task = changetype<Task>(src.bt.leftmost);
  while (task != null && !task.mayRunOn(cpu)) task = changetype<Task>(successor(task));
  return task;
}

/** From the tick: BT work waits here and some CPU is idle, so that one is kicked. */
export function kickIdleForBt(rq: Rq): void {
  if (masks.nrIdle == 0 || rq.bt.leftmost == null) return;
  const task = changetype<Task>(rq.bt.leftmost);
  const cpu = firstOpen(task, 0, machine.nrCpus);
  if (cpu < 0) return;
  rqOf(cpu).balanceDue = true;
  sendIpi(rqOf(cpu));
}

/** An idle CPU was kicked. */
export function idleBalanceBt(rq: Rq): void {
  if (rq.nrRunning == 0) pullBt(rq);
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
