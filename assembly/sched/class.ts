/**
 * The scheduling class chain and what a class must do (kernel/sched/sched.h struct sched_class). A policy is one file that
 * implements these operations, listed in the order in which a task meets them.
 */
import { OWN, Part } from '../machine/own';
import { Task } from '../task/task';
import { Rq } from './rq';

/** Places in the chain: a lower rank goes first. */
export namespace Rank {
  export const STOP: u8 = 0;
  export const DEADLINE: u8 = 1;
  export const RT: u8 = 2;
  export const VMF: u8 = 3;
  export const FAIR: u8 = 4;
  export const BT: u8 = 5;
  export const IDLE: u8 = 6;
  export const COUNT: u8 = 7;
}

/** Flags of enqueueTask, dequeueTask and selectTaskRq. */
export namespace Flags {
  /** Woken from sleep (ENQUEUE_WAKEUP). */
  export const WAKEUP: u32 = 1;
  /** To another CPU than it slept on (ENQUEUE_MIGRATED). */
  export const MIGRATED: u32 = 2;
  /** Going to sleep (DEQUEUE_SLEEP). */
  export const SLEEP: u32 = 4;
  /** Taken out only to be changed and put back (DEQUEUE_SAVE, ENQUEUE_RESTORE). */
  export const SAVE: u32 = 8;
  /** Preempted or woken for the head of its list (ENQUEUE_HEAD). */
  export const HEAD: u32 = 16;
  /** A new task (WF_FORK). */
  export const FORK: u32 = 32;
  /** The waker is about to sleep (WF_SYNC). */
  export const SYNC: u32 = 64;
  /** It is about to run another program (WF_EXEC). */
  export const EXEC: u32 = 1024;
  /** Put on a queue for the first time (ENQUEUE_INITIAL). */
  export const INITIAL: u32 = 128;
  /** Its delayed dequeue is due, or its delay ends with a wakeup (DEQUEUE_DELAYED, ENQUEUE_DELAYED). */
  export const DELAYED: u32 = 256;
  /** Never delayed: it dies, or its group is throttled (DEQUEUE_SPECIAL). */
  export const SPECIAL: u32 = 512;
  /** Nor are those of its groups that become empty: bandwidth control takes it off (DEQUEUE_THROTTLE). */
  export const THROTTLE: u32 = 2048;
  /** A deadline entity gets new runtime (ENQUEUE_REPLENISH). */
  export const REPLENISH: u32 = 4096;
}

export abstract class SchedClass {
  /** Chooses a CPU for a task that wakes, is born or begins another program. */
  abstract selectTaskRq(task: Task, prevCpu: u32, flags: u32): u32;
  /** The task's virtual time leaves its CPU before it wakes on another (migrate_task_rq). */
  migrateTaskRq(_task: Task): void {}
  abstract enqueueTask(rq: Rq, task: Task, flags: u32): void;
  /** False: the task stays on its queue, asleep (DELAY_DEQUEUE). */
  abstract dequeueTask(rq: Rq, task: Task, flags: u32): bool;
  yieldTask(_rq: Rq): void {}
  /** A task of this class woke while another of it runs: asks for a reschedule if it should go first. */
  abstract wakeupPreempt(rq: Rq, task: Task, flags: u32): void;
  /** The CPU is about to pick: pulls work from others if this class lacks it. True: a task of this or a higher class is here now. */
  balance(_rq: Rq, _prev: Task): bool {
    return false;
  }
  /** The strongest task of this class, left where it is; null if there is none. */
  abstract pickTask(rq: Rq): Task | null;
  /** The next task, with `prev` put back and the choice taken out; null if there is none. */
  abstract pickNextTask(rq: Rq, prev: Task): Task | null;
  /** The running task is put back. */
  abstract putPrevTask(rq: Rq, task: Task): void;
  /** The running task has come to this class, or its queue was changed under it. */
  abstract setNextTask(rq: Rq, task: Task): void;
  abstract taskTick(rq: Rq, task: Task): void;
  /** A child is placed relative to its parent, on the parent's CPU (task_fork). */
  taskFork(_rq: Rq, _task: Task): void {}
  /** A child is about to come onto its first queue. */
  initTask(_rq: Rq, _task: Task): void {}
  /** It has run for the last time (task_dead). */
  taskDead(_task: Task): void {}
  /** The task leaves for another class (switched_from). */
  switchedFrom(_rq: Rq, _task: Task): void {}
  abstract updateCurr(rq: Rq): void;
}

/** Address of SchedClass[Rank.COUNT]. */
const classes: usize = OWN + Part.CLASSES;

/** Puts a class in the chain. */
export function register(rank: u8, schedClass: SchedClass): void {
  store<SchedClass>(classes + ((<usize>rank) << alignof<usize>()), schedClass);
}

/** The class of this rank. */
export function classAt(rank: u8): SchedClass {
  return load<SchedClass>(classes + ((<usize>rank) << alignof<usize>()));
}

export function classOf(task: Task): SchedClass {
  return classAt(task.rank);
}
