/**
 * CFS on one queue: placing, choosing, slices (kernel/sched/fair.c of 6.1; TencentOS's batch.c mirrors it for BT).
 */
import { successor } from '../base/rbtree';
import { CfsRq, SchedEntity } from './entity';
import { rqOf } from './rq';
import { tunables } from './tunables';
import { before, calcDeltaFair, clearBuddies, maxVruntime, minVruntime } from './virtual_time';
import { calcDelta, inverseOf } from './weight';

/** min_vruntime follows the leftmost of tree and running entity, and never goes back (update_min_vruntime). */
export function updateMinVruntime(q: CfsRq): void {
  const curr = q.curr;
  const left = changetype<SchedEntity>(q.leftmost);
  let vruntime = q.minVruntime;
  const running = curr != null && curr.onRq;
  if (running) vruntime = curr.vruntime;
  if (left != null) vruntime = running ? minVruntime(vruntime, left.vruntime) : left.vruntime;
  q.minVruntime = maxVruntime(q.minVruntime, vruntime);
}

/** Every entity on the queue is idle (sched_idle_cfs_rq). */
export function onlyIdleEntities(q: CfsRq): bool {
  return q.nrRunning != 0 && q.nrRunning == q.idleNrRunning;
}

/** Ideal running time before others get their turn, over all levels of the hierarchy (sched_slice). */
export function schedSlice(q: CfsRq, entity: SchedEntity): u64 {
  let nr = tunables.altPeriod ? rqOf(q.cpu).cfs.hNrRunning : q.nrRunning;
  if (!entity.onRq) nr++;
  let slice = nr > tunables.nrLatency ? <u64>nr * tunables.minGranularityNs : tunables.latencyNs;
  let se = entity;
  do {
    const queue = se.cfsRq;
    let inverse: u32;
    if (se.onRq) {
      if (queue.invWeight == 0) queue.invWeight = inverseOf(queue.weight);
      inverse = queue.invWeight;
    } else {
      inverse = inverseOf(queue.weight + se.weight);
    }
    slice = calcDelta(slice, se.weight, inverse);
    se = se.parent_;
  } while (se != null);
  if (!tunables.baseSlice) return slice;
  const floor = entity.idle && !onlyIdleEntities(q) ? tunables.idleMinGranularityNs : tunables.minGranularityNs;
  return max(slice, floor);
}

/** Where a waking or new entity starts: not so far left that it could monopolise the CPU (place_entity). */
export function placeEntity(q: CfsRq, se: SchedEntity, initial: bool): void {
  let vruntime = q.minVruntime;
  if (initial) {
    if (tunables.startDebit) vruntime += calcDeltaFair(schedSlice(q, se), se);
  } else {
    let credit = se.idle && tunables.idlePlacement ? tunables.minGranularityNs : tunables.latencyNs;
    if (tunables.gentleFairSleepers) credit >>= 1;
    vruntime -= credit;
  }
  se.vruntime = maxVruntime(se.vruntime, vruntime);
}

/** Should `se` preempt `curr`? 1 yes, 0 not by enough, −1 no (wakeup_preempt_entity; the granularity is in the wakee's virtual time). */
export function wakeupPreemptEntity(curr: SchedEntity, se: SchedEntity): i32 {
  const diff = <i64>(curr.vruntime - se.vruntime);
  if (diff <= 0) return -1;
  return diff > <i64>calcDeltaFair(tunables.wakeupGranularityNs, se) ? 1 : 0;
}

/** The entity to run next: leftmost, unless a buddy is nearly as deserving (pick_next_entity). */
export function pickNextEntity(q: CfsRq, curr: SchedEntity): SchedEntity {
  let left = changetype<SchedEntity>(q.leftmost);
  if (left == null || (curr != null && before(curr.vruntime, left.vruntime))) left = curr;
  let se = left;
  if (q.skip != null && q.skip == se) {
    let second: SchedEntity;
    if (se == curr) {
      second = changetype<SchedEntity>(q.leftmost);
    } else {
      second = changetype<SchedEntity>(successor(se));
      if (second == null || (curr != null && before(curr.vruntime, second.vruntime))) second = curr;
    }
    if (second != null && wakeupPreemptEntity(second, left) < 1) se = second;
  }
  if (q.next != null && wakeupPreemptEntity(q.next, left) < 1) return q.next;
  if (q.last != null && wakeupPreemptEntity(q.last, left) < 1) return q.last;
  return se;
}

/** At a tick: has the running entity had its share? (check_preempt_tick) */
export function sliceExpired(q: CfsRq, curr: SchedEntity): bool {
  const ideal = schedSlice(q, curr);
  const ran = curr.sumExec - curr.prevSumExec;
  if (ran > ideal) {
    clearBuddies(curr);
    return true;
  }
  if (ran < tunables.minGranularityNs) return false;
  const left = changetype<SchedEntity>(q.leftmost);
  const lead = <i64>(curr.vruntime - left.vruntime);
  return lead >= 0 && <u64>lead > ideal;
}
