/**
 * The list of a CPU's fair tasks, most recently picked first (rq->cfs_tasks): balance takes from its other end. Before 4.16, and of BT tasks
 * (rq->bt_tasks), it is most recently queued first: 4.14 takes fair tasks from the front, BT ones from the other end.
 */
import { Task } from '../task/task';
import { Rank } from './class';
import { Rq } from './rq';

function headOf(rq: Rq, task: Task): Task {
  return task.rank == Rank.BT ? rq.btTasks : rq.cfsTasks;
}

function setHead(rq: Rq, task: Task, head: Task): void {
  if (task.rank == Rank.BT) rq.btTasks = head;
  else rq.cfsTasks = head;
}

/** Adds a task to the front of its CPU's list. */
export function linkTask(rq: Rq, task: Task): void {
  const head = headOf(rq, task);
  setHead(rq, task, task);
  if (head == null) {
    task.runNext = task;
    task.runPrev = task;
    return;
  }
  task.runNext = head;
  task.runPrev = head.runPrev;
  head.runPrev.runNext = task;
  head.runPrev = task;
}

/** Takes a task from its CPU's list. */
export function unlinkTask(rq: Rq, task: Task): void {
  if (task.runNext == task) {
    setHead(rq, task, changetype<Task>(0));
    return;
  }
  task.runPrev.runNext = task.runNext;
  task.runNext.runPrev = task.runPrev;
  if (headOf(rq, task) == task) setHead(rq, task, task.runNext);
}

/** The task has been picked. */
export function moveToFront(rq: Rq, task: Task): void {
  if (headOf(rq, task) == task) return;
  unlinkTask(rq, task);
  linkTask(rq, task);
}
