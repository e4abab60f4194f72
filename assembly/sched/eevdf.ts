/**
 * EEVDF on one queue: lag, eligibility, deadlines (kernel/sched/fair.c of 6.12; the 6.6 and 6.18 variants are features of their own).
 *
 * V, the queue's average vruntime, is what everybody would have if service were perfectly fair. An entity's lag is what it has been
 * denied, V − vruntime; it is eligible when that is not negative. The eligible entity with the earliest virtual deadline runs.
 */
import { CfsRq, SchedEntity } from './entity';
import { machine } from '../machine/machine';
import { Flags } from './class';
import { tunables } from './tunables';
import { before, calcDeltaFair, maxVruntime, minVruntime } from './virtual_time';
import { scaleLoadDown } from './weight';

const NONE: SchedEntity = changetype<SchedEntity>(0);

/** vruntime relative to the queue's reference (entity_key). */
function keyOf(q: CfsRq, vruntime: u64): i64 {
  return <i64>(vruntime - q.minVruntime);
}

function isRunning(curr: SchedEntity): bool {
  return curr != null && curr.onRq;
}

/** Puts an entity into the tree (__enqueue_entity). */
export function insertEntity(q: CfsRq, se: SchedEntity): void {
  const weight = scaleLoadDown(se.weight);
  q.avgVruntime += keyOf(q, se.vruntime) * weight;
  q.avgLoad += weight;
  q.insert(se);
}

/** Takes an entity from the tree (__dequeue_entity). */
export function eraseEntity(q: CfsRq, se: SchedEntity): void {
  q.erase(se);
  const weight = scaleLoadDown(se.weight);
  q.avgVruntime -= keyOf(q, se.vruntime) * weight;
  q.avgLoad -= weight;
}

/** The running entity counts for V, though it is not in the tree: its part of Σ weight × key. */
function sumWithCurr(q: CfsRq): i64 {
  const curr = q.curr;
  return isRunning(curr) ? q.avgVruntime + keyOf(q, curr.vruntime) * scaleLoadDown(curr.weight) : q.avgVruntime;
}

function loadWithCurr(q: CfsRq): i64 {
  const curr = q.curr;
  return <i64>(isRunning(curr) ? q.avgLoad + scaleLoadDown(curr.weight) : q.avgLoad);
}

/** V (avg_vruntime); rounded down, so that it is eligible itself. */
export function avgVruntime(q: CfsRq): u64 {
  const load = loadWithCurr(q);
  if (load == 0) return q.minVruntime;
  let sum = sumWithCurr(q);
  if (sum < 0) sum -= load - 1;
  return q.minVruntime + sum / load;
}

/** vruntime ≤ V, without a division (vruntime_eligible). */
function vruntimeEligible(q: CfsRq, vruntime: u64): bool {
  return sumWithCurr(q) >= keyOf(q, vruntime) * loadWithCurr(q);
}

/** Whether it has had no more than its due (entity_eligible). */
export function eligible(q: CfsRq, se: SchedEntity): bool {
  return vruntimeEligible(q, se.vruntime);
}

/** The reference follows the least vruntime, which changes nothing but the sizes of the sums (update_min_vruntime). */
export function updateReference(q: CfsRq): void {
  const curr = q.curr;
  const root = changetype<SchedEntity>(q.root);
  let vruntime = q.minVruntime;
  const running = isRunning(curr);
  if (running) vruntime = curr.vruntime;
  if (root != null) vruntime = running ? minVruntime(vruntime, root.minValue) : root.minValue;
  vruntime = maxVruntime(q.minVruntime, vruntime);
  q.avgVruntime -= <i64>(vruntime - q.minVruntime) * q.avgLoad;
  q.minVruntime = vruntime;
}

/** An entity without a slice of its own asks for the base slice. */
function renewSlice(se: SchedEntity): void {
  if (!se.customSlice) se.slice = tunables.baseSliceNs;
}

/** When its slice is used up, the next one begins (update_deadline). True then. */
export function updateDeadline(se: SchedEntity): bool {
  if (before(se.vruntime, se.deadline)) return false;
  renewSlice(se);
  se.deadline = se.vruntime + calcDeltaFair(se.slice, se);
  return true;
}

/** The most that an entity can be owed, or owe: two slices or a tick, whichever is more. */
export function lagLimit(se: SchedEntity): i64 {
  return <i64>calcDeltaFair(max(<u64>se.slice * 2, machine.tickPeriodNs), se);
}

/** Lag, within its limit (entity_lag). */
function lagOf(vAverage: u64, se: SchedEntity): i64 {
  const limit = lagLimit(se);
  return min(max(<i64>(vAverage - se.vruntime), -limit), limit);
}

/** It leaves: its lag goes with it (update_entity_lag). */
export function updateEntityLag(q: CfsRq, se: SchedEntity): void {
  se.vlag = lagOf(avgVruntime(q), se);
}

/** Where an entity comes in: at V, less the lag that it left with, enlarged because V will move as it comes (place_entity). */
export function placeEntityEevdf(q: CfsRq, se: SchedEntity, flags: u32): void {
  renewSlice(se);
  let slice = calcDeltaFair(se.slice, se);
  let lag: i64 = 0;
  if (tunables.placeLag && q.nrRunning != 0 && se.vlag != 0) {
    const load = loadWithCurr(q);
    lag = (se.vlag * (load + <i64>scaleLoadDown(se.weight))) / max(load, 1);
  }
  se.vruntime = avgVruntime(q) - lag;
  if (tunables.placeRelDeadline && se.relDeadline) {
    se.deadline += se.vruntime;
    se.relDeadline = false;
    return;
  }
  if (tunables.placeDeadlineInitial && (flags & Flags.INITIAL) != 0) slice >>= 1;
  se.deadline = se.vruntime + slice;
}

/** A weight changes in place: lag and what is left of the slice keep their real sizes (reweight_eevdf). */
export function rescale(q: CfsRq, se: SchedEntity, vAverage: u64, weight: u64): void {
  const old = <i64>se.weight;
  const now = <i64>weight;
  if (se.vruntime != vAverage) se.vruntime = vAverage - (lagOf(vAverage, se) * old) / now;
  se.deadline = vAverage + (<i64>(se.deadline - vAverage) * old) / now;
}

/** The running entity keeps the CPU until its deadline is renewed: `vlag` holds the deadline that it was picked with (protect_slice). */
export function protectSlice(q: CfsRq, se: SchedEntity): void {
  if (!tunables.vprot) {
    se.vlag = <i64>se.deadline;
    return;
  }
  // 6.18: or until it has had what the most urgent one on the queue asks for at a time.
  const slice = tunables.runToParity ? minSlice(q, se) : tunables.unscaledSliceNs;
  const shorter = se.vruntime + calcDeltaFair(slice, se);
  se.vlag = <i64>(slice < se.slice ? minVruntime(se.deadline, shorter) : se.deadline);
}

export function isProtected(se: SchedEntity): bool {
  return tunables.vprot ? <i64>(<u64>se.vlag - se.vruntime) > 0 : <u64>se.vlag == se.deadline;
}

export function cancelProtection(se: SchedEntity): void {
  if (isProtected(se)) se.vlag = <i64>(tunables.vprot ? se.vruntime : se.deadline + 1);
}

/** The shortest slice on the queue (cfs_rq_min_slice). `running`: whether or not it is on the queue, it counts. */
export function minSlice(q: CfsRq, running: SchedEntity): u32 {
  const least = running != null ? running.slice : u32.MAX_VALUE;
  if (q.nrCustomSlices == 0) return q.root == null ? least : min(least, tunables.baseSliceNs);
  return min(least, leastSlice(changetype<SchedEntity>(q.root)));
}

function leastSlice(se: SchedEntity): u32 {
  if (se == null) return u32.MAX_VALUE;
  const below = min(leastSlice(changetype<SchedEntity>(se.left)), leastSlice(changetype<SchedEntity>(se.right)));
  return min(se.slice, below);
}

/** The eligible entity with the earliest deadline; the running one as long as its slice is protected (pick_eevdf). */
export function pickEevdf(q: CfsRq, protect: bool): SchedEntity {
  let curr = q.curr;
  const first = changetype<SchedEntity>(q.leftmost);
  if (q.nrRunning == 1) return isRunning(curr) ? curr : first;
  const sum = sumWithCurr(q);
  const load = loadWithCurr(q);
  if (!isRunning(curr) || sum < keyOf(q, curr.vruntime) * load) curr = NONE;
  if (protect && tunables.runToParity && curr != null && isProtected(curr)) return curr;
  let best = NONE;
  let node = first;
  if (node != null && sum < keyOf(q, node.vruntime) * load) node = changetype<SchedEntity>(q.root);
  while (node != null) {
    const left = changetype<SchedEntity>(node.left);
    if (left != null && sum >= keyOf(q, left.minValue) * load) {
      node = left;
      continue;
    }
    if (sum >= keyOf(q, node.vruntime) * load) {
      best = node;
      break;
    }
    node = changetype<SchedEntity>(node.right);
  }
  if (best == null || (curr != null && currWins(curr, best))) return curr;
  return best;
}

/** Of equal deadlines the tree's goes first; in 6.6 the running one. */
function currWins(curr: SchedEntity, best: SchedEntity): bool {
  return tunables.currWinsTies ? !before(best.deadline, curr.deadline) : before(curr.deadline, best.deadline);
}

/** A wakee with a shorter slice that is owed time ends the running one's protection (do_preempt_short). */
export function preemptsShort(q: CfsRq, wakee: SchedEntity, curr: SchedEntity): bool {
  if (!tunables.preemptShort || wakee.slice >= curr.slice || !eligible(q, wakee)) return false;
  return before(wakee.deadline, curr.deadline) || !eligible(q, curr);
}

/** After a charge: must the running entity give way? `renewed`: its slice was used up. */
export function givesWay(q: CfsRq, curr: SchedEntity, renewed: bool): bool {
  if (q.nrRunning == 1) return false;
  if (renewed) return true;
  if (tunables.vprot) return !isProtected(curr);
  return tunables.preemptShort && !isProtected(curr) && !eligible(q, curr);
}
