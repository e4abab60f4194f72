/**
 * Group scheduling: how a cgroup's weight is divided over the CPUs that its tasks run on (kernel/sched/fair.c update_cfs_group,
 * calc_group_shares, reweight_entity).
 */
import { at } from '../base/arena';
import { updateCurr } from './curr';
import {
  avgVruntime,
  eraseEntity,
  insertEntity,
  placeEntityEevdf,
  rescale,
  rescaleOff,
  updateEntityLag,
  updateReference,
} from './eevdf';
import { AVG_BYTES, CfsRq, GROUP_ENTITY_BYTES, SchedEntity, TaskGroup } from './entity';
import { addLoad, rescaleLoad, subLoad, Update, updateLoadAvg } from './load_avg';
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
  return changetype<SchedEntity>(group.entities + <usize>cpu * GROUP_ENTITY_BYTES + AVG_BYTES);
}

/** Gives a group entity its share of the group's weight; does nothing for a task (update_cfs_group). */
export function updateCfsGroup(se: SchedEntity): void {
  if (se.myQ != null) followShares(se, se.myQ);
}

function followShares(se: SchedEntity, q: CfsRq): void {
  if (q.isFrozen) return;
  // From 6.12 on an emptied group keeps its weight: its entity may still be on the queue, to work its lag off.
  if (q.eevdf && q.weight == 0 && !tunables.currWinsTies) return;
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

/** Gives a group's entity another weight: CFS leaves its vruntime alone, EEVDF keeps its lag (reweight_entity). */
function reweightEntity(q: CfsRq, se: SchedEntity, weight: u64): void {
  if (tunables.reweightPlaces && q.eevdf && se.onRq) {
    placeAnew(q, se, weight);
    return;
  }
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
    rescaleOff(se, se.weight, weight);
  }
  setWeight(q, se, weight);
  if (!se.onRq || !q.eevdf) return;
  if (inTree) insertEntity(q, se);
  updateReference(q);
}

/** As 6.18 does it: the entity leaves its queue and comes back, which enlarges its lag as that of any newcomer. */
function placeAnew(q: CfsRq, se: SchedEntity, weight: u64): void {
  const old = se.weight;
  const inTree = q.curr != se;
  updateCurr(q);
  updateEntityLag(q, se);
  se.deadline -= se.vruntime;
  se.relDeadline = true;
  q.nrRunning--;
  if (inTree) eraseEntity(q, se);
  rescaleOff(se, old, weight);
  setWeight(q, se, weight);
  // The running one's own weight counts twice here, as in the kernel.
  placeEntityEevdf(q, se, 0);
  q.weight += weight - old;
  q.invWeight = 0;
  if (inTree) insertEntity(q, se);
  q.nrRunning++;
  updateReference(q);
  // What protected the running one was where its lag now is (until 6.18.17).
  if (!inTree) se.vlag = se.vruntime;
}

function setWeight(q: CfsRq, se: SchedEntity, weight: u64): void {
  if (tunables.pelt) subLoad(q, se);
  se.weight = weight;
  se.invWeight = 0;
  if (!tunables.pelt) return;
  rescaleLoad(se);
  addLoad(q, se);
}

/** cpu.weight is written: the group's entities get their new parts on a CPU (sched_group_set_shares). */
export function setShares(group: TaskGroup, cpu: u32, shares: u64): void {
  group.shares = shares;
  for (let se = entityOf(group, cpu); se != null; se = se.parent_) {
    updateLoadAvg(se.cfsRq, se, Update.TG);
    updateCfsGroup(se);
  }
}
