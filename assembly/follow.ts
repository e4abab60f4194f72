/**
 * What a recorded kernel's choices say about virtual times that its trace does not hold: those of the model are moved by as little as
 * explains a choice. How much that was, as running time, says whether the choice was foreseeable.
 */
import { Rank } from './sched/class';
import { CfsRq, SchedEntity } from './sched/entity';
import { eraseEntity, insertEntity, lagLimit } from './sched/eevdf';
import { matching } from './sched/hierarchy';
import { NICE_0_LOAD, scaleLoadDown } from './sched/weight';
import { Task } from './task/task';

/** No virtual times explain it. */
const NEVER: u64 = u64.MAX_VALUE;
/** A sleeper's place drifts by small errors of the clock; what is further off than this is not drift. An assumption. */
const DRIFT_NS: i64 = 50_000;

/**
 * The running task was chosen, not `other`. `moveOther`: it is that one's place that is known less well. Nothing is moved if it would have
 * to be by more than `limit`.
 */
export function followPick(task: Task, other: Task, moveOther: bool, limit: u64): u64 {
  if (task.rank != other.rank || task.rank < Rank.FAIR || task.rank == Rank.IDLE) return NEVER;
  const se = matching(task, other);
  const rival = matching(other, task);
  const q = se.cfsRq;
  if (!q.eevdf) return followLeftmost(q, se, rival, limit);
  // It must have been eligible, and the other must have had a later deadline or not have been eligible itself.
  const late = max(0, <i64>(se.vruntime - vWithout(q, se)));
  const gap = <i64>(se.deadline - rival.deadline) - late;
  const lead = <i64>(vWithout(q, rival) - rival.vruntime) + 1;
  const least = max(0, min(gap, lead));
  const off = running(se, max(late, least));
  if (off > limit) return off;
  if (late > 0) {
    const further = toShift(q, se, rival, late);
    if (moveOther && isPossible(q, rival, further)) move(q, rival, further);
    else move(q, se, 0 - late);
  }
  if (least > 0) {
    if (lead < gap || (moveOther && least <= DRIFT_NS)) move(q, rival, least);
    else move(q, se, 0 - least);
  }
  return off;
}

/** CFS: it must have had the least vruntime. */
function followLeftmost(q: CfsRq, se: SchedEntity, rival: SchedEntity, limit: u64): u64 {
  const behind = max(0, <i64>(se.vruntime - rival.vruntime));
  const off = running(se, behind);
  if (behind > 0 && off <= limit) move(q, se, 0 - behind);
  return off;
}

/** The running task was preempted for `other` though it seemed to be entitled to go on: it cannot have been eligible. */
export function followPreemption(task: Task, other: Task, moveOther: bool, limit: u64): u64 {
  if (task.rank != Rank.FAIR || other.rank != Rank.FAIR || !task.cfsRq.eevdf) return NEVER;
  const se = matching(task, other);
  const rival = matching(other, task);
  const q = se.cfsRq;
  const lead = <i64>(vWithout(q, se) - se.vruntime) + 1;
  if (lead <= 0) return NEVER;
  const off = running(se, lead);
  if (off > limit) return off;
  const further = 0 - toShift(q, se, rival, lead);
  if (moveOther && isPossible(q, rival, further)) move(q, rival, further);
  else move(q, se, lead);
  return off;
}

/** Moves a task, or its group that many levels further up, in virtual time. */
export function shift(task: Task, up: u32, delta: i64): void {
  let se = changetype<SchedEntity>(task);
  for (; up > 0; up--) se = se.parent_;
  move(se.cfsRq, se, delta);
}

/** How far `rival` must move for V without `se` to move by `distance`. */
function toShift(q: CfsRq, se: SchedEntity, rival: SchedEntity, distance: i64): i64 {
  const curr = q.curr;
  let load = <i64>q.avgLoad;
  if (curr != null && curr.onRq) load += <i64>scaleLoadDown(curr.weight);
  load -= <i64>scaleLoadDown(se.weight);
  const weight = <i64>scaleLoadDown(rival.weight);
  return (distance * load + weight - 1) / weight;
}

/** Whether an entity's lag would stay within its limit. */
function isPossible(q: CfsRq, se: SchedEntity, delta: i64): bool {
  return abs(<i64>(vWithout(q, se) - se.vruntime) - delta) <= lagLimit(se);
}

/** The average vruntime of the other entities: up to there an entity is eligible. */
function vWithout(q: CfsRq, se: SchedEntity): u64 {
  const curr = q.curr;
  let sum = q.avgVruntime;
  let load = <i64>q.avgLoad;
  if (se != curr) {
    const weight = <i64>scaleLoadDown(se.weight);
    sum -= <i64>(se.vruntime - q.minVruntime) * weight;
    load -= weight;
    if (curr != null && curr.onRq) {
      const its = <i64>scaleLoadDown(curr.weight);
      sum += <i64>(curr.vruntime - q.minVruntime) * its;
      load += its;
    }
  }
  if (load == 0) return se.vruntime;
  if (sum < 0) sum -= load - 1;
  return q.minVruntime + sum / load;
}

/** Moves an entity in virtual time, its deadline and its protection with it. */
function move(q: CfsRq, se: SchedEntity, delta: i64): void {
  const waits = se != q.curr && se.onRq;
  if (waits) {
    if (q.eevdf) eraseEntity(q, se);
    else q.erase(se);
  }
  se.vruntime += delta;
  if (q.eevdf) {
    if (se == q.curr) se.vlag += delta;
    se.deadline += delta;
  } else {
    se.key = se.vruntime;
  }
  if (!waits) return;
  if (q.eevdf) insertEntity(q, se);
  else q.insert(se);
}

/** The running time that a virtual time is for an entity. */
function running(se: SchedEntity, virtualNs: i64): u64 {
  return (<u64>virtualNs * se.weight) / NICE_0_LOAD;
}
