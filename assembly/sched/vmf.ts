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
import { traceThrottle } from '../observe/trace';
import { Task } from '../task/task';
import { classOf, Flags, Rank, SchedClass } from './class';
import { masks, setBit } from './masks';
import { pullWaiting, weakestCpu } from './push_pull';
import { Rq } from './rq';
import { pushRunningTask } from './stop';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** Priorities 0 (first) … 7. */
export const VMF_PRIORITIES: u32 = 8;

export class VmfClass extends SchedClass {
  selectTaskRq(task: Task, prevCpu: u32, _flags: u32): u32 {
    const cpu = weakestCpu(task, prevCpu);
    return cpu < 0 ? prevCpu : cpu;
  }

  enqueueTask(rq: Rq, task: Task, flags: u32): void {
    const vmf = rq.vmf;
    vmf.active.enqueue(task, (flags & Flags.HEAD) != 0);
    if (!vmf.throttled) rq.nrRunning++;
    if (vmf.active.nrRunning > 1) setBit(masks.vmf, rq.id);
  }

  dequeueTask(rq: Rq, task: Task, _flags: u32): void {
    this.updateCurr(rq);
    rq.vmf.active.dequeue(task);
    if (!rq.vmf.throttled) rq.nrRunning--;
  }

  yieldTask(rq: Rq): void {
    rq.vmf.active.requeue(rq.curr);
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

  pickNextTask(rq: Rq, prev: Task): Task | null {
    const vmf = rq.vmf;
    if (vmf.active.nrRunning == 0 || vmf.throttled) return null;
    const next = vmf.active.first;
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

  /** Ticks matter only to the starvation bound. */
  taskTick(rq: Rq, _task: Task): void {
    this.updateCurr(rq);
    const vmf = rq.vmf;
    const bound = tunables.vmfStarvationBoundNs;
    if (bound == 0 || vmf.throttled || vmf.starvedNs < bound) return;
    vmf.throttled = true;
    vmf.starvedNs = 0;
    rq.nrRunning -= vmf.active.nrRunning;
    traceThrottle(rq.id, Rank.VMF, true);
    startTimer(rq, vmf.grant, machine.now + tunables.vmfStarvationGrantNs, 0);
    reschedCurr(rq);
  }

  updateCurr(rq: Rq): void {
    const task = rq.curr;
    if (task.rank != Rank.VMF) return;
    const delta = rq.clock - task.execStart;
    if (<i64>delta <= 0) return;
    task.sumExec += delta;
    task.execStart = rq.clock;
    const vmf = rq.vmf;
    vmf.starvedNs = rq.nrRunning > vmf.active.nrRunning ? vmf.starvedNs + delta : 0;
  }

  /** The lower classes have had their grant. */
  grantOver(rq: Rq): void {
    const vmf = rq.vmf;
    vmf.throttled = false;
    rq.nrRunning += vmf.active.nrRunning;
    traceThrottle(rq.id, Rank.VMF, false);
    if (vmf.active.nrRunning != 0) reschedCurr(rq);
  }
}

/** From the tick: without preemption by wakeups (an ablation), a waiting vCPU thread takes the CPU here. */
export function preemptAtTick(rq: Rq): void {
  if (tunables.vmfWakeupPreemption || rq.vmf.throttled || rq.vmf.active.nrRunning == 0) return;
  if (rq.curr.rank > Rank.VMF) reschedCurr(rq);
}
