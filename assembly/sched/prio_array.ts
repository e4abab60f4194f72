/**
 * Priority lists with a bitmap (kernel/sched/sched.h struct rt_prio_array): first-in, first-out within a priority, 0 first. Used by
 * the real-time class (100 priorities) and by VM First.
 */
import { allocate, allocateBytes } from '../base/arena';
import { Task } from '../task/task';

@unmanaged
export class PrioArray {
  low: u64;
  high: u64;
  nrRunning: u32;
  /** Address of Task[priorities]: circular lists whose head's `runPrev` is the tail. */
  heads: usize;

  /** Adds a task at the tail (or, preempted, at the head) of its priority. */
  enqueue(task: Task, atHead: bool): void {
    assert(!task.queued);
    task.queued = true;
    this.nrRunning++;
    const place = this.heads + ((<usize>task.prio) << alignof<usize>());
    const head = changetype<Task>(load<usize>(place));
    if (head == null) {
      task.runNext = task;
      task.runPrev = task;
      store<usize>(place, changetype<usize>(task));
      if (task.prio < 64) this.low |= (<u64>1) << task.prio;
      else this.high |= (<u64>1) << (task.prio - 64);
      return;
    }
    const tail = head.runPrev;
    task.runPrev = tail;
    task.runNext = head;
    tail.runNext = task;
    head.runPrev = task;
    if (atHead) store<usize>(place, changetype<usize>(task));
  }

  dequeue(task: Task): void {
    assert(task.queued);
    task.queued = false;
    this.nrRunning--;
    const place = this.heads + ((<usize>task.prio) << alignof<usize>());
    const next = task.runNext;
    if (next == task) {
      store<usize>(place, 0);
      if (task.prio < 64) this.low &= ~((<u64>1) << task.prio);
      else this.high &= ~((<u64>1) << (task.prio - 64));
      return;
    }
    next.runPrev = task.runPrev;
    task.runPrev.runNext = next;
    if (load<usize>(place) == changetype<usize>(task)) store<usize>(place, changetype<usize>(next));
  }

  /** Moves a task to the tail of its priority. */
  requeue(task: Task): void {
    this.dequeue(task);
    this.enqueue(task, false);
  }

  /** The first task of the first priority, or null. */
  get first(): Task {
    return this.firstFrom(0);
  }

  /** The first task of the first occupied priority from `prio` on, or null. */
  firstFrom(prio: u32): Task {
    const low = prio < 64 ? this.low & (u64.MAX_VALUE << prio) : 0;
    if (low != 0) return this.head(<u32>ctz(low));
    const high = prio < 64 ? this.high : this.high & (u64.MAX_VALUE << (prio - 64));
    return high != 0 ? this.head(64 + <u32>ctz(high)) : changetype<Task>(0);
  }

  private head(prio: u32): Task {
    return changetype<Task>(load<usize>(this.heads + ((<usize>prio) << alignof<usize>())));
  }
}

/** A CPU's queue of such a class. The running task stays on the array. */
@unmanaged
export class PriorityRq {
  active: PrioArray;
  /** None of its tasks may run, and none counts in rq.nrRunning. */
  throttled: bool;
}

export function newPrioArray(priorities: u32): PrioArray {
  const array = allocate<PrioArray>();
  array.heads = allocateBytes(priorities << alignof<usize>());
  return array;
}
