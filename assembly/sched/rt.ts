/**
 * SCHED_FIFO and SCHED_RR: strict priorities, with throttling of the class as a whole (kernel/sched/rt.c of 6.1).
 */
import { HrTimer, startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { traceThrottle } from '../observe/trace';
import { Policy, Task } from '../task/task';
import { classOf, Flags, Rank, SchedClass } from './class';
import { masks, setBit } from './masks';
import { pullWaiting, weakestCpu } from './push_pull';
import { Rq, rqOf, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

export class RtClass extends SchedClass {
  constructor(private period: HrTimer) {
    super();
  }

  selectTaskRq(task: Task, prevCpu: u32, _flags: u32): u32 {
    const cpu = weakestCpu(task, prevCpu);
    return cpu < 0 ? prevCpu : cpu;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    const rt = rq.rt;
    rt.active.enqueue(task, (flags & Flags.HEAD) != 0);
    if (!rt.throttled) rq.nrRunning++;
    if (rt.active.nrRunning > 1) setBit(masks.rt, rq.id);
    // start_rt_bandwidth: the period begins with the first real-time task.
    if (tunables.rtRuntimeNs != u64.MAX_VALUE && !this.period.started) {
      startTimer(thisRq(), this.period, machine.now + tunables.rtPeriodNs, 0);
    }
  }

  dequeueTask(rq: Rq, task: Task, _flags: u32): void {
    this.updateCurr(rq);
    rq.rt.active.dequeue(task);
    if (!rq.rt.throttled) rq.nrRunning--;
  }

  yieldTask(rq: Rq): void {
    rq.rt.active.requeue(rq.curr);
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    if (task.prio < rq.curr.prio) reschedCurr(rq);
  }

  balance(rq: Rq, _prev: Task): bool {
    const rt = rq.rt;
    if (rt.throttled) return false;
    return rt.active.nrRunning != 0 || pullWaiting(rq, masks.rt, Rank.RT);
  }

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const rt = rq.rt;
    if (rt.active.nrRunning == 0 || rt.throttled) return null;
    const next = rt.active.first;
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

  taskTick(rq: Rq, task: Task): void {
    this.updateCurr(rq);
    if (task.policy != Policy.RR || --task.timeSlice > 0) return;
    task.timeSlice = tunables.rrTicks;
    if (task.runNext != task) {
      rq.rt.active.requeue(task);
      reschedCurr(rq);
    }
  }

  /** update_curr_rt: charges the class, and throttles it when it has used up its runtime. */
  updateCurr(rq: Rq): void {
    const task = rq.curr;
    if (task.rank != Rank.RT) return;
    const delta = rq.clock - task.execStart;
    if (<i64>delta <= 0) return;
    task.sumExec += delta;
    task.execStart = rq.clock;
    const rt = rq.rt;
    rt.time += delta;
    if (rt.throttled || rt.time <= tunables.rtRuntimeNs) return;
    rt.throttled = true;
    rq.nrRunning -= rt.active.nrRunning;
    traceThrottle(rq.id, Rank.RT, true);
    reschedCurr(rq);
  }

  /** The period timer: gives every CPU its runtime back (do_sched_rt_period_timer). */
  periodTimer(): void {
    let busy = false;
    for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
      const rq = rqOf(cpu);
      const rt = rq.rt;
      updateRqClock(rq);
      this.updateCurr(rq);
      busy = busy || rt.time != 0 || rt.active.nrRunning != 0;
      rt.time -= min(rt.time, tunables.rtRuntimeNs);
      if (!rt.throttled || rt.time >= tunables.rtRuntimeNs) continue;
      rt.throttled = false;
      rq.nrRunning += rt.active.nrRunning;
      traceThrottle(rq.id, Rank.RT, false);
      if (rt.active.nrRunning != 0 && rq.curr.rank > Rank.RT) reschedCurr(rq);
    }
    if (busy) startTimer(thisRq(), this.period, this.period.soft + tunables.rtPeriodNs, 0);
  }
}
