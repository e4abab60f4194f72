/**
 * How loaded a group of CPUs is (kernel/sched/fair.c update_sg_lb_stats, group_classify): what balance and the placement of new tasks
 * compare. Every CPU has full capacity.
 */
import { Task } from '../task/task';
import { CAPACITY } from './avg';
import { subPositive, taskHLoad } from './load_avg';
import { Rq, rqOf } from './rq';
import { cpuUtil } from './util_est';

/** From least to most in need of help (enum group_type). */
export namespace GroupType {
  export const HAS_SPARE: u32 = 0;
  export const FULLY_BUSY: u32 = 1;
  export const IMBALANCED: u32 = 2;
  export const OVERLOADED: u32 = 3;
}

@unmanaged
export class GroupStats {
  begin: u32;
  end: u32;
  type: u32;
  load: u64;
  util: u64;
  runnable: u64;
  capacity: u64;
  avgLoad: u64;
  nrRunning: u32;
  hNrRunning: u32;
  idleCpus: u32;

  get weight(): u32 {
    return this.end - this.begin;
  }
}

/** Fills `stats` for CPUs begin … end − 1. `imbalanced`: tasks in there could not be moved because of their affinity. */
export function gatherStats(stats: GroupStats, begin: u32, end: u32, imbalancePct: u64, imbalanced: bool): void {
  clear(stats, begin, end);
  for (let cpu = begin; cpu < end; cpu++) addCpu(stats, rqOf(cpu), changetype<Task>(0));
  finish(stats, imbalancePct, imbalanced);
}

/**
 * The same as a task sees it that looks for the idlest CPU: only those that it may use count, and its own part does not
 * (update_sg_wakeup_stats).
 */
export function gatherStatsFor(task: Task, stats: GroupStats, begin: u32, end: u32, imbalancePct: u64): void {
  clear(stats, begin, end);
  for (let cpu = begin; cpu < end; cpu++) {
    if (!task.mayRunOn(cpu)) continue;
    const counts = task.onRq && task.cpu == cpu;
    addCpu(stats, rqOf(cpu), counts ? task : changetype<Task>(0));
  }
  finish(stats, imbalancePct, false);
}

function clear(stats: GroupStats, begin: u32, end: u32): void {
  memory.fill(changetype<usize>(stats), 0, offsetof<GroupStats>());
  stats.begin = begin;
  stats.end = end;
}

/** Adds a CPU, without the part of a task on it if one is given. */
function addCpu(stats: GroupStats, rq: Rq, without: Task): void {
  const cfs = rq.cfs;
  let load = cfs.avg.loadAvg;
  let runnable = cfs.avg.runnableAvg;
  // BT tasks do not count: CFS takes a CPU that runs only them as idle.
  let nr = rq.nrRunning - (rq.bt.throttled ? 0 : rq.bt.hNrRunning);
  stats.hNrRunning += cfs.hNrRunning;
  if (without != null) {
    load = subPositive(load, taskHLoad(without));
    runnable = subPositive(runnable, without.avg.runnableAvg);
    stats.hNrRunning--;
    nr--;
  }
  stats.load += load;
  stats.util += cpuUtil(rq, without);
  stats.runnable += runnable;
  stats.nrRunning += nr;
  const alone = (rq.curr == rq.idle || rq.curr == without) && rq.ttwuPending == 0;
  if (nr == 0 && (alone || rq.bt.nrRunning != 0)) stats.idleCpus++;
}

function finish(stats: GroupStats, imbalancePct: u64, imbalanced: bool): void {
  stats.capacity = CAPACITY * <u64>stats.weight;
  stats.type = classify(stats, imbalancePct, imbalanced);
  stats.avgLoad = (stats.load * CAPACITY) / stats.capacity;
}

function classify(stats: GroupStats, pct: u64, imbalanced: bool): u32 {
  const used = stats.util * pct;
  const available = stats.capacity * 100;
  const waiting = stats.runnable * 100 > stats.capacity * pct;
  if (stats.nrRunning > stats.weight && (available < used || waiting)) return GroupType.OVERLOADED;
  if (imbalanced) return GroupType.IMBALANCED;
  if (stats.nrRunning < stats.weight || (!waiting && available > used)) return GroupType.HAS_SPARE;
  return GroupType.FULLY_BUSY;
}
