/**
 * SCHED_FIFO and SCHED_RR: strict priorities, with throttling of the class as a whole (kernel/sched/rt.c of 6.1).
 */
import { startTimer } from '../machine/hrtimer';
import { HrTimer } from '../machine/timer';
import { machine } from '../machine/machine';
import { Policy, Task } from '../task/task';
import { Rank } from './class';
import { masks } from './masks';
import { PriorityRq } from './prio_array';
import { PriorityClass } from './priority_class';
import { pullWaiting } from './push_pull';
import { Rq, rqOf, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

export class RtClass extends PriorityClass {
  constructor(private period: HrTimer) {
    super(Rank.RT, masks.rt);
  }

  queueOf(rq: Rq): PriorityRq {
    return rq.rt;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    super.enqueueTask(rq, task, flags);
    if (tunables.rtRuntimeNs != u64.MAX_VALUE && !this.period.started) this.beginPeriod();
  }

  /** The period begins with the first real-time task; what deadline tasks have used before is not held against it (start_rt_bandwidth). */
  private beginPeriod(): void {
    for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
      const rt = rqOf(cpu).rt;
      rt.time -= min(rt.time, tunables.rtRuntimeNs);
    }
    startTimer(thisRq(), this.period, machine.now + tunables.rtPeriodNs, 0);
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    if (task.prio < rq.curr.prio) reschedCurr(rq);
  }

  balance(rq: Rq, _prev: Task): bool {
    const rt = rq.rt;
    if (rt.throttled) return false;
    return rt.active.nrRunning != 0 || pullWaiting(rq, masks.rt, Rank.RT);
  }

  taskTick(rq: Rq, task: Task): void {
    this.updateCurr(rq);
    if (task.policy != Policy.RR || --task.timeSlice > 0) return;
    task.timeSlice = <u16>tunables.rrTicks;
    if (task.runNext != task) {
      rq.rt.active.requeue(task);
      reschedCurr(rq);
    }
  }

  /** update_curr_rt: throttles the class when it has used up its runtime. */
  updateCurr(rq: Rq): void {
    const rt = rq.rt;
    rt.time += this.charge(rq);
    if (!rt.throttled && rt.time > tunables.rtRuntimeNs) this.throttle(rq);
  }

  /** Time of deadline tasks counts against the same limit, which they themselves do not heed (update_curr_dl of 6.1). */
  accountDeadline(rq: Rq, delta: u64): void {
    if (rq.rt.time < tunables.rtRuntimeNs || this.period.started) rq.rt.time += delta;
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
      if (rt.throttled && rt.time < tunables.rtRuntimeNs) this.unthrottle(rq);
    }
    if (busy) startTimer(thisRq(), this.period, this.period.soft + tunables.rtPeriodNs, 0);
  }
}
