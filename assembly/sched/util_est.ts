/**
 * Estimated utilisation: what a task was when it last went to sleep counts for its CPU as long as it is runnable, though its average has
 * decayed meanwhile (kernel/sched/fair.c util_est_enqueue, util_est_update, cpu_util_cfs).
 */
import { Task } from '../task/task';
import { CAPACITY, estimate, UTIL_MARGIN } from './avg';
import { subPositive } from './load_avg';
import { Rq } from './rq';
import { tunables } from './tunables';

/** A task comes onto a queue of the CPU. */
export function addEstimate(rq: Rq, task: Task): void {
  rq.cfs.avg.utilEst += task.avg.utilEst;
}

/** It leaves. */
export function subEstimate(rq: Rq, task: Task): void {
  const sum = rq.cfs.avg;
  sum.utilEst -= min(sum.utilEst, task.avg.utilEst);
}

/** It goes to sleep: a sample, if its average has changed since the last one. From 6.8 on none of who had to wait for the CPU. */
export function updateEstimate(task: Task): void {
  const avg = task.avg;
  if (avg.utilUnchanged) return;
  avg.utilUnchanged = true;
  const waited = tunables.utilEstEarly && avg.utilAvg + UTIL_MARGIN < avg.runnableAvg;
  avg.utilEst = <u32>estimate(avg.utilEst, avg.utilAvg, waited);
}

/** What fair tasks use of a CPU, with the part of a task left out that is on it, or is null (cpu_util_cfs, cpu_util_without). */
export function cpuUtil(rq: Rq, without: Task): u64 {
  let util = rq.cfs.avg.utilAvg;
  let estimated: u64 = rq.cfs.avg.utilEst;
  if (without != null) {
    util = subPositive(util, without.avg.utilAvg);
    estimated = subPositive(estimated, without.avg.utilEst);
  }
  return min(max(util, estimated), CAPACITY);
}

/** What a task uses, or used (task_util_est). */
export function taskUtil(task: Task): u64 {
  return max(task.avg.utilAvg, task.avg.utilEst);
}
