/**
 * kswapd: a thread of the simulated machine that keeps zones above their high marks (mm/vmscan.c kswapd, balance_pgdat,
 * kswapd_try_to_sleep, kswapd_shrink_node, wakeup_kswapd). One node.
 */
import { cancelTimer, startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { psiMemstallEnter, psiMemstallLeave } from '../sched/psi';
import { Rq, rqOf } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { Mode, State, Task } from '../task/task';
import { groupAt } from './memcg';
import { costs, count, DEF_PRIORITY, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { wakeupKcompactd } from './order/kcompactd';
import { isBalancedFor } from './order/watermark';
import { beginReclaim, ScanControl } from './scan_control';
import { ageActiveAnon } from './shrink_list';
import { beginPass, snapshotRefaults, stepPass } from './shrink_node';
import { timerWheelExpiry } from './throttle_high';
import { clearCongested, endThrottle, Throttle, throttleAfterPass, throttleReclaim } from './throttle_reclaim';
import { vmpressure } from './vmpressure';
import { PAGEBLOCK_ORDER, totalFree, zoneAt } from './zone';

/** Where the thread stands. */
namespace Stage {
  export const TRY_SLEEP: u32 = 0;
  export const SHORT_SLEEP: u32 = 1;
  export const FULL_SLEEP: u32 = 2;
  export const AWAKE: u32 = 3;
  export const LOOK: u32 = 4;
  export const PASS: u32 = 5;
}

/** It sleeps a tenth of a second before it takes it that nobody needs it (HZ / 10). */
const SHORT_SLEEP_NS: u64 = 100_000_000;
/** It gives way to others at least this often: the kernel does so page by page (cond_resched). */
const STEP_NS: u64 = 50_000;

/** How far the thread has come. */
@unmanaged
class Kswapd {
  stage: u32;
  /** Somebody woke it: not its own timer. */
  woken: bool;
  running: bool;
  /** It has to sleep until pages are written, and does. */
  mustThrottle: bool;
  throttled: bool;
  ranSince: u64;
  /** The boost of all zones as its run began, and what of it is still to be made up for. */
  boosted: u64;
  boostLeft: u64;
  reclaimedBefore: u64;
  control: ScanControl;
  /** The highest zone that it looks at. */
  highest: u32;
  /** The largest order that somebody has asked for since its run began, that of its run, and what it still reclaims for. */
  order: u32;
  runOrder: u32;
  reclaimOrder: u32;
}

const self: Kswapd = changetype<Kswapd>(memory.data(<i32>offsetof<Kswapd>(), 64));

export function setKswapd(task: Task, sc: ScanControl): void {
  mm.kswapd = task;
  self.control = sc;
  self.highest = mm.nrZones - 1;
}

/** Some request found too few free pages (wakeup_kswapd). */
export function wakeupKswapd(): void {
  wakeupKswapdFor(0, true);
}

/** The same for a block. Who may reclaim by itself does not have kcompactd woken where kswapd can do nothing. */
export function wakeupKswapdFor(order: u32, mayReclaim: bool): void {
  if (order > self.order) self.order = order;
  if (!mm.kswapdWaits) return;
  if (mm.kswapdFailures >= MAX_RECLAIM_RETRIES || (isBalancedFor(order, self.highest) && !isBoosted())) {
    if (!mayReclaim) wakeupKcompactd(order);
    return;
  }
  count(Vm.KSWAPD_WAKEUPS, 1);
  mm.freeAtWakeup.record(totalFree());
  mm.kswapdWaits = false;
  self.woken = true;
  const task = mm.kswapd;
  if (task.timer.started) cancelTimer(rqOf(task.cpu), task.timer);
  tryToWakeUp(task, 0);
}

function isBoosted(): bool {
  for (let i: u32 = 0; i < mm.nrZones; i++) if (zoneAt(i).boost != 0) return true;
  return false;
}

/** Goes on with the thread until it has work, or sleeps. */
export function kswapdStep(rq: Rq, task: Task): bool {
  if (self.throttled) {
    self.throttled = false;
    endThrottle();
  }
  if (self.mustThrottle) {
    self.mustThrottle = false;
    self.throttled = true;
    throttleReclaim(rq, task, Throttle.WRITEBACK);
    return true;
  }
  while (true) {
    switch (self.stage) {
      case Stage.TRY_SLEEP:
        if (maySleep()) {
          wakeupKcompactd(self.runOrder);
          endRun();
          self.stage = Stage.SHORT_SLEEP;
          startTimer(rq, task.timer, timerWheelExpiry(SHORT_SLEEP_NS / machine.tickPeriodNs), 0);
          return sleep(rq, task);
        }
        count(Vm.KSWAPD_HIGH_QUICK, 1);
        self.stage = Stage.AWAKE;
        break;
      case Stage.SHORT_SLEEP:
        mm.kswapdWaits = false;
        if (!self.woken && maySleep()) {
          count(Vm.KSWAPD_SLEEPS, 1);
          self.stage = Stage.FULL_SLEEP;
          return sleep(rq, task);
        }
        count(self.woken ? Vm.KSWAPD_LOW_QUICK : Vm.KSWAPD_HIGH_QUICK, 1);
        self.stage = Stage.AWAKE;
        break;
      case Stage.FULL_SLEEP:
        self.stage = Stage.AWAKE;
        break;
      case Stage.AWAKE:
        beginRun(task);
        self.stage = Stage.LOOK;
        break;
      case Stage.LOOK:
        self.stage = look() ? Stage.PASS : Stage.TRY_SLEEP;
        if (self.stage == Stage.TRY_SLEEP) {
          endBalance(task);
          if (takeCost(task)) return true;
        }
        break;
      default:
        if (stepPass(self.control, rq)) {
          if (self.control.costNs < STEP_NS) break;
          takeCost(task);
          return true;
        }
        vmpressure(rq, groupAt(0), self.control.nrScanned);
        self.mustThrottle = throttleAfterPass(self.control) != Throttle.NONE;
        self.stage = endPass() ? Stage.LOOK : Stage.TRY_SLEEP;
        if (self.stage == Stage.TRY_SLEEP) {
          if (self.control.nrReclaimed == 0) mm.kswapdFailures++;
          endBalance(task);
        }
        if (takeCost(task) || self.mustThrottle) return true;
        break;
    }
  }
}

function takeCost(task: Task): bool {
  const cost = self.control.costNs;
  self.control.costNs = 0;
  task.mode = Mode.USER;
  task.remaining = cost;
  return cost != 0;
}

function sleep(rq: Rq, task: Task): bool {
  self.woken = false;
  mm.kswapdWaits = true;
  task.state = State.SLEEPING;
  rq.needResched = true;
  return true;
}

/** prepare_kswapd_sleep */
function maySleep(): bool {
  if (mm.kswapdFailures >= MAX_RECLAIM_RETRIES) return true;
  if (!isBalancedFor(self.reclaimOrder, self.highest)) return false;
  clearCongested();
  return true;
}

function beginRun(task: Task): void {
  if (!self.running) {
    self.running = true;
    self.ranSince = machine.now;
    count(Vm.KSWAPD_RUNS, 1);
  }
  count(Vm.PAGEOUTRUN, 1);
  self.runOrder = self.order;
  self.reclaimOrder = self.order;
  self.order = 0;
  psiMemstallEnter(task);
  self.boosted = 0;
  let goal: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    self.boosted += zone.boost;
    goal += max(zone.highMark, <u64>SWAP_CLUSTER_MAX);
    zone.reclaimActive = true;
  }
  self.boostLeft = self.boosted;
  beginReclaim(self.control, groupAt(0), goal, true);
}

/** Whether another pass is needed (the head of balance_pgdat's loop). */
function look(): bool {
  const balanced = isBalancedFor(self.reclaimOrder, self.highest);
  if (!balanced && self.boostLeft != 0) {
    self.boostLeft = 0;
    self.control.priority = DEF_PRIORITY;
  }
  if (self.boostLeft == 0 && balanced) return false;
  self.control.mayWritepage = self.boostLeft == 0;
  self.control.maySwap = self.boostLeft == 0;
  for (let i: u32 = 0; i < mm.nrGroups; i++) ageActiveAnon(self.control, groupAt(i), groupAt(0));
  self.control.nrScanned = 0;
  self.reclaimedBefore = self.control.nrReclaimed;
  beginPass(self.control);
  return true;
}

/** After a pass. False: priorities are used up. */
function endPass(): bool {
  const freed = self.control.nrReclaimed - self.reclaimedBefore;
  if (freed != 0) mm.kswapdFailures = 0;
  // Twice the block has been freed, and it is still not there: memory lies in pieces, which is not for kswapd to mend (compact_gap).
  if (self.control.nrReclaimed >= 2 << self.reclaimOrder) self.reclaimOrder = 0;
  const raise =
    self.control.nrScanned < self.control.nrToReclaim &&
    !(self.boostLeft != 0 && self.control.priority == DEF_PRIORITY - 2);
  self.boostLeft -= min(self.boostLeft, freed);
  if (self.boostLeft != 0 && freed == 0) return false;
  if (raise || freed == 0) self.control.priority--;
  return self.control.priority >= 1;
}

function endBalance(task: Task): void {
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    zone.reclaimActive = false;
    zone.boost -= min(zone.boost, self.boosted);
  }
  if (self.boosted != 0) wakeupKcompactd(PAGEBLOCK_ORDER);
  snapshotRefaults(groupAt(0));
  psiMemstallLeave(task);
  self.control.costNs += costs.passNs;
}

function endRun(): void {
  if (!self.running) return;
  self.running = false;
  mm.runNs.record(machine.now - self.ranSince);
  mm.freeAtRunEnd.record(totalFree());
}
