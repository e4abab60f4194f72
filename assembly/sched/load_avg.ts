/**
 * PELT where it is used: entities on queues, queues in groups (kernel/sched/fair.c update_load_avg, attach_entity_load_avg,
 * propagate_entity_load_avg, update_tg_load_avg, update_cfs_rq_h_load). Only balance, placement and the division of a group's weight
 * over CPUs look at load averages, so with one CPU they are not kept (`tunables.pelt`).
 *
 * Simplified: every CPU has full capacity.
 */
import { CAPACITY, dividerOf, isDue, MIN_DIVIDER, SchedAvg, updateAverages, updateSums } from './avg';
import { CfsRq, SchedEntity } from './entity';
import { rqOf } from './rq';
import { tunables } from './tunables';
import { scaleLoadDown } from './weight';

/** Tell the group (UPDATE_TG), take in (DO_ATTACH), let go (DO_DETACH). */
export namespace Update {
  export const TG: u32 = 1;
  export const ATTACH: u32 = 2;
  export const DETACH: u32 = 4;
}

/** The queue's PELT clock (cfs_rq_clock_pelt). */
export function clockPelt(q: CfsRq): u64 {
  return (q.peltStopped ? q.throttledClockPelt : rqOf(q.cpu).clock) - q.throttledTimePelt;
}

/** The PELT clock of a throttled queue stands still… */
export function stopPelt(q: CfsRq): void {
  q.peltStopped = true;
  q.throttledClockPelt = rqOf(q.cpu).clock;
}

/** …and goes on. */
export function resumePelt(q: CfsRq): void {
  q.peltStopped = false;
  q.throttledTimePelt += rqOf(q.cpu).clock - q.throttledClockPelt;
}

export function subPositive(value: u64, by: u64): u64 {
  return value > by ? value - by : 0;
}

function addPositive(value: u64, delta: i64): u64 {
  const sum = <i64>value + delta;
  return sum > 0 ? <u64>sum : 0;
}

/** Brings an entity's averages and its queue's up to the clock, before either changes (update_load_avg). */
export function updateLoadAvg(q: CfsRq, se: SchedEntity, flags: u32): void {
  if (!tunables.pelt) return;
  const now = clockPelt(q);
  if (se.avg.lastUpdateTime != 0 && isDue(se.avg, now) && updateEntityAvg(q, se, now)) se.avg.utilUnchanged = false;
  let decayed = isDue(q.avg, now) && updateQueueAvg(q, now);
  if (se.myQ != null && propagateEntity(q, se)) decayed = true;
  if (se.avg.lastUpdateTime == 0 && (flags & Update.ATTACH) != 0) {
    attachEntity(q, se);
    tellGroup(q);
  } else if ((flags & Update.DETACH) != 0) {
    detachEntity(q, se);
    tellGroup(q);
  } else if (decayed && (flags & Update.TG) != 0) {
    tellGroup(q);
  }
}

/** __update_load_avg_se. True if its averages changed. */
function updateEntityAvg(q: CfsRq, se: SchedEntity, now: u64): bool {
  const runnable: u64 = se.myQ != null ? se.myQ.hNrRunning : se.onRq ? 1 : 0;
  if (!updateSums(se.avg, now, se.onRq ? 1 : 0, runnable, q.curr == se)) return false;
  updateAverages(se.avg, scaleLoadDown(se.weight));
  return true;
}

/** Brings a queue's own averages up to `now` (__update_load_avg_cfs_rq). True if they changed. */
export function updateQueueAvg(q: CfsRq, now: u64): bool {
  const removed = q.nrRemoved != 0;
  if (removed) takeRemoved(q);
  if (!updateSums(q.avg, now, scaleLoadDown(q.weight), q.hNrRunning, q.curr != null)) return removed;
  updateAverages(q.avg, 1);
  return true;
}

/** The group learns what its queue weighs, unless that changed by less than 1/64 (update_tg_load_avg). */
export function tellGroup(q: CfsRq): void {
  const group = q.group;
  if (group == null) return;
  const delta = <i64>(q.avg.loadAvg - q.loadAvgContrib);
  if (abs(delta) <= <i64>(q.loadAvgContrib >> 6)) return;
  group.loadAvg += delta;
  q.loadAvgContrib = q.avg.loadAvg;
}

function addPropagate(q: CfsRq, loadSum: i64): void {
  q.propagate = true;
  q.propRunnableSum += loadSum;
}

/** An entity comes to a queue with the averages that it had elsewhere (attach_entity_load_avg). */
export function attachEntity(q: CfsRq, se: SchedEntity): void {
  const avg = se.avg;
  const own = q.avg;
  const divider = dividerOf(own);
  avg.lastUpdateTime = own.lastUpdateTime;
  avg.periodContrib = own.periodContrib;
  avg.utilSum = avg.utilAvg * divider;
  avg.runnableSum = avg.runnableAvg * divider;
  const weight = scaleLoadDown(se.weight);
  avg.loadSum = avg.loadAvg * divider;
  avg.loadSum = weight < avg.loadSum ? avg.loadSum / weight : 1;
  addLoad(q, se);
  own.utilAvg += avg.utilAvg;
  own.utilSum += avg.utilSum;
  own.runnableAvg += avg.runnableAvg;
  own.runnableSum += avg.runnableSum;
  addPropagate(q, <i64>avg.loadSum);
}

/** An entity leaves a queue for another (detach_entity_load_avg). */
function detachEntity(q: CfsRq, se: SchedEntity): void {
  const avg = se.avg;
  const own = q.avg;
  subLoad(q, se);
  own.utilAvg = subPositive(own.utilAvg, avg.utilAvg);
  own.utilSum = max(subPositive(own.utilSum, avg.utilSum), own.utilAvg * MIN_DIVIDER);
  own.runnableAvg = subPositive(own.runnableAvg, avg.runnableAvg);
  own.runnableSum = max(subPositive(own.runnableSum, avg.runnableSum), own.runnableAvg * MIN_DIVIDER);
  addPropagate(q, -(<i64>avg.loadSum));
}

/** An entity's load comes into its queue's (enqueue_load_avg). */
export function addLoad(q: CfsRq, se: SchedEntity): void {
  q.avg.loadAvg += se.avg.loadAvg;
  q.avg.loadSum += scaleLoadDown(se.weight) * se.avg.loadSum;
}

/** An entity's load leaves its queue's (dequeue_load_avg). */
export function subLoad(q: CfsRq, se: SchedEntity): void {
  const own = q.avg;
  own.loadAvg = subPositive(own.loadAvg, se.avg.loadAvg);
  own.loadSum = subPositive(own.loadSum, scaleLoadDown(se.weight) * se.avg.loadSum);
  own.loadSum = max(own.loadSum, own.loadAvg * MIN_DIVIDER);
}

/**
 * A sleeper is about to wake on another CPU, or it is dead: its averages, as of its queue's last update, leave with that queue's next one
 * (remove_entity_load_avg).
 */
export function removeSleeper(q: CfsRq, se: SchedEntity): void {
  if (!tunables.pelt || se.avg.lastUpdateTime == 0) return;
  updateEntityAvg(q, se, q.avg.lastUpdateTime);
  q.nrRemoved++;
  q.removedLoad += se.avg.loadAvg;
  q.removedUtil += se.avg.utilAvg;
  q.removedRunnable += se.avg.runnableAvg;
  se.avg.lastUpdateTime = 0;
}

/** They have left (the first half of update_cfs_rq_load_avg). */
function takeRemoved(q: CfsRq): void {
  const own = q.avg;
  const divider = dividerOf(own);
  own.loadAvg = subPositive(own.loadAvg, q.removedLoad);
  own.loadSum = max(subPositive(own.loadSum, q.removedLoad * divider), own.loadAvg * MIN_DIVIDER);
  own.utilAvg = subPositive(own.utilAvg, q.removedUtil);
  own.utilSum = max(subPositive(own.utilSum, q.removedUtil * divider), own.utilAvg * MIN_DIVIDER);
  own.runnableAvg = subPositive(own.runnableAvg, q.removedRunnable);
  own.runnableSum = max(subPositive(own.runnableSum, q.removedRunnable * divider), own.runnableAvg * MIN_DIVIDER);
  // Their load sums are told by how much they were runnable.
  addPropagate(q, -(<i64>((q.removedRunnable * divider) / CAPACITY)));
  q.nrRemoved = 0;
  q.removedLoad = 0;
  q.removedUtil = 0;
  q.removedRunnable = 0;
}

/** A group's entity follows what came and went in the group's queue (propagate_entity_load_avg). */
function propagateEntity(q: CfsRq, se: SchedEntity): bool {
  const below = se.myQ;
  if (!below.propagate) return false;
  below.propagate = false;
  addPropagate(q, below.propRunnableSum);
  followUtil(q, se, below);
  followRunnable(q, se, below);
  followLoad(q, se, below);
  return true;
}

/** update_tg_cfs_util */
function followUtil(q: CfsRq, se: SchedEntity, below: CfsRq): void {
  const delta = <i64>(below.avg.utilAvg - se.avg.utilAvg);
  if (delta == 0) return;
  const sum = below.avg.utilAvg * dividerOf(q.avg);
  const own = q.avg;
  own.utilAvg = addPositive(own.utilAvg, delta);
  own.utilSum = max(addPositive(own.utilSum, <i64>(sum - se.avg.utilSum)), own.utilAvg * MIN_DIVIDER);
  se.avg.utilAvg = below.avg.utilAvg;
  se.avg.utilSum = sum;
}

/** update_tg_cfs_runnable */
function followRunnable(q: CfsRq, se: SchedEntity, below: CfsRq): void {
  const delta = <i64>(below.avg.runnableAvg - se.avg.runnableAvg);
  if (delta == 0) return;
  const sum = below.avg.runnableAvg * dividerOf(q.avg);
  const own = q.avg;
  own.runnableAvg = addPositive(own.runnableAvg, delta);
  own.runnableSum = max(addPositive(own.runnableSum, <i64>(sum - se.avg.runnableSum)), own.runnableAvg * MIN_DIVIDER);
  se.avg.runnableAvg = below.avg.runnableAvg;
  se.avg.runnableSum = sum;
}

/** update_tg_cfs_load: how long the group was runnable is guessed from what came (at most all of the time) or is left. */
function followLoad(q: CfsRq, se: SchedEntity, below: CfsRq): void {
  let runnable = below.propRunnableSum;
  if (runnable == 0) return;
  below.propRunnableSum = 0;
  const divider = dividerOf(q.avg);
  if (runnable >= 0) {
    runnable = min(runnable + <i64>se.avg.loadSum, <i64>divider);
  } else {
    const weight = scaleLoadDown(below.weight);
    const left = weight != 0 ? below.avg.loadSum / weight : 0;
    runnable = <i64>min(se.avg.loadSum, left);
  }
  const runnableSum = max(<u64>runnable, se.avg.utilSum / CAPACITY);
  const weight = scaleLoadDown(se.weight);
  const loadSum = weight * runnableSum;
  const loadAvg = loadSum / divider;
  const delta = <i64>(loadAvg - se.avg.loadAvg);
  if (delta == 0) return;
  const own = q.avg;
  own.loadAvg = addPositive(own.loadAvg, delta);
  own.loadSum = addPositive(own.loadSum, <i64>(loadSum - weight * se.avg.loadSum));
  own.loadSum = max(own.loadSum, own.loadAvg * MIN_DIVIDER);
  se.avg.loadSum = runnableSum;
  se.avg.loadAvg = loadAvg;
}

/** After a change of weight the average follows at once (reweight_entity). */
export function rescaleLoad(se: SchedEntity): void {
  se.avg.loadAvg = (scaleLoadDown(se.weight) * se.avg.loadSum) / dividerOf(se.avg);
}

/** A new task has its full weight as its load, and half of the utilisation that is left (post_init_entity_util_avg). */
export function initTaskAvg(q: CfsRq, se: SchedEntity): void {
  if (!tunables.pelt) return;
  const avg = se.avg;
  resetAvg(avg);
  avg.loadAvg = scaleLoadDown(se.weight);
  const left = (<i64>CAPACITY - <i64>q.avg.utilAvg) / 2;
  if (left > 0) {
    const asOthers = (q.avg.utilAvg * se.weight) / (q.avg.loadAvg + 1);
    avg.utilAvg = q.avg.utilAvg != 0 ? min(asOthers, <u64>left) : <u64>left;
  }
  avg.runnableAvg = avg.utilAvg;
  updateQueueAvg(q, clockPelt(q));
  attachEntity(q, se);
  tellGroup(q);
}

function resetAvg(avg: SchedAvg): void {
  memory.fill(changetype<usize>(avg), 0, offsetof<SchedAvg>());
}

/** What part of the CPU's load a queue is (update_cfs_rq_h_load). */
function hLoad(q: CfsRq): u64 {
  const se = q.entity;
  if (se == null) return q.avg.loadAvg;
  const above = se.cfsRq;
  return (hLoad(above) * se.avg.loadAvg) / (above.avg.loadAvg + 1);
}

/** A task's part of its CPU's load, over all groups (task_h_load). */
export function taskHLoad(task: SchedEntity): u64 {
  const q = task.cfsRq;
  if (q.entity == null) return task.avg.loadAvg;
  return (task.avg.loadAvg * hLoad(q)) / (q.avg.loadAvg + 1);
}
