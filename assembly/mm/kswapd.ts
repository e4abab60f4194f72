/**
 * kswapd: a thread of the simulated machine that keeps zones above their high marks (mm/vmscan.c kswapd, balance_pgdat,
 * kswapd_try_to_sleep, wakeup_kswapd). One node; requests of order 0, so that it never has to make room for a high order.
 */
import { cancelTimer, startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { Rq, rqOf } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { Mode, State, Task } from '../task/task';
import { groupAt } from './memcg';
import { costs, count, DEF_PRIORITY, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { enterStall, leaveStall } from './psi';
import { beginReclaim, ScanControl } from './scan_control';
import { ageActiveAnon } from './shrink_list';
import { beginPass, snapshotRefaults, stepPass } from './shrink_node';
import { timerWheelExpiry } from './throttle_high';
import { isBalanced, totalFree, zoneAt } from './zone';

namespace Kswapd {
  export const TRY_SLEEP: u32 = 0;
  export const SHORT_SLEEP: u32 = 1;
  export const FULL_SLEEP: u32 = 2;
  export const AWAKE: u32 = 3;
  export const LOOK: u32 = 4;
  export const PASS: u32 = 5;
}

/** It sleeps a tenth of a second before it takes it that nobody needs it (HZ / 10). */
const SHORT_SLEEP_NS: u64 = 100_000_000;
/** What looking at the node costs at the begin and the end of a run. Assumption, small beside a pass. */
const STEP_NS: u64 = 50_000;

let state: u32 = Kswapd.TRY_SLEEP;
let woken: bool = false;
let running: bool = false;
let ranSince: u64 = 0;
let boosted: u64 = 0;
let boostLeft: u64 = 0;
let reclaimedBefore: u64 = 0;
let control: ScanControl = changetype<ScanControl>(0);
let highest: u32 = 0;

export function setKswapd(task: Task, sc: ScanControl): void {
  mm.kswapd = task;
  control = sc;
  highest = mm.nrZones - 1;
}

/** Some request found too few free pages (wakeup_kswapd). */
export function wakeupKswapd(): void {
  if (!mm.kswapdWaits || mm.kswapdFailures >= MAX_RECLAIM_RETRIES) return;
  if (isBalanced(highest) && !isBoosted()) return;
  count(Vm.KSWAPD_WAKEUPS, 1);
  mm.freeAtWakeup.record(totalFree());
  mm.kswapdWaits = false;
  woken = true;
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
  while (true) {
    switch (state) {
      case Kswapd.TRY_SLEEP:
        if (maySleep()) {
          endRun();
          state = Kswapd.SHORT_SLEEP;
          startTimer(rq, task.timer, timerWheelExpiry(SHORT_SLEEP_NS / machine.tickPeriodNs), 0);
          return sleep(rq, task);
        }
        count(Vm.KSWAPD_HIGH_QUICK, 1);
        state = Kswapd.AWAKE;
        break;
      case Kswapd.SHORT_SLEEP:
        mm.kswapdWaits = false;
        if (!woken && maySleep()) {
          count(Vm.KSWAPD_SLEEPS, 1);
          state = Kswapd.FULL_SLEEP;
          return sleep(rq, task);
        }
        count(woken ? Vm.KSWAPD_LOW_QUICK : Vm.KSWAPD_HIGH_QUICK, 1);
        state = Kswapd.AWAKE;
        break;
      case Kswapd.FULL_SLEEP:
        state = Kswapd.AWAKE;
        break;
      case Kswapd.AWAKE:
        beginRun(task);
        state = Kswapd.LOOK;
        break;
      case Kswapd.LOOK:
        state = look() ? Kswapd.PASS : Kswapd.TRY_SLEEP;
        if (state == Kswapd.TRY_SLEEP) {
          endBalance(task);
          if (takeCost(task)) return true;
        }
        break;
      default:
        if (stepPass(control, rq)) {
          if (control.costNs < STEP_NS) break;
          takeCost(task);
          return true;
        }
        state = endPass() ? Kswapd.LOOK : Kswapd.TRY_SLEEP;
        if (state == Kswapd.TRY_SLEEP) {
          if (control.nrReclaimed == 0) mm.kswapdFailures++;
          endBalance(task);
        }
        if (takeCost(task)) return true;
        break;
    }
  }
}

function takeCost(task: Task): bool {
  const cost = control.costNs;
  control.costNs = 0;
  task.mode = Mode.USER;
  task.remaining = cost;
  return cost != 0;
}

function sleep(rq: Rq, task: Task): bool {
  woken = false;
  mm.kswapdWaits = true;
  task.state = State.SLEEPING;
  rq.needResched = true;
  return true;
}

/** prepare_kswapd_sleep */
function maySleep(): bool {
  return mm.kswapdFailures >= MAX_RECLAIM_RETRIES || isBalanced(highest);
}

function beginRun(task: Task): void {
  if (!running) {
    running = true;
    ranSince = machine.now;
    count(Vm.KSWAPD_RUNS, 1);
  }
  count(Vm.PAGEOUTRUN, 1);
  enterStall(groupAt(0));
  boosted = 0;
  let goal: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    boosted += zone.boost;
    goal += max(zone.highMark, <u64>SWAP_CLUSTER_MAX);
    zone.reclaimActive = true;
  }
  boostLeft = boosted;
  beginReclaim(control, groupAt(0), goal, true);
}

/** Whether another pass is needed (the head of balance_pgdat's loop). */
function look(): bool {
  const balanced = isBalanced(highest);
  if (!balanced && boostLeft != 0) {
    boostLeft = 0;
    control.priority = DEF_PRIORITY;
  }
  if (boostLeft == 0 && balanced) return false;
  control.mayWritepage = boostLeft == 0;
  control.maySwap = boostLeft == 0;
  for (let i: u32 = 0; i < mm.nrGroups; i++) ageActiveAnon(control, groupAt(i), groupAt(0));
  control.nrScanned = 0;
  reclaimedBefore = control.nrReclaimed;
  beginPass(control);
  return true;
}

/** After a pass. False: priorities are used up. */
function endPass(): bool {
  const freed = control.nrReclaimed - reclaimedBefore;
  if (freed != 0) mm.kswapdFailures = 0;
  const raise = control.nrScanned < control.nrToReclaim && !(boostLeft != 0 && control.priority == DEF_PRIORITY - 2);
  boostLeft -= min(boostLeft, freed);
  if (boostLeft != 0 && freed == 0) return false;
  if (raise || freed == 0) control.priority--;
  return control.priority >= 1;
}

function endBalance(task: Task): void {
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    zone.reclaimActive = false;
    zone.boost -= min(zone.boost, boosted);
  }
  snapshotRefaults(groupAt(0));
  leaveStall(groupAt(0));
  control.costNs += costs.passNs;
}

function endRun(): void {
  if (!running) return;
  running = false;
  mm.runNs.record(machine.now - ranSince);
  mm.freeAtRunEnd.record(totalFree());
}
