/**
 * Group scheduling: how a cgroup's weight is divided over the CPUs that its tasks run on (kernel/sched/fair.c update_cfs_group,
 * calc_group_shares, reweight_entity).
 */
import { at } from '../base/arena';
import { updateCurr } from './curr';
import { avgVruntime, eraseEntity, insertEntity, rescale, updateReference } from './eevdf';
import { CfsRq, SchedEntity, TaskGroup } from './entity';
import { addLoad, rescaleLoad, subLoad } from './load_avg';
import { tunables } from './tunables';
import { scaleLoadDown } from './weight';

/** MIN_SHARES, unscaled as in the kernel. */
const MIN_SHARES: u64 = 2;

/** The group's queue on a CPU. */
export function queueOf(group: TaskGroup, cpu: u32): CfsRq {
  return at<CfsRq>(group.queues, cpu);
}

/** The group's entity on a CPU. */
export function entityOf(group: TaskGroup, cpu: u32): SchedEntity {
  return at<SchedEntity>(group.entities, cpu);
}

/** Gives a group entity its share of the group's weight; does nothing for a task (update_cfs_group). */
export function updateCfsGroup(se: SchedEntity): void {
  const q = se.myQ;
  if (q == null || q.throttleCount != 0) return;
  // From 6.12 on an emptied group keeps its weight: its entity may still be on the queue, to work its lag off.
  if (q.eevdf && q.weight == 0) return;
  const shares = tunables.pelt ? groupShares(q) : q.group.shares;
  if (shares != se.weight) reweightEntity(se.cfsRq, se, shares);
  // CFS reweights to the same weight, too, which charges a running group; the rounding of the parts is not that of the whole.
  else if (!q.eevdf && se.onRq && se.cfsRq.curr == se) updateCurr(se.cfsRq);
}

/** The part of the group's weight that belongs to this CPU: present weight here, average weight elsewhere (calc_group_shares). */
function groupShares(q: CfsRq): u64 {
  const group = q.group;
  const load = presentLoad(q);
  const total = group.loadAvg - q.loadAvgContrib + load;
  const shares = total == 0 ? group.shares * load : (group.shares * load) / total;
  return min(max(shares, MIN_SHARES), group.shares);
}

/**
 * calc_bt_shares does not scale the weight down as it does the averages elsewhere, so that these hardly count: a group has its whole weight
 * on every CPU.
 */
function presentLoad(q: CfsRq): u64 {
  if (q.group.isBt) return q.weight;
  return tunables.weightOnly ? scaleLoadDown(q.weight) : max(scaleLoadDown(q.weight), q.avg.loadAvg);
}

/** Changes an entity's weight in place: CFS leaves its vruntime alone, EEVDF keeps its lag (reweight_entity). */
function reweightEntity(q: CfsRq, se: SchedEntity, weight: u64): void {
  const inTree = se.onRq && q.curr != se;
  if (se.onRq) {
    if (q.eevdf || !inTree) updateCurr(q);
    if (q.eevdf) {
      const vAverage = avgVruntime(q);
      if (inTree) eraseEntity(q, se);
      rescale(q, se, vAverage, weight);
    }
    q.weight += weight - se.weight;
    q.invWeight = 0;
  } else if (q.eevdf) {
    se.vlag = (se.vlag * <i64>se.weight) / <i64>weight;
  }
  if (tunables.pelt) subLoad(q, se);
  se.weight = weight;
  se.invWeight = 0;
  if (tunables.pelt) {
    rescaleLoad(se);
    addLoad(q, se);
  }
  if (!se.onRq || !q.eevdf) return;
  if (inTree) insertEntity(q, se);
  updateReference(q);
}
