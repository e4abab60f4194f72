/**
 * Placement by strength, for the real-time and VM First classes: a task goes where nothing as strong runs, and a CPU that runs out of
 * such tasks pulls one that waits elsewhere (kernel/sched/rt.c find_lowest_rq, pull_rt_task).
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Rank } from './class';
import { clearBit, firstIn, llcBegin, llcEnd } from './masks';
import { PrioArray } from './prio_array';
import { Rq, rqOf } from './rq';
import { moveQueuedTask } from './wake';

/** How weak a CPU's strongest runnable task is: class rank first, priority within it; greater is weaker. */
function weakness(rq: Rq): u32 {
  if (rq.stop.queued) return 0;
  if (rq.dl.nrRunning != 0) return (<u32>Rank.DEADLINE) << 8;
  const rt = rq.rt.throttled ? changetype<Task>(0) : rq.rt.active.first;
  if (rt != null) return strength(rt);
  const vmf = rq.vmf.throttled ? changetype<Task>(0) : rq.vmf.active.first;
  if (vmf != null) return strength(vmf);
  if (rq.ttwuPending != 0 || rq.cfs.hNrRunning > rq.cfs.idleHNrRunning) return (<u32>Rank.FAIR) << 8;
  if (rq.cfs.hNrRunning != 0) return ((<u32>Rank.FAIR) << 8) | 1;
  return rq.nrRunning != 0 ? (<u32>Rank.BT) << 8 : (<u32>Rank.IDLE) << 8;
}

function strength(task: Task): u32 {
  return ((<u32>task.rank) << 8) | task.prio;
}

/** The CPU to wake on: the previous one if nothing as strong is there, otherwise the weakest, nearest first. −1: none. */
export function weakestCpu(task: Task, prevCpu: u32): i32 {
  const own = strength(task);
  if (task.mayRunOn(prevCpu) && weakness(rqOf(prevCpu)) > own) return prevCpu;
  const begin = llcBegin(prevCpu);
  const end = llcEnd(prevCpu);
  let best = -1;
  let weakest = own;
  for (let i: u32 = 0; i < machine.nrCpus; i++) {
    const cpu = (prevCpu + i) % machine.nrCpus;
    if (!task.mayRunOn(cpu)) continue;
    const there = weakness(rqOf(cpu));
    if (there <= own) continue;
    const near = cpu >= begin && cpu < end;
    const bestNear = best >= <i32>begin && best < <i32>end;
    if (best < 0 || (near && !bestNear) || (near == bestNear && there > weakest)) {
      best = cpu;
      weakest = there;
    }
  }
  return best;
}

/** Pulls a waiting task of a class from a CPU in `overloaded`. True if one came. */
export function pullWaiting(rq: Rq, overloaded: usize, rank: u8): bool {
  for (let cpu = firstIn(overloaded, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(overloaded, cpu + 1, machine.nrCpus)) {
    const src = rqOf(cpu);
    const array = arrayOf(src, rank);
    if (array.nrRunning < 2) clearBit(overloaded, cpu);
    if (src == rq || array.nrRunning < 2) continue;
    const task = firstWaiting(array, src.curr, rq.id);
    if (task == null) continue;
    moveQueuedTask(src, task, rq);
    return true;
  }
  return false;
}

function arrayOf(rq: Rq, rank: u8): PrioArray {
  return rank == Rank.RT ? rq.rt.active : rq.vmf.active;
}

/** The strongest task of an array that does not run and may run on `cpu`, or null. */
function firstWaiting(array: PrioArray, running: Task, cpu: u32): Task {
  let head = array.first;
  while (head != null) {
    let task = head;
    do {
      if (task != running && task.mayRunOn(cpu)) return task;
      task = task.runNext;
    } while (task != head);
    head = head.prio < 127 ? array.firstFrom(<u32>head.prio + 1) : changetype<Task>(0);
  }
  return head;
}
