/**
 * What a recorded kernel's choices say about virtual times that its trace does not hold: how far two tasks, or the groups in which they
 * compete, lie from having been chosen the other way round, and moving them. Virtual times are in ns, Infinity where none are compared.
 */
import { schedSlice } from './sched/cfs';
import { Rank } from './sched/class';
import { CfsRq, SchedEntity } from './sched/entity';
import { eraseEntity, insertEntity, isProtected } from './sched/eevdf';
import { matching } from './sched/hierarchy';
import { tunables } from './sched/tunables';
import { calcDeltaFair } from './sched/virtual_time';
import { NICE_0_LOAD, scaleLoadDown } from './sched/weight';
import { Task } from './task/task';

/** Whether they have virtual times on queues of the same class. */
function compete(task: Task, other: Task): bool {
  return task.rank == other.rank && task.rank >= Rank.FAIR && task.rank != Rank.IDLE;
}

/** How much later a task's turn comes than the other's: by deadline under EEVDF, else by vruntime. */
export function laterThan(task: Task, other: Task): f64 {
  if (!compete(task, other)) return Infinity;
  const se = matching(task, other);
  const rival = matching(other, task);
  return <f64>(se.cfsRq.eevdf ? <i64>(se.deadline - rival.deadline) : <i64>(se.vruntime - rival.vruntime));
}

/** How far a task lies beyond where it is eligible, which is up to the average of all others; negative if it is. */
export function beyondEligible(task: Task, other: Task): f64 {
  if (!compete(task, other) || !task.cfsRq.eevdf) return Infinity;
  const se = matching(task, other);
  return <f64>(<i64>(se.vruntime - averageWithout(se.cfsRq, se)));
}

/** Whether the running task keeps the CPU as long as it is eligible (RUN_TO_PARITY). */
export function keepsTurn(task: Task, other: Task): bool {
  return tunables.runToParity && isProtected(matching(task, other));
}

/** Whether a task that is eligible and has the earlier deadline takes the running one's turn from it, for its slice is shorter (PREEMPT_SHORT). */
export function mayCutShort(task: Task, other: Task): bool {
  if (!compete(task, other) || !task.cfsRq.eevdf || !tunables.preemptShort) return false;
  return matching(task, other).slice < matching(other, task).slice;
}

function averageWithout(q: CfsRq, se: SchedEntity): u64 {
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

/**
 * CFS: how far the running task may lie ahead of another that waits, or that `woke`, without giving way; if its slice is over it must.
 */
export function mostAhead(task: Task, other: Task, woke: bool): f64 {
  if (!compete(task, other)) return Infinity;
  const se = matching(task, other);
  const ideal = schedSlice(se.cfsRq, se);
  if (se.sumExec - se.prevSumExec > ideal) return Infinity;
  return <f64>(woke ? calcDeltaFair(tunables.wakeupGranularityNs, matching(other, task)) : ideal);
}

/** The running time that a virtual time is for the lighter of two tasks that compete. */
export function runningTime(task: Task, other: Task, virtualNs: f64): f64 {
  return (virtualNs * <f64>min(matching(task, other).weight, matching(other, task).weight)) / <f64>NICE_0_LOAD;
}

/** Moves a task that competes with another in virtual time, its deadline and its protection with it. */
export function shift(task: Task, other: Task, delta: i64): void {
  const se = matching(task, other);
  const q = se.cfsRq;
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
