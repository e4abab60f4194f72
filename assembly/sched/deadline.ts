/**
 * SCHED_DEADLINE (kernel/sched/deadline.c): on every CPU the earliest absolute deadline runs, over all CPUs those with the earliest ones
 * (sched/later_cpu.ts), each within its reservation (sched/cbs.ts). HRTICK_DL is off, as by default: used-up runtime is noticed on ticks.
 */
import { Task } from '../task/task';
import { replenish } from './cbs';
import { classAt, classOf, Flags, Rank, SchedClass } from './class';
import { DlEntity, timeBefore } from './dl_entity';
import { chargeDlEntity, dequeueDlEntity, enqueueDlEntity } from './dl_queue';
import { fairServerTimer, stopFairServer } from './fair_server';
import { isEarliest, laterCpu, pullTasks, pushTask } from './later_cpu';
import { Rq, rqOf, updateRqClock } from './rq';
import { RtClass } from './rt';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

export class DeadlineClass extends SchedClass {
  constructor(private rt: RtClass) {
    super();
  }

  /** It stays where it was if it goes first there, judged by the deadline it went to sleep with; otherwise it looks for a later one. */
  selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32 {
    if ((flags & Flags.EXEC) != 0) return prevCpu;
    const curr = rqOf(prevCpu).curr;
    if (curr.rank != Rank.DEADLINE) return prevCpu;
    if (curr.nrCpusAllowed > 1 && timeBefore(task.dl.deadline, curr.dl.deadline)) return prevCpu;
    const cpu = laterCpu(task);
    return cpu >= 0 && isEarliest(task, rqOf(cpu)) ? cpu : prevCpu;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    enqueueDlEntity(rq, task.dl, flags);
  }

  dequeueTask(rq: Rq, task: Task, _flags: u32): bool {
    this.updateCurr(rq);
    dequeueDlEntity(rq, task.dl);
    return true;
  }

  /** Off the CPU until the next period. */
  yieldTask(rq: Rq): void {
    rq.curr.dl.yielded = true;
    updateRqClock(rq);
    this.updateCurr(rq);
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    if (timeBefore(task.dl.deadline, rq.curr.dl.deadline)) reschedCurr(rq);
  }

  balance(rq: Rq, prev: Task): bool {
    if (prev.rank == Rank.DEADLINE && !prev.dl.queued) pullTasks(rq);
    return rq.dl.nrRunning != 0;
  }

  /** A fair task, if its server comes first. */
  pickTask(rq: Rq): Task | null {
    this.updateCurr(rq);
    let first = rq.dl.first;
    while (first != null && first.isServer) {
      const served = classAt(Rank.FAIR).pickTask(rq);
      if (served != null) return served;
      stopFairServer(rq);
      first = rq.dl.first;
    }
    return first == null ? null : first.task;
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const next = this.pickTask(rq);
    if (next == null) return null;
    if (next.rank == Rank.FAIR) return classAt(Rank.FAIR).pickNextTask(rq, prev);
    if (next != prev) {
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

  taskTick(rq: Rq, _task: Task): void {
    this.updateCurr(rq);
  }

  switchedFrom(rq: Rq, _task: Task): void {
    if (rq.dl.nrRunning == 0) pullTasks(rq);
  }

  /** Once throttled a task is charged no more, however long it takes to leave the CPU. */
  updateCurr(rq: Rq): void {
    const task = rq.curr;
    if (task.rank != Rank.DEADLINE || !task.dl.queued) return;
    const delta = <i64>(rq.clock - task.execStart);
    if (delta > 0) {
      task.execStart = rq.clock;
      task.sumExec += delta;
    }
    chargeDlEntity(rq, task.dl, delta);
    if (delta > 0 && tunables.rtRuntimeNs != u64.MAX_VALUE) this.rt.accountDeadline(rq, delta);
  }
}

/** An entity's timer (dl_task_timer): it gets new runtime, and competes again if it still wants to run. */
export function dlTimer(dl: DlEntity): void {
  if (dl.isServer) {
    fairServerTimer(dl);
    return;
  }
  if (!dl.throttled) return;
  const task = dl.task;
  const rq = rqOf(task.cpu);
  updateRqClock(rq);
  if (task.rank != Rank.DEADLINE || !task.onRq) {
    replenish(rq, dl);
    return;
  }
  enqueueDlEntity(rq, dl, Flags.REPLENISH);
  if (rq.curr.rank != Rank.DEADLINE || timeBefore(dl.deadline, rq.curr.dl.deadline)) reschedCurr(rq);
  pushTask(rq);
}
