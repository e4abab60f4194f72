/**
 * CFS bandwidth control, the local side: a queue without runtime leaves with its whole group, and comes back when the period's timer
 * hands runtime out (kernel/sched/fair.c throttle_cfs_rq, unthrottle_cfs_rq, do_sched_cfs_period_timer).
 */
import { at } from '../base/arena';
import { HrTimer } from '../machine/timer';
import { startTimer } from '../machine/hrtimer';
import { traceThrottle } from '../observe/trace';
import { accountRuntime, assignRuntime, bandwidthOf, refill, slackIsDue } from './bandwidth';
import { Flags, Rank } from './class';
import { Bandwidth, CfsRq, SchedEntity, TaskGroup } from './entity';
import { updateCfsGroup } from './group';
import { Update, updateLoadAvg } from './load_avg';
import { dequeueEntity, enqueueEntity } from './queue';
import { Rq, rqOf, thisRq, updateRqClock } from './rq';
import { reschedCurr } from './wake';

/** All groups, parents first; set-up's. */
let groups: usize = 0;
let nrGroups: u32 = 0;

export function setGroups(address: usize, count: u32): void {
  groups = address;
  nrGroups = count;
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

/** The PELT clocks of a queue and of all below it stand still (tg_throttle_down), or go on (tg_unthrottle_up). */
function countThrottle(top: CfsRq, down: bool): void {
  const clock = rqOf(top.cpu).clock;
  for (let i: u32 = 0; i < nrGroups; i++) {
    const q = at<CfsRq>(at<TaskGroup>(groups, i).queues, top.cpu);
    if (!isBelow(q, top)) continue;
    if (down) {
      if (q.throttleCount++ == 0) q.throttledClockPelt = clock;
    } else if (--q.throttleCount == 0) {
      q.throttledTimePelt += clock - q.throttledClockPelt;
    }
  }
}

export function throttle(bandwidth: Bandwidth, q: CfsRq): bool {
  // A refill may have raced with the charge.
  if (assignRuntime(bandwidth, q, 1)) return false;
  q.throttledNext = changetype<CfsRq>(0);
  if (bandwidth.throttledHead == null) bandwidth.throttledHead = q;
  else bandwidth.throttledTail.throttledNext = q;
  bandwidth.throttledTail = q;
  countThrottle(q, true);
  leave(q);
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
    dequeueEntity(above, se, Flags.SLEEP | Flags.SPECIAL);
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
  countThrottle(q, false);
  traceThrottle(q.cpu, Rank.FAIR, false);
  if (q.weight != 0) comeBack(rq, q);
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
  for (; se != null && !se.onRq; se = se.parent_) {
    const above = se.cfsRq;
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

/** A group's period is over (sched_cfs_period_timer). */
export function periodTimer(timer: HrTimer): void {
  const bandwidth = changetype<Bandwidth>(timer.target);
  const throttled = bandwidth.throttledHead != null;
  refill(bandwidth);
  // Nobody has needed it for a whole period: the next to take something starts it again.
  if (bandwidth.idle && !throttled) return;
  bandwidth.idle = !throttled;
  if (throttled) {
    bandwidth.nrThrottled++;
    distribute(bandwidth);
  }
  startTimer(thisRq(), timer, timer.soft + bandwidth.periodNs, 0);
}

/** Runtime that a CPU gave back is handed to those that wait for it (sched_cfs_slack_timer). */
export function slackTimer(timer: HrTimer): void {
  const bandwidth = changetype<Bandwidth>(timer.target);
  if (slackIsDue(bandwidth)) distribute(bandwidth);
}
