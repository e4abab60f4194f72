/**
 * Load that no longer runs decays where nothing happens (kernel/sched/fair.c update_blocked_averages): on its ticks a CPU brings the
 * averages of its queues up to date, children first, and groups learn what their queues still weigh.
 */
import { machine } from '../machine/machine';
import { balance } from './balance';
import { CfsRq } from './entity';
import { clockPelt, tellGroup, Update, updateLoadAvg, updateQueueAvg } from './load_avg';
import { firstIn, masks } from './masks';
import { Rq, rqOf, updateRqClock } from './rq';

/** Idle CPUs' averages are brought up to date this often (LOAD_AVG_PERIOD). */
const IDLE_DECAY_NS: u64 = 32_000_000;

const NONE: CfsRq = changetype<CfsRq>(0);

/** A group's queue gets its first entity: from now on its averages are kept up to date (list_add_leaf_cfs_rq). Not those of BT. */
export function addLeaf(q: CfsRq): void {
  if (q.isLeaf || q.group.bt == null) return;
  const rq = rqOf(q.cpu);
  q.isLeaf = true;
  q.nextLeaf = NONE;
  if (rq.firstLeaf == null) rq.firstLeaf = q;
  else rq.lastLeaf.nextLeaf = q;
  rq.lastLeaf = q;
}

/** Takes all averages of a CPU to now. */
export function updateBlocked(rq: Rq): void {
  updateRqClock(rq);
  let before = NONE;
  let q = rq.firstLeaf;
  while (q != null) {
    const next = q.nextLeaf;
    if (updateQueueAvg(q, clockPelt(q))) tellGroup(q);
    const se = q.entity;
    if (se.avg.loadAvg != 0 || se.avg.utilAvg != 0 || q.propagate) updateLoadAvg(se.cfsRq, se, Update.TG);
    if (isDecayed(q)) {
      tellGroup(q);
      q.isLeaf = false;
      if (before == null) rq.firstLeaf = next;
      else before.nextLeaf = next;
      if (next == null) rq.lastLeaf = before;
    } else {
      before = q;
    }
    q = next;
  }
  updateQueueAvg(rq.cfs, clockPelt(rq.cfs));
}

/** Nothing is left of it (cfs_rq_is_decayed). */
function isDecayed(q: CfsRq): bool {
  const avg = q.avg;
  return q.weight == 0 && !q.propagate && (avg.loadSum | avg.runnableSum | avg.utilSum) == 0;
}

/** From the tick: the averages of idle CPUs decay now and then. Simplified: none of them is woken to see to it (NOHZ_STATS_KICK). */
export function decayIdle(): void {
  if (machine.now < balance.nextIdleDecay) return;
  balance.nextIdleDecay = machine.now + IDLE_DECAY_NS;
  for (let cpu = firstIn(masks.idle, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.idle, cpu + 1, machine.nrCpus)) {
    updateBlocked(rqOf(cpu));
  }
}
