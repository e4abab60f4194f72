/**
 * Cookies of core scheduling: the tasks of a CPU that have one, which CPUs suit it, and stealing such tasks for a thread that is forced to
 * be idle (kernel/sched/core.c sched_core_find, sched_core_balance; kernel/sched/sched.h sched_core_cookie_match).
 */
import { successor } from '../base/rbtree';
import { Task } from '../task/task';
import { Rank } from './class';
import { isBehind } from './core_sched';
import { DlEntity } from './dl_entity';
import { domainOf, topology } from './domain';
import { isIsolated } from './ht_isolate';
import { coreBegin, coreEnd } from './masks';
import { PriorityRq } from './prio_array';
import { idleCpu, Rq, rqOf } from './rq';
import { moveQueuedTask } from './wake';

const NONE: Task = changetype<Task>(0);
/** findCookie: nobody wants to take the task away. */
export const NOBODY: Rq = changetype<Rq>(0);

/** Whether a queued task's class or group may not run on its CPU now. */
export function isThrottled(rq: Rq, task: Task): bool {
  switch (task.rank) {
    case Rank.DEADLINE:
      return !task.dl.queued;
    case Rank.RT:
      return rq.rt.throttled;
    case Rank.VMF:
      return rq.vmf.throttled;
    case Rank.FAIR:
      return task.cfsRq.isFrozen;
    case Rank.BT:
      return rq.bt.throttled || isIsolated(rq);
    default:
      return false;
  }
}

/** The strongest task of a CPU that has this cookie; of those that `thief`, if there is one, may take to its CPU. Null: there is none. */
export function findCookie(rq: Rq, cookie: u32, thief: Rq): Task {
  let best = bestOfDeadlines(rq, cookie, thief);
  if (best == null) best = bestOfArray(rq, rq.rt, cookie, thief);
  if (best == null) best = bestOfArray(rq, rq.vmf, cookie, thief);
  if (best == null) best = bestOfList(rq, rq.cfsTasks, cookie, thief);
  if (best == null) best = bestOfList(rq, rq.btTasks, cookie, thief);
  return best;
}

function suits(rq: Rq, task: Task, cookie: u32, thief: Rq): bool {
  if (task.cookie != cookie || task.delayed || isThrottled(rq, task)) return false;
  if (thief == null) return true;
  // Not if it runs, is about to, or has run on a fuller core than this one.
  if (task == rq.curr || task == rq.corePick || !task.mayRunOn(thief.id)) return false;
  return task.coreOccupied <= thief.idle.coreOccupied;
}

function bestOfDeadlines(rq: Rq, cookie: u32, thief: Rq): Task {
  for (let node = rq.dl.leftmost; node != null; node = successor(node)) {
    const task = changetype<DlEntity>(node).task;
    if (task != null && suits(rq, task, cookie, thief)) return task;
  }
  return NONE;
}

function bestOfArray(rq: Rq, queue: PriorityRq, cookie: u32, thief: Rq): Task {
  let head = queue.active.first;
  while (head != null) {
    let task = head;
    do {
      if (suits(rq, task, cookie, thief)) return task;
      task = task.runNext;
    } while (task != head);
    head = head.prio < 127 ? queue.active.firstFrom(<u32>head.prio + 1) : NONE;
  }
  return NONE;
}

function bestOfList(rq: Rq, head: Task, cookie: u32, thief: Rq): Task {
  let best = NONE;
  let task = head;
  if (task == null) return best;
  const isForced = rq.core.forcedIdle != 0;
  do {
    if (suits(rq, task, cookie, thief) && (best == null || isBehind(best, task, isForced))) best = task;
    task = task.runNext;
  } while (task != head);
  return best;
}

/** A thread that is forced to be idle takes a task of its core's cookie from another CPU, the nearest first. True: one came. */
export function stealCookie(rq: Rq): bool {
  const cookie = rq.core.cookie;
  if (cookie == 0 || rq.core.forcedIdle == 0 || rq.nrRunning == 0) return false;
  for (let level: u32 = 0; level < topology.nrLevels; level++) {
    const sd = domainOf(rq.id, level);
    for (let i: u32 = 1; i < sd.weight; i++) {
      const src = rqOf(sd.begin + ((rq.id - sd.begin + i) % sd.weight));
      const task = findCookie(src, cookie, rq);
      if (task == null) continue;
      moveQueuedTask(src, task, rq);
      return true;
    }
  }
  return false;
}

/** Whether the CPU's core runs the task's cookie now (sched_cpu_cookie_match). */
export function cpuSuits(rq: Rq, task: Task): bool {
  return rq.core.cookie == task.cookie;
}

/** Whether it does, or is wholly idle (sched_core_cookie_match). */
export function coreSuits(rq: Rq, task: Task): bool {
  if (cpuSuits(rq, task)) return true;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) if (!idleCpu(rqOf(cpu))) return false;
  return true;
}

/** Whether any CPU of a group that the task may use does or is (sched_group_cookie_match). */
export function groupSuits(begin: u32, end: u32, task: Task): bool {
  for (let cpu = begin; cpu < end; cpu++) if (task.mayRunOn(cpu) && coreSuits(rqOf(cpu), task)) return true;
  return false;
}
