/**
 * What the real-time and VM First classes have in common: a priority array a CPU whose first task runs until it blocks, yields or is
 * preempted by a stronger one, a place to wake where nothing as strong runs, and a throttle for the class as a whole.
 */
import { traceThrottle } from '../observe/trace';
import { Task } from '../task/task';
import { classOf, Flags, SchedClass } from './class';
import { setBit } from './masks';
import { PriorityRq } from './prio_array';
import { weakestCpu } from './push_pull';
import { Rq } from './rq';
import { reschedCurr } from './wake';

export abstract class PriorityClass extends SchedClass {
  /**
   * @param rank place in the class chain
   * @param overloaded mask of CPUs with more than one of its tasks
   */
  constructor(
    protected rank: u8,
    protected overloaded: usize,
  ) {
    super();
  }

  abstract queueOf(rq: Rq): PriorityRq;

  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    if ((flags & Flags.EXEC) != 0) return prevCpu;
    const cpu = weakestCpu(task, prevCpu);
    return cpu < 0 ? prevCpu : cpu;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    const queue = this.queueOf(rq);
    queue.active.enqueue(task, (flags & Flags.HEAD) != 0);
    if (!queue.throttled) rq.nrRunning++;
    if (queue.active.nrRunning > 1) setBit(this.overloaded, rq.id);
  }

  dequeueTask(rq: Rq, task: Task, _flags: u32): bool {
    const queue = this.queueOf(rq);
    this.updateCurr(rq);
    queue.active.dequeue(task);
    if (!queue.throttled) rq.nrRunning--;
    return true;
  }

  yieldTask(rq: Rq): void {
    this.queueOf(rq).active.requeue(rq.curr);
  }

  pickTask(rq: Rq): Task | null {
    const queue = this.queueOf(rq);
    return queue.active.nrRunning == 0 || queue.throttled ? null : queue.active.first;
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const next = this.pickTask(rq);
    if (next != null && next != prev) {
      classOf(prev).putPrevTask(rq, prev);
      next.execStart = rq.clock;
    }
    return next;
  }

  putPrevTask(rq: Rq, _task: Task): void {
    this.updateCurr(rq);
  }

  setNextTask(rq: Rq, task: Task): void {
    task.execStart = rq.clock;
  }

  /** Charges the running task, if it is of this class; returns the time charged. */
  protected charge(rq: Rq): u64 {
    const task = rq.curr;
    if (task.rank != this.rank) return 0;
    const delta = rq.clock - task.execStart;
    if (<i64>delta <= 0) return 0;
    task.sumExec += delta;
    task.execStart = rq.clock;
    return delta;
  }

  protected throttle(rq: Rq): void {
    const queue = this.queueOf(rq);
    queue.throttled = true;
    rq.nrRunning -= queue.active.nrRunning;
    traceThrottle(rq.id, this.rank, true);
    reschedCurr(rq);
  }

  protected unthrottle(rq: Rq): void {
    const queue = this.queueOf(rq);
    queue.throttled = false;
    rq.nrRunning += queue.active.nrRunning;
    traceThrottle(rq.id, this.rank, false);
    if (queue.active.nrRunning != 0 && rq.curr.rank > this.rank) reschedCurr(rq);
  }
}
