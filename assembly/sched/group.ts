/**
 * Group scheduling: how a cgroup's weight is divided over the CPUs that its tasks run on (kernel/sched/fair.c update_cfs_group).
 *
 * Simplified against 6.1: the division uses the present weights of the group's queues, not their decaying averages (PELT).
 */
import { at } from '../base/arena';
import { CfsRq, SchedEntity, TaskGroup } from './entity';
import { updateCurr } from './vruntime';

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
  if (q == null) return;
  const group = q.group;
  let shares = group.shares;
  if (group.loadSum != 0 && q.weight != group.loadSum) {
    shares = max(MIN_SHARES, <u64>(<f64>group.shares * (<f64>q.weight / <f64>group.loadSum)));
  }
  if (shares != se.weight) reweightEntity(se.cfsRq, se, shares);
}

/** Changes an entity's weight in place; its vruntime stays (reweight_entity). */
function reweightEntity(q: CfsRq, se: SchedEntity, weight: u64): void {
  if (se.onRq) {
    if (q.curr == se) updateCurr(q);
    q.weight -= se.weight;
    if (q.group != null) q.group.loadSum -= se.weight;
  }
  se.weight = weight;
  se.invWeight = 0;
  if (se.onRq) {
    q.weight += weight;
    q.invWeight = 0;
    if (q.group != null) q.group.loadSum += weight;
  }
}
