/**
 * Virtual time on one queue: charging, placing, choosing (kernel/sched/fair.c of 6.1; TencentOS's batch.c mirrors it for BT).
 */
import { successor } from '../base/rbtree';
import { CfsRq, SchedEntity } from './entity';
import { calcDelta, inverseOf, NICE_0_LOAD } from './weight';
import { rqOf } from './rq';
import { tunables } from './tunables';

const NONE: SchedEntity = changetype<SchedEntity>(0);

function entityInverse(se: SchedEntity): u32 {
  if (se.invWeight == 0) se.invWeight = inverseOf(se.weight);
  return se.invWeight;
}

/** Virtual time that `delta` ns of running are for this entity (calc_delta_fair). */
export function calcDeltaFair(delta: u64, se: SchedEntity): u64 {
  return se.weight == NICE_0_LOAD ? delta : calcDelta(delta, NICE_0_LOAD, entityInverse(se));
}

/** Later of two virtual times, by signed difference. */
export function maxVruntime(a: u64, b: u64): u64 {
  return <i64>(b - a) > 0 ? b : a;
}

/** Earlier of two virtual times, by signed difference. */
export function minVruntime(a: u64, b: u64): u64 {
  return <i64>(b - a) < 0 ? b : a;
}

/** min_vruntime follows the leftmost of tree and running entity, and never goes back. */
export function updateMinVruntime(q: CfsRq): void {
  const curr = q.curr;
  const left = changetype<SchedEntity>(q.leftmost);
  let vruntime = q.minVruntime;
  const running = curr != null && curr.onRq;
  if (running) vruntime = curr.vruntime;
  if (left != null) vruntime = running ? minVruntime(vruntime, left.vruntime) : left.vruntime;
  q.minVruntime = maxVruntime(q.minVruntime, vruntime);
}

/** Charges the running entity of a queue up to the clock; returns the time charged (update_curr). */
export function updateCurr(q: CfsRq): u64 {
  const curr = q.curr;
  if (curr == null) return 0;
  const now = rqOf(q.cpu).clock;
  const delta = now - curr.execStart;
  if (<i64>delta <= 0) return 0;
  curr.execStart = now;
  curr.sumExec += delta;
  curr.vruntime += calcDeltaFair(delta, curr);
  updateMinVruntime(q);
  return delta;
}

/** Every entity on the queue is SCHED_IDLE (sched_idle_cfs_rq). */
export function onlyIdleEntities(q: CfsRq): bool {
  return q.nrRunning != 0 && q.nrRunning == q.idleNrRunning;
}

/** Ideal running time before others get their turn, over all levels of the hierarchy (sched_slice). */
export function schedSlice(q: CfsRq, entity: SchedEntity): u64 {
  let nr = tunables.altPeriod ? rootOf(q, entity).hNrRunning : q.nrRunning;
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
  const floor = entity.idlePolicy && !onlyIdleEntities(q) ? tunables.idleMinGranularityNs : tunables.minGranularityNs;
  return max(slice, floor);
}

function rootOf(q: CfsRq, entity: SchedEntity): CfsRq {
  let se = entity;
  while (se.parent_ != null) se = se.parent_;
  return se.cfsRq == null ? q : se.cfsRq;
}

/** Where a waking or new entity starts: not so far left that it could monopolise the CPU (place_entity). */
export function placeEntity(q: CfsRq, se: SchedEntity, initial: bool): void {
  let vruntime = q.minVruntime;
  if (initial) {
    if (tunables.startDebit) vruntime += calcDeltaFair(schedSlice(q, se), se);
  } else {
    let credit = se.idlePolicy ? tunables.minGranularityNs : tunables.latencyNs;
    if (tunables.gentleFairSleepers) credit >>= 1;
    vruntime -= credit;
  }
  se.vruntime = maxVruntime(se.vruntime, vruntime);
}

/** Adds an entity's weight to its queue (account_entity_enqueue). */
export function accountEnqueue(q: CfsRq, se: SchedEntity): void {
  q.weight += se.weight;
  q.invWeight = 0;
  q.nrRunning++;
  if (se.idlePolicy) q.idleNrRunning++;
  if (q.group != null) q.group.loadSum += se.weight;
}

/** Takes an entity's weight from its queue (account_entity_dequeue). */
export function accountDequeue(q: CfsRq, se: SchedEntity): void {
  q.weight -= se.weight;
  q.invWeight = 0;
  q.nrRunning--;
  if (se.idlePolicy) q.idleNrRunning--;
  if (q.group != null) q.group.loadSum -= se.weight;
}

/** Forgets an entity as a buddy of its queue. */
export function clearBuddies(q: CfsRq, se: SchedEntity): void {
  if (q.next == se) q.next = NONE;
  if (q.last == se) q.last = NONE;
  if (q.skip == se) q.skip = NONE;
}

/** The chosen entity leaves the tree and becomes the running one (set_next_entity). */
export function setNextEntity(q: CfsRq, se: SchedEntity): void {
  clearBuddies(q, se);
  if (se.onRq) q.erase(se);
  se.execStart = rqOf(q.cpu).clock;
  q.curr = se;
  se.prevSumExec = se.sumExec;
}

/** The running entity goes back into the tree, if it can still run (put_prev_entity); it has been charged. */
export function putPrevEntity(q: CfsRq, se: SchedEntity): void {
  if (se.onRq) q.insert(se);
  q.curr = NONE;
}

/** Wakeup granularity in the wakee's virtual time (wakeup_gran). */
function wakeupGran(se: SchedEntity): u64 {
  return calcDeltaFair(tunables.wakeupGranularityNs, se);
}

/** Should `se` preempt `curr`? 1 yes, 0 not by enough, −1 no (wakeup_preempt_entity). */
export function wakeupPreemptEntity(curr: SchedEntity, se: SchedEntity): i32 {
  const diff = <i64>(curr.vruntime - se.vruntime);
  if (diff <= 0) return -1;
  return diff > <i64>wakeupGran(se) ? 1 : 0;
}

/** The entity to run next: leftmost, unless a buddy is nearly as deserving (pick_next_entity). */
export function pickNextEntity(q: CfsRq, curr: SchedEntity): SchedEntity {
  let left = changetype<SchedEntity>(q.leftmost);
  if (left == null || (curr != null && <i64>(curr.vruntime - left.vruntime) < 0)) left = curr;
  let se = left;
  if (q.skip != null && q.skip == se) {
    let second: SchedEntity;
    if (se == curr) {
      second = changetype<SchedEntity>(q.leftmost);
    } else {
      second = changetype<SchedEntity>(successor(se));
      if (second == null || (curr != null && <i64>(curr.vruntime - second.vruntime) < 0)) second = curr;
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
    clearBuddies(q, curr);
    return true;
  }
  if (ran < tunables.minGranularityNs) return false;
  const left = changetype<SchedEntity>(q.leftmost);
  const lead = <i64>(curr.vruntime - left.vruntime);
  return lead >= 0 && <u64>lead > ideal;
}
