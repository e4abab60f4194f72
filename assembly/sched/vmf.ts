/**
 * VM First: vCPU threads before everything but real-time. Tencent published what it does (one-way preemption, priorities, a balance of
 * its own), not how; every mechanism here is ours and named so in docs/model.md.
 *
 * A CPU has a priority queue, first-in, first-out within a priority. A wakeup takes the CPU from every lower class and every lower
 * priority at once, with no granularity and no slice. vCPU threads wake on CPUs without another; one that has to wait is pulled by the
 * first CPU that runs out of them, or the one in its way is pushed off. Optionally the lower classes get a grant once they
 * have been kept waiting for a bound.
 */
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Rank } from './class';
import { masks } from './masks';
import { PriorityRq } from './prio_array';
import { PriorityClass } from './priority_class';
import { pullWaiting, weakestCpu } from './push_pull';
import { Rq } from './rq';
import { pushRunningTask } from './stop';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** Priorities 0 (first) … 7. */
export const VMF_PRIORITIES: u32 = 8;

export class VmfClass extends PriorityClass {
  constructor() {
    super(Rank.VMF, masks.vmf);
  }

  queueOf(rq: Rq): PriorityRq {
    return rq.vmf;
  }

  wakeupPreempt(rq: Rq, task: Task, _flags: u32): void {
    const curr = rq.curr;
    if (task.prio < curr.prio) {
      reschedCurr(rq);
    } else if (tunables.vmfActiveBalance && curr.nrCpusAllowed > 1) {
      // The wakee found no other CPU; perhaps the one in its way does.
      const cpu = weakestCpu(curr, rq.id);
      if (cpu >= 0 && cpu != rq.id) pushRunningTask(rq, curr, cpu);
    }
  }

  balance(rq: Rq, _prev: Task): bool {
    const vmf = rq.vmf;
    if (vmf.throttled) return false;
    if (vmf.active.nrRunning != 0) return true;
    return tunables.vmfActiveBalance && pullWaiting(rq, masks.vmf, Rank.VMF);
  }

  /** Ticks matter only to the starvation bound. */
  taskTick(rq: Rq, _task: Task): void {
    this.updateCurr(rq);
    const vmf = rq.vmf;
    const bound = tunables.vmfStarvationBoundNs;
    if (bound == 0 || vmf.throttled || vmf.starvedNs < bound) return;
    vmf.starvedNs = 0;
    this.throttle(rq);
    startTimer(rq, vmf.grant, machine.now + tunables.vmfStarvationGrantNs, 0);
  }

  updateCurr(rq: Rq): void {
    const delta = this.charge(rq);
    if (delta == 0) return;
    const vmf = rq.vmf;
    vmf.starvedNs = rq.nrRunning > vmf.active.nrRunning ? vmf.starvedNs + delta : 0;
  }

  /** The lower classes have had their grant. */
  grantOver(rq: Rq): void {
    this.unthrottle(rq);
  }
}

/** From the tick: without preemption by wakeups (an ablation), a waiting vCPU thread takes the CPU here. */
export function preemptAtTick(rq: Rq): void {
  if (tunables.vmfWakeupPreemption || rq.vmf.throttled || rq.vmf.active.nrRunning == 0) return;
  if (rq.curr.rank > Rank.VMF) reschedCurr(rq);
}
