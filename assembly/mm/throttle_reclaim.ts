/**
 * Reclaim that meets dirty pages: what it notes of them, and when it sleeps until some have been written (mm/vmscan.c shrink_node, reclaim_throttle,
 * consider_reclaim_throttle, skip_throttle_noprogress, __acct_reclaim_writeback).
 */
import { cancelTimer, startTimer } from '../machine/hrtimer';
import { Rq, rqOf } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { State, Task } from '../task/task';
import { hz } from './jiffies';
import { groupAt } from './memcg';
import { count, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { ScanControl } from './scan_control';
import { timerWheelExpiry } from './throttle_high';
import { domain } from './writeback/wb';

/** Why a reclaim sleeps (enum vmscan_throttle_state). */
export namespace Throttle {
  export const NONE: u32 = 0;
  export const WRITEBACK: u32 = 1;
  export const CONGESTED: u32 = 2;
  export const NOPROGRESS: u32 = 3;
}

/** What kswapd has found of the node's pages (pgdat->flags), and who sleeps until some are written. */
@unmanaged
class Node {
  /** Nothing but dirty file pages (PGDAT_DIRTY): kswapd writes some itself. */
  dirty: bool;
  /** Nothing but pages under writeback (PGDAT_WRITEBACK). */
  writeback: bool;
  /** kswapd, if it sleeps for writeback, and the pages written since. */
  throttled: Task;
  written: u64;
}

export const node: Node = changetype<Node>(memory.data(<i32>offsetof<Node>(), 8));

/** The node is balanced: what was found of it is of no more use (clear_pgdat_congested). */
export function clearCongested(): void {
  node.dirty = false;
  node.writeback = false;
  groupAt(0).congested = false;
}

/** At the end of a pass: what kind of pages it has met, and whether that is a reason to sleep. */
export function throttleAfterPass(sc: ScanControl): u32 {
  const target = sc.target;
  if (sc.isKswapd) {
    if (sc.nrWriteback != 0 && sc.nrWriteback == sc.nrTaken) node.writeback = true;
    if (sc.nrUnqueuedDirty == sc.nrFileTaken) node.dirty = true;
    if (sc.nrImmediate != 0) return Throttle.WRITEBACK;
  }
  const isGroup = target.parent != null;
  if ((sc.isKswapd || isGroup) && sc.nrDirty != 0 && sc.nrDirty == sc.nrCongested) target.congested = true;
  if (sc.isKswapd) return Throttle.NONE;
  if (target.congested && !skipsThrottle()) return Throttle.CONGESTED;
  if (isGroup || sc.nrReclaimed > sc.nrScanned >> 3) return Throttle.NONE;
  return sc.priority == 1 && sc.nrReclaimed == 0 && !skipsThrottle() ? Throttle.NOPROGRESS : Throttle.NONE;
}

/** The machine is near its end, or so few pages are to be written that waiting for them would be no use (skip_throttle_noprogress). */
function skipsThrottle(): bool {
  if (mm.kswapdFailures >= MAX_RECLAIM_RETRIES) return true;
  const root = groupAt(0);
  let reclaimable = root.lists2 + root.lists3;
  if (mm.swapFree != 0) reclaimable += root.lists0 + root.lists1;
  return 2 * (domain.nrDirty + domain.nrWriteback) <= reclaimable;
}

/** Whoever reclaims sleeps: until enough has been written, at most a tenth of a second; otherwise for a tick. */
export function throttleReclaim(rq: Rq, task: Task, why: u32): void {
  let timeout: u64 = 1;
  if (why == Throttle.WRITEBACK) {
    timeout = max(hz() / 10, 1);
    node.throttled = task;
    node.written = 0;
    count(Vm.THROTTLE_WRITEBACK, 1);
  } else {
    count(why == Throttle.CONGESTED ? Vm.THROTTLE_CONGESTED : Vm.THROTTLE_NOPROGRESS, 1);
  }
  startTimer(rq, task.timer, timerWheelExpiry(timeout), 0);
  task.state = State.SLEEPING;
  rq.needResched = true;
}

/** It is awake again. */
export function endThrottle(): void {
  node.throttled = changetype<Task>(0);
}

/** Pages have been written while somebody sleeps for that. */
export function accountReclaimed(pages: u64): void {
  const task = node.throttled;
  if (task == null) return;
  node.written += pages;
  if (node.written <= SWAP_CLUSTER_MAX) return;
  node.throttled = changetype<Task>(0);
  if (task.timer.started) cancelTimer(rqOf(task.cpu), task.timer);
  tryToWakeUp(task, 0);
}
