/**
 * CFS bandwidth control, the local side: a queue without runtime leaves with its whole group, and comes back when the period's timer
 * hands runtime out (kernel/sched/fair.c throttle_cfs_rq, unthrottle_cfs_rq, do_sched_cfs_period_timer). From 6.18 on it stays, and each
 * of its tasks leaves by itself when it is about to return to user mode, so that none is stopped with something of the kernel's held.
 */
import { at } from '../base/arena';
import { HrTimer } from '../machine/timer';
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { OWN, Part } from '../machine/own';
import { traceThrottle } from '../observe/trace';
import { Mode, Task } from '../task/task';
import { accountRuntime, assignRuntime, bandwidthOf, refill, slackIsDue } from './bandwidth';
import { classOf, Flags, Rank } from './class';
import { Bandwidth, CfsRq, SchedEntity, TaskGroup } from './entity';
import { startFairServer } from './fair_server';
import { queueOf, updateCfsGroup } from './group';
import { resumePelt, stopPelt, Update, updateLoadAvg } from './load_avg';
import { dequeueEntity, enqueueEntity } from './queue';
import { Rq, rqOf, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

@unmanaged
export class Groups {
  /** Address of TaskGroup[count], parents first. */
  all: usize;
  count: u32;
}

const groups: Groups = changetype<Groups>(OWN + Part.GROUPS);

export function setGroups(address: usize, count: u32): void {
  groups.all = address;
  groups.count = count;
}

export function groupAt(index: u32): TaskGroup {
  return at<TaskGroup>(groups.all, index);
}

/** How many groups the kernel at work has. */
export function nrGroups(): u32 {
  return groups.count;
}

/** Throttles a queue that has no runtime and gets none (check_cfs_rq_runtime, check_enqueue_throttle). True if it is throttled. */
export function checkThrottle(q: CfsRq, enqueued: bool): bool {
  const bandwidth = bandwidthOf(q);
  if (bandwidth == null) return false;
  if (enqueued && !q.throttled) accountRuntime(bandwidth, q, 0);
  if (q.runtimeRemaining > 0) return false;
  return q.throttled || throttle(bandwidth, q);
}

/** Whether a queue of the CPU is this one or lies below it. */
function isBelow(q: CfsRq, top: CfsRq): bool {
  let above = q;
  while (above != top) {
    const se = above.entity;
    if (se == null) return false;
    above = se.cfsRq;
  }
  return true;
}

/** A queue and all below it are throttled; PELT clocks stand still where nothing can run any more (tg_throttle_down). */
function throttleDown(top: CfsRq): void {
  for (let i: u32 = 0; i < groups.count; i++) {
    const q = at<CfsRq>(at<TaskGroup>(groups.all, i).queues, top.cpu);
    if (isBelow(q, top) && q.throttleCount++ == 0 && (q.isFrozen || q.nrRunning == 0)) stopPelt(q);
  }
}

/** They are no longer, children before their parents; tasks that were taken off come back (tg_unthrottle_up). */
function unthrottleUp(top: CfsRq): void {
  for (let i = groups.count; i-- > 0; ) {
    const q = at<CfsRq>(at<TaskGroup>(groups.all, i).queues, top.cpu);
    if (!isBelow(q, top) || --q.throttleCount != 0) continue;
    if (q.peltStopped) resumePelt(q);
    leaveLimbo(q);
  }
}

function leaveLimbo(q: CfsRq): void {
  let task = changetype<Task>(q.limbo);
  q.limbo = changetype<SchedEntity>(0);
  while (task != null) {
    const next = task.waitNext;
    task.waitNext = changetype<Task>(0);
    classOf(task).enqueueTask(rqOf(q.cpu), task, Flags.WAKEUP);
    task = next;
  }
}

/** Whether a running task that is about to return to user mode may not: its group, or one above, has no runtime. */
export function mustStop(task: Task): bool {
  if (task.rank != Rank.FAIR || !task.onRq || task.cfsRq.throttleCount == 0) return false;
  return task.mode == Mode.USER || task.remaining == 0;
}

/** It leaves its queue until there is runtime again (throttle_cfs_rq_work). */
export function stopTask(rq: Rq, task: Task): void {
  updateRqClock(rq);
  const q = task.cfsRq;
  classOf(task).dequeueTask(rq, task, Flags.SLEEP | Flags.THROTTLE);
  task.waitNext = changetype<Task>(q.limbo);
  q.limbo = task;
  reschedCurr(rq);
}

/** Whether balance must leave a task alone: it would not run there, or does not here (throttled_lb_pair, lb_throttled_hierarchy). */
export function throttledPair(task: Task, dst: u32): bool {
  return task.group != null && (task.cfsRq.isFrozen || queueOf(task.group, dst).throttleCount != 0);
}

export function throttle(bandwidth: Bandwidth, q: CfsRq): bool {
  // A refill may have raced with the charge.
  if (assignRuntime(bandwidth, q, 1)) return false;
  q.throttledNext = changetype<CfsRq>(0);
  if (bandwidth.throttledHead == null) bandwidth.throttledHead = q;
  else bandwidth.throttledTail.throttledNext = q;
  bandwidth.throttledTail = q;
  throttleDown(q);
  if (!tunables.throttlesTasks) leave(q);
  q.throttled = true;
  traceThrottle(q.cpu, Rank.FAIR, true);
  return true;
}

/** The group's entity, and those above it that become empty, leave their queues. */
function leave(q: CfsRq): void {
  const rq = rqOf(q.cpu);
  const count = q.hNrRunning;
  let idle = q.idleHNrRunning;
  let se = q.entity;
  while (se != null) {
    const above = se.cfsRq;
    // A group above is throttled already.
    if (!se.onRq) return;
    dequeueEntity(above, se, Flags.SLEEP | Flags.SPECIAL | (se.delayed ? Flags.DELAYED : 0));
    if (se.idle) idle = count;
    above.hNrRunning -= count;
    above.idleHNrRunning -= idle;
    se = se.parent_;
    if (above.weight != 0) break;
  }
  for (; se != null; se = se.parent_) {
    updateLoadAvg(se.cfsRq, se, 0);
    if (se.idle) idle = count;
    se.cfsRq.hNrRunning -= count;
    se.cfsRq.idleHNrRunning -= idle;
  }
  rq.nrRunning -= count;
}

export function unthrottle(bandwidth: Bandwidth, q: CfsRq): void {
  const rq = rqOf(q.cpu);
  q.throttled = false;
  updateRqClock(rq);
  forget(bandwidth, q);
  unthrottleUp(q);
  traceThrottle(q.cpu, Rank.FAIR, false);
  if (!tunables.throttlesTasks && q.weight != 0) comeBack(rq, q);
  if (rq.cfs.hNrRunning != 0) startFairServer(rq);
  if (rq.curr == rq.idle && rq.cfs.nrRunning != 0) reschedCurr(rq);
}

function forget(bandwidth: Bandwidth, q: CfsRq): void {
  let prev = changetype<CfsRq>(0);
  let item = bandwidth.throttledHead;
  while (item != q) {
    prev = item;
    item = item.throttledNext;
  }
  if (prev == null) bandwidth.throttledHead = q.throttledNext;
  else prev.throttledNext = q.throttledNext;
  if (bandwidth.throttledTail == q) bandwidth.throttledTail = prev;
}

function comeBack(rq: Rq, q: CfsRq): void {
  const count = q.hNrRunning;
  let idle = q.idleHNrRunning;
  let se = q.entity;
  for (; se != null; se = se.parent_) {
    const above = se.cfsRq;
    if (se.delayed) dequeueEntity(above, se, Flags.SLEEP | Flags.DELAYED);
    else if (se.onRq) break;
    if (se.idle) idle = count;
    enqueueEntity(above, se, Flags.WAKEUP);
    above.hNrRunning += count;
    above.idleHNrRunning += idle;
    if (above.throttled) return;
  }
  for (; se != null; se = se.parent_) {
    const above = se.cfsRq;
    updateLoadAvg(above, se, Update.TG);
    updateCfsGroup(se);
    if (se.idle) idle = count;
    above.hNrRunning += count;
    above.idleHNrRunning += idle;
    if (above.throttled) return;
  }
  rq.nrRunning += count;
}

/** Gives every throttled queue what it needs to run again, first come first served; it then takes slices itself (distribute_cfs_runtime). */
function distribute(bandwidth: Bandwidth): void {
  let q = bandwidth.throttledHead;
  while (q != null && bandwidth.runtimeNs > 0) {
    const next = q.throttledNext;
    const amount = min(<u64>(1 - q.runtimeRemaining), bandwidth.runtimeNs);
    bandwidth.runtimeNs -= amount;
    q.runtimeRemaining += amount;
    if (q.runtimeRemaining > 0) unthrottle(bandwidth, q);
    q = next;
  }
}

/** A group's period is over; a handler that comes late for others pays for one only (sched_cfs_period_timer). */
export function periodTimer(timer: HrTimer): void {
  const bandwidth = changetype<Bandwidth>(timer.target);
  const throttled = bandwidth.throttledHead != null;
  // A replay's clock may be behind it.
  const late = machine.now > timer.soft ? machine.now - timer.soft : 0;
  const overrun = late / bandwidth.periodNs + 1;
  refill(bandwidth, overrun);
  // Nobody has needed it for a whole period: the next to take something starts it again.
  if (bandwidth.idle && !throttled) return;
  bandwidth.idle = !throttled;
  if (throttled) {
    bandwidth.nrThrottled += overrun;
    distribute(bandwidth);
  }
  startTimer(thisRq(), timer, timer.soft + overrun * bandwidth.periodNs, 0);
}

/** Runtime that a CPU gave back is handed to those that wait for it (sched_cfs_slack_timer). */
export function slackTimer(timer: HrTimer): void {
  const bandwidth = changetype<Bandwidth>(timer.target);
  if (slackIsDue(bandwidth)) distribute(bandwidth);
}
