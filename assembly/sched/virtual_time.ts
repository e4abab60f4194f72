/**
 * Virtual time: running time divided by weight (kernel/sched/fair.c calc_delta_fair, max_vruntime, account_entity_enqueue). What CFS,
 * EEVDF and BT have in common.
 */
import { CfsRq, SchedEntity } from './entity';
import { calcDelta, inverseOf, NICE_0_LOAD } from './weight';

const NONE: SchedEntity = changetype<SchedEntity>(0);

/** Virtual time that `delta` ns of running are for this entity (calc_delta_fair). */
export function calcDeltaFair(delta: u64, se: SchedEntity): u64 {
  if (se.weight == NICE_0_LOAD) return delta;
  if (se.invWeight == 0) se.invWeight = inverseOf(se.weight);
  return calcDelta(delta, NICE_0_LOAD, se.invWeight);
}

/** Whether virtual time `a` is before `b`, by signed difference. */
export function before(a: u64, b: u64): bool {
  return <i64>(a - b) < 0;
}

/** Later of two virtual times. */
export function maxVruntime(a: u64, b: u64): u64 {
  return before(a, b) ? b : a;
}

/** Earlier of two virtual times. */
export function minVruntime(a: u64, b: u64): u64 {
  return before(b, a) ? b : a;
}

/** Adds an entity's weight to its queue (account_entity_enqueue). */
export function accountEnqueue(q: CfsRq, se: SchedEntity): void {
  q.weight += se.weight;
  q.invWeight = 0;
  q.nrRunning++;
  if (se.idle) q.idleNrRunning++;
}

/** Takes an entity's weight from its queue (account_entity_dequeue). */
export function accountDequeue(q: CfsRq, se: SchedEntity): void {
  q.weight -= se.weight;
  q.invWeight = 0;
  q.nrRunning--;
  if (se.idle) q.idleNrRunning--;
}

/** Forgets an entity as a buddy, on every level on which it and its groups are one (clear_buddies). */
export function clearBuddies(entity: SchedEntity): void {
  const q = entity.cfsRq;
  if (q.next == entity || q.last == entity || q.skip == entity) forgetBuddy(entity);
}

function forgetBuddy(entity: SchedEntity): void {
  for (let se = entity; se != null && se.cfsRq.next == se; se = se.parent_) se.cfsRq.next = NONE;
  for (let se = entity; se != null && se.cfsRq.last == se; se = se.parent_) se.cfsRq.last = NONE;
  for (let se = entity; se != null && se.cfsRq.skip == se; se = se.parent_) se.cfsRq.skip = NONE;
}
