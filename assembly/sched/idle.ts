/**
 * The idle class: one task a CPU, which runs when there is nothing else (kernel/sched/idle.c).
 */
import { Task } from '../task/task';
import { classOf, SchedClass } from './class';
import { chargeIdleTime } from './fair_server';
import { Rq } from './rq';
import { reschedCurr } from './wake';

export class IdleClass extends SchedClass {
  selectTaskRq(_task: Task, prevCpu: u32, _flags: u32): u32 {
    return prevCpu;
  }

  enqueueTask(_rq: Rq, _task: Task, _flags: u32): void {
    assert(false, 'the idle task is never queued');
  }

  dequeueTask(_rq: Rq, _task: Task, _flags: u32): bool {
    assert(false, 'the idle task is never queued');
    return true;
  }

  wakeupPreempt(rq: Rq, _task: Task, _flags: u32): void {
    reschedCurr(rq);
  }

  pickTask(rq: Rq): Task | null {
    return rq.idle;
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    if (prev != rq.idle) {
      classOf(prev).putPrevTask(rq, prev);
      rq.idle.execStart = rq.clock;
    }
    return rq.idle;
  }

  putPrevTask(rq: Rq, _task: Task): void {
    chargeIdleTime(rq);
  }

  setNextTask(_rq: Rq, _task: Task): void {}

  taskTick(_rq: Rq, _task: Task): void {}

  updateCurr(_rq: Rq): void {}
}
