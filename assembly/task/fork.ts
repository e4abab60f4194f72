/**
 * Birth, second life and death of tasks: a declaration with `start: fork` is a pool of tasks that the fork step takes from and exits give back to
 * (kernel/fork.c copy_process, kernel/sched/core.c sched_fork, wake_up_new_task, sched_exec).
 */
import { at } from '../base/arena';
import { machine, spend } from '../machine/machine';
import { classOf, Flags } from '../sched/class';
import { Rq } from '../sched/rq';
import { setParams } from '../sched/setscheduler';
import { pushRunningTask } from '../sched/stop';
import { wakeUpNewTask } from '../sched/wake';
import { Mode, Spec, State, Task } from './task';

/** The declarations: address of Spec[]. */
let specs: usize = 0;

/** The pool that was empty when a task forked, which ends the simulation; −1: none. */
export let emptyPool: i32 = -1;

export function setSpecs(address: usize): void {
  specs = address;
}

export function specAt(index: u32): Spec {
  return at<Spec>(specs, index);
}

/** Starts one more task of a pool on the parent's CPU. False: the pool is empty. */
export function forkTask(rq: Rq, specIndex: u32): bool {
  const spec = specAt(specIndex);
  const task = spec.free;
  if (task == null) {
    emptyPool = <i32>specIndex;
    return false;
  }
  spec.free = task.waitNext;
  task.waitNext = changetype<Task>(0);
  task.state = State.RUNNING;
  task.pc = spec.program;
  task.mode = Mode.USER;
  task.remaining = 0;
  task.busyUntil = 0;
  task.inSyscall = false;
  // sched_core_fork: a child has its parent's cookie until it is given another.
  task.cookie = spec.cookie != 0 ? spec.cookie : rq.curr.cookie;
  setParams(task, spec.policy, spec.nice, spec.prio);
  task.vruntime = 0;
  task.cpu = task.mayRunOn(rq.id) ? rq.id : task.cpu;
  classOf(task).taskFork(rq, task);
  wakeUpNewTask(task);
  return true;
}

/**
 * The running task begins another program. What it has in caches is of no more use, so it may as well move: the stopper takes it to
 * the idlest CPU if that is another (sched_exec, migration_cpu_stop).
 */
export function execTask(rq: Rq, task: Task): void {
  spend(machine.syscallEntryNs + machine.syscallExitNs);
  const cpu = classOf(task).selectTaskRq(task, rq.id, Flags.EXEC);
  if (cpu != rq.id) pushRunningTask(rq, task, cpu);
}

/** A dead task has left its CPU: a pool takes it back. */
export function reapTask(task: Task): void {
  const spec = task.spec;
  if (!spec.pool) return;
  task.waitNext = spec.free;
  spec.free = task;
}
