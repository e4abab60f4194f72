/**
 * The stop class: the per-CPU stopper thread, before everything (kernel/sched/stop_task.c, kernel/stop_machine.c). It exists to push a
 * running task to another CPU, which only its own CPU can do.
 */
import { State, Task } from '../task/task';
import { classOf, SchedClass } from './class';
import { Rq, rqOf } from './rq';
import { moveQueuedTask, tryToWakeUp } from './wake';

export class StopClass extends SchedClass {
  selectTaskRq(_task: Task, prevCpu: u32, _flags: u32): u32 {
    return prevCpu;
  }

  enqueueTask(rq: Rq, task: Task, _flags: u32): void {
    task.queued = true;
    rq.nrRunning++;
  }

  dequeueTask(rq: Rq, task: Task, _flags: u32): bool {
    task.queued = false;
    rq.nrRunning--;
    return true;
  }

  wakeupPreempt(_rq: Rq, _task: Task, _flags: u32): void {}

  pickTask(rq: Rq): Task | null {
    return rq.stop.queued ? rq.stop : null;
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    if (!rq.stop.queued) return null;
    if (prev != rq.stop) classOf(prev).putPrevTask(rq, prev);
    return rq.stop;
  }

  putPrevTask(_rq: Rq, _task: Task): void {}

  setNextTask(_rq: Rq, _task: Task): void {}

  taskTick(_rq: Rq, _task: Task): void {}

  updateCurr(_rq: Rq): void {}
}

/** Has the stopper of `rq` push its running task to another CPU, unless it is busy (stop_one_cpu_nowait). */
export function pushRunningTask(rq: Rq, task: Task, cpu: u32): void {
  if (rq.pushTask != null) return;
  rq.pushTask = task;
  rq.pushCpu = cpu;
  tryToWakeUp(rq.stop, 0);
}

/** What the stopper does when it runs: the push, if it is still possible (active_load_balance_cpu_stop). */
export function runStopper(rq: Rq): void {
  const task = rq.pushTask;
  rq.pushTask = changetype<Task>(0);
  const target = rqOf(rq.pushCpu);
  if (task.onRq && task.cpu == rq.id && task.state == State.RUNNING && task.mayRunOn(target.id)) {
    moveQueuedTask(rq, task, target);
  }
}
