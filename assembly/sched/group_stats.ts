/**
 * How loaded a group of CPUs is (kernel/sched/fair.c update_sg_lb_stats, group_classify): what balance and the placement of new tasks
 * compare. Every CPU has full capacity.
 */
import { CAPACITY } from './avg';
import { clockPelt, updateQueueAvg } from './load_avg';
import { idleCpu, Rq, rqOf, updateRqClock } from './rq';

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

/** An idle CPU's averages decay only when somebody looks (update_blocked_averages). */
export function updateBlocked(rq: Rq): void {
  if (rq.curr != rq.idle) return;
  updateRqClock(rq);
  updateQueueAvg(rq.cfs, clockPelt(rq.cfs));
}

/** Fills `stats` for CPUs begin … end − 1. `imbalanced`: tasks in there could not be moved because of their affinity. */
export function gatherStats(stats: GroupStats, begin: u32, end: u32, imbalancePct: u64, imbalanced: bool): void {
  memory.fill(changetype<usize>(stats), 0, offsetof<GroupStats>());
  stats.begin = begin;
  stats.end = end;
  for (let cpu = begin; cpu < end; cpu++) {
    const rq = rqOf(cpu);
    updateBlocked(rq);
    const cfs = rq.cfs;
    stats.load += cfs.avg.loadAvg;
    stats.util += min(cfs.avg.utilAvg, CAPACITY);
    stats.runnable += cfs.avg.runnableAvg;
    stats.hNrRunning += cfs.hNrRunning;
    // BT tasks do not count: CFS takes a CPU that runs only them as idle.
    const nr = rq.nrRunning - (rq.bt.throttled ? 0 : rq.bt.hNrRunning);
    stats.nrRunning += nr;
    if (nr == 0 && (idleCpu(rq) || rq.bt.nrRunning != 0)) stats.idleCpus++;
  }
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
