/**
 * Global EDF: deadline tasks that wait go where they come first, when they wake, when another is switched in and when a CPU runs out of
 * such tasks (kernel/sched/deadline.c find_later_rq, push_dl_task, pull_dl_task; kernel/sched/cpudeadline.c).
 */
import { successor } from '../base/rbtree';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Rank } from './class';
import { DlEntity, timeBefore } from './dl_entity';
import { clearBit, coreBegin, coreEnd, firstCommon, firstIn, hasBit, llcBegin, llcEnd, masks } from './masks';
import { Rq, rqOf } from './rq';
import { moveQueuedTask, reschedCurr } from './wake';

/** Whether the task would be the first on a queue (dl_task_is_earliest_deadline). */
export function isEarliest(task: Task, rq: Rq): bool {
  const first = rq.dl.first;
  return first == null || timeBefore(task.dl.deadline, first.deadline);
}

/** A CPU without deadline tasks, the nearest; otherwise the one whose earliest deadline is the latest, if the task's is earlier. −1: none. */
export function laterCpu(task: Task): i32 {
  if (task.nrCpusAllowed == 1) return -1;
  if (firstCommon(masks.dlFree, task.cpusAllowed, 0, machine.nrCpus) < 0) return latestCpu(task);
  const home = task.cpu;
  if (isFree(task, home)) return home;
  const cpu = freeCpuIn(task, coreBegin(home), coreEnd(home));
  if (cpu >= 0) return cpu;
  const near = freeCpuIn(task, llcBegin(home), llcEnd(home));
  return near >= 0 ? near : freeCpuIn(task, 0, machine.nrCpus);
}

function isFree(task: Task, cpu: u32): bool {
  return hasBit(masks.dlFree, cpu) && task.mayRunOn(cpu);
}

/** The executing CPU if it is one, otherwise the first in [begin, end); −1: none. */
function freeCpuIn(task: Task, begin: u32, end: u32): i32 {
  const here = machine.thisCpu;
  if (here >= begin && here < end && isFree(task, here)) return here;
  return firstCommon(masks.dlFree, task.cpusAllowed, begin, end);
}

/** All CPUs that it may use have deadline tasks (cpudl_maximum). */
function latestCpu(task: Task): i32 {
  let best: u32 = 0;
  let latest = rqOf(0).dl.first;
  for (let cpu: u32 = 1; cpu < machine.nrCpus; cpu++) {
    const first = rqOf(cpu).dl.first;
    if (latest != null && (first == null || !timeBefore(latest.deadline, first.deadline))) continue;
    latest = first;
    best = cpu;
  }
  if (latest == null || !task.mayRunOn(best)) return -1;
  return timeBefore(task.dl.deadline, latest.deadline) ? best : -1;
}

/** The first task of a queue that does not run and may move, to `cpu` unless that is −1; or null. */
function firstPushable(rq: Rq, cpu: i32): Task {
  let node = rq.dl.leftmost;
  while (node != null) {
    const task = changetype<DlEntity>(node).task;
    if (task != null && task != rq.curr && task.nrCpusAllowed > 1 && (cpu < 0 || task.mayRunOn(cpu))) return task;
    node = successor(node);
  }
  return changetype<Task>(0);
}

/** Sends the first waiting task to a CPU where it goes first. True: it went. */
export function pushTask(rq: Rq): bool {
  const task = firstPushable(rq, -1);
  if (task == null) return false;
  const curr = rq.curr;
  if (curr.rank == Rank.DEADLINE && curr.nrCpusAllowed > 1 && timeBefore(task.dl.deadline, curr.dl.deadline)) {
    reschedCurr(rq);
    return false;
  }
  const cpu = laterCpu(task);
  if (cpu < 0 || cpu == rq.id || !isEarliest(task, rqOf(cpu))) return false;
  moveQueuedTask(rq, task, rqOf(cpu));
  reschedCurr(rqOf(cpu));
  return true;
}

/** A deadline task was switched in: those that now wait go elsewhere if they can (push_dl_tasks). */
export function pushTasks(rq: Rq): void {
  while (pushTask(rq)) {}
}

/** A task woke behind the running one, which will not give way soon (task_woken_dl). */
export function pushWoken(rq: Rq, task: Task): void {
  const curr = rq.curr;
  if (curr == task || rq.needResched || task.nrCpusAllowed == 1 || curr.rank != Rank.DEADLINE) return;
  if (curr.nrCpusAllowed > 1 && timeBefore(task.dl.deadline, curr.dl.deadline)) return;
  pushTasks(rq);
}

/** The CPU takes waiting tasks from others as long as each comes first here (pull_dl_task). */
export function pullTasks(rq: Rq): void {
  const waiting = masks.dl;
  for (let cpu = firstIn(waiting, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(waiting, cpu + 1, machine.nrCpus)) {
    const src = rqOf(cpu);
    if (src.dl.nrRunning < 2) {
      clearBit(waiting, cpu);
      continue;
    }
    if (src == rq) continue;
    const task = firstPushable(src, rq.id);
    if (task == null || !isEarliest(task, rq)) continue;
    // It is about to run where it is.
    if (src.curr.rank == Rank.DEADLINE && timeBefore(task.dl.deadline, src.curr.dl.deadline)) continue;
    moveQueuedTask(src, task, rq);
    reschedCurr(rq);
  }
}
