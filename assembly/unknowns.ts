/**
 * What no recorded history holds of the time before it: what was used of quotas and budgets, and since when a fair server's period runs. It is
 * set to what the history shows.
 */
import { enter } from './replay';
import { bandwidthOf } from './sched/bandwidth';
import { BtClass } from './sched/bt';
import { cancelDlTimer } from './sched/cbs';
import { classAt, Rank } from './sched/class';
import { CfsRq } from './sched/entity';
import { fairServerTimer } from './sched/fair_server';
import { rqOf } from './sched/rq';
import { throttle, unthrottle } from './sched/throttle';
import { tunables } from './sched/tunables';
import { Task } from './task/task';
/** Further than any history runs, in virtual time. */
const FAR: u64 = 1 << 50;

/** What a queue's group may still run for on this CPU; very much if it has no quota. */
export function runtimeLeft(q: CfsRq): i64 {
  const bandwidth = bandwidthOf(q);
  return bandwidth == null ? i64.MAX_VALUE / 2 : q.runtimeRemaining + <i64>bandwidth.runtimeNs;
}

/**
 * The recorded kernel runs a task whose group is throttled here: if it lacks less than `slack` of its quota, it gets that. True if it may run
 * now.
 */
export function lend(task: Task, slack: u64): bool {
  let lent = false;
  for (let q = task.cfsRq; q != null; q = q.entity == null ? changetype<CfsRq>(0) : q.entity.cfsRq) {
    if (!q.throttled || bandwidthOf(q) == null) continue;
    if (q.runtimeRemaining < -(<i64>slack)) return false;
    q.runtimeRemaining = 1;
    unthrottle(bandwidthOf(q), q);
    lent = true;
  }
  return lent;
}

/** The recorded kernel did not run a task that waits: if its group has less than `slack` left of its quota, it is throttled. True if it is now. */
export function drain(task: Task, slack: u64): bool {
  for (let q = task.cfsRq; q != null; q = q.entity == null ? changetype<CfsRq>(0) : q.entity.cfsRq) {
    if (q.throttled || q.curr != null || runtimeLeft(q) > <i64>slack) continue;
    const bandwidth = bandwidthOf(q);
    bandwidth.runtimeNs = 0;
    q.runtimeRemaining = 0;
    return throttle(bandwidth, q);
  }
  return false;
}

/** A BT task waits while its CPU is idle: its class has run for `over` ns more than its budget. False: it is bound by none. */
export function spend(task: Task, cpu: u32, over: u64): bool {
  const rq = rqOf(cpu);
  const bt = rq.bt;
  if (task.rank != Rank.BT || bt.throttled || bt.runtime >= tunables.btPeriodNs) return false;
  bt.time = bt.runtime + over;
  (classAt(Rank.BT) as BtClass).throttle(rq);
  return true;
}

/**
 * Real-time tasks give way to fair ones: the fair server's period has begun so long ago that it has come to its last moment. False: it is not
 * waiting for that.
 */
export function serveFair(cpu: u32, now: u64): bool {
  const rq = enter(cpu, now);
  const server = rq.fairServer;
  if (!server.active || !server.deferArmed) return false;
  cancelDlTimer(server);
  server.deadline = rq.clock + <u64>server.runtime;
  fairServerTimer(server);
  return true;
}

/**
 * A BT task that is about to wake on another CPU: its vruntime will be the sum of what both queues have come to since boot, which puts it
 * far behind until the recording shows how far.
 */
export function stray(task: Task): void {
  task.vruntime = FAR;
}
