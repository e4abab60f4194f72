/**
 * The constant bandwidth server (kernel/sched/deadline.c, Documentation/scheduler/sched-deadline.rst): what runtime and deadline an entity has
 * when it wakes and when its runtime is used up, so that it never gets more than its reservation at the cost of others.
 */
import { allocate } from '../base/arena';
import { cancelTimer, startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { newHrTimer, TimerKind } from '../machine/timer';
import { Task } from '../task/task';
import { DlEntity, timeBefore } from './dl_entity';
import { Rq, rqOf, thisRq } from './rq';

/** Products of two times are formed of units of 2¹⁰ ns (DL_SCALE). */
const DL_SCALE: u32 = 10;
/** Densities are fixed-point numbers with so many binary places (BW_SHIFT). */
const BW_SHIFT: u32 = 20;

/** A deadline so long past that no rule can keep it. */
const LONG_AGO: u64 = 1 << 50;

/** An entity of a task, or, without one, the server of a CPU. It has been away for long. */
export function newDlEntity(task: Task, serverRq: Rq): DlEntity {
  const dl = allocate<DlEntity>();
  dl.task = task;
  dl.serverRq = serverRq;
  dl.deadline = -LONG_AGO;
  dl.timer = newHrTimer(TimerKind.DEADLINE, changetype<usize>(dl));
  return dl;
}

/** Gives an entity its reservation (__setparam_dl). */
export function setReservation(dl: DlEntity, runtime: u64, deadline: u64, period: u64): void {
  dl.dlRuntime = runtime;
  dl.dlDeadline = deadline;
  dl.dlPeriod = period;
  dl.dlDensity = (runtime << BW_SHIFT) / deadline;
}

/** A new period begins now (replenish_dl_new_period). A server that nobody starves waits in it. */
export function beginPeriod(rq: Rq, dl: DlEntity): void {
  dl.deadline = rq.clock + dl.dlDeadline;
  dl.runtime = <i64>dl.dlRuntime;
  if (dl.isServer && !dl.deferRunning) defer(dl);
}

function defer(dl: DlEntity): void {
  dl.throttled = true;
  dl.deferArmed = true;
}

/** With what is left until the deadline it would exceed its share: runtime / (deadline − now) > Q / D (dl_entity_overflow). */
function overflows(dl: DlEntity, now: u64): bool {
  const left = (dl.dlDeadline >> DL_SCALE) * <u64>(dl.runtime >> DL_SCALE);
  const right = ((dl.deadline - now) >> DL_SCALE) * (dl.dlRuntime >> DL_SCALE);
  return timeBefore(right, left);
}

/** The wakeup rule: what is left may be kept if it fits the share, otherwise a new period begins (update_dl_entity). */
export function updateDlEntity(rq: Rq, dl: DlEntity): void {
  const past = timeBefore(dl.deadline, rq.clock);
  if (!past && !overflows(dl, rq.clock)) {
    if (dl.isServer && !dl.deferRunning) defer(dl);
  } else if (!past && !dl.implicit) {
    // A constrained deadline: what is left shrinks to what fits (update_dl_revised_wakeup).
    dl.runtime = <i64>((dl.dlDensity * (dl.deadline - rq.clock)) >> BW_SHIFT);
  } else {
    beginPeriod(rq, dl);
  }
}

/** Wakes behind its constrained deadline, but before the period's end: it must wait for that (dl_check_constrained_dl). */
export function checkConstrained(rq: Rq, dl: DlEntity): void {
  if (!timeBefore(dl.deadline, rq.clock) || !timeBefore(rq.clock, nextPeriod(dl))) return;
  if (!startDlTimer(rq, dl)) return;
  dl.throttled = true;
  dl.runtime = min(dl.runtime, 0);
}

/** Pays an overrun back by as many periods as it takes (replenish_dl_entity). */
export function replenish(rq: Rq, dl: DlEntity): void {
  if (dl.deferArmed && overflows(dl, rq.clock)) {
    dl.deadline = rq.clock + dl.dlDeadline;
    dl.runtime = <i64>dl.dlRuntime;
  }
  if (dl.yielded) dl.runtime = min(dl.runtime, 0);
  while (dl.runtime <= 0) {
    dl.deadline += dl.dlPeriod;
    dl.runtime += <i64>dl.dlRuntime;
  }
  // It lags too far behind.
  if (timeBefore(dl.deadline, rq.clock)) beginPeriod(rq, dl);
  dl.yielded = false;
  dl.throttled = false;
  if (!dl.isServer) return;
  if (dl.deferArmed) {
    dl.deferArmed = false;
  } else if (!dl.deferRunning && timeBefore(rq.clock, dl.deadline - dl.runtime)) {
    defer(dl);
    if (!startDlTimer(rq, dl)) stopDeferring(dl);
  }
}

/** It is to compete now, whatever its timer was for. */
export function stopDeferring(dl: DlEntity): void {
  cancelDlTimer(dl);
  dl.deferArmed = false;
  dl.throttled = false;
}

/** When the period after the present one begins (dl_next_period). */
function nextPeriod(dl: DlEntity): u64 {
  return dl.deadline - dl.dlDeadline + dl.dlPeriod;
}

/** Arms the timer that ends the throttling. False: that time has passed (start_dl_timer). */
export function startDlTimer(rq: Rq, dl: DlEntity): bool {
  const at = dl.deferArmed ? dl.deadline - dl.runtime : nextPeriod(dl);
  const expiry = at + (machine.now - rq.clock);
  // Compared in whole microseconds.
  if (<i64>(expiry - machine.now) <= -1000) return false;
  if (dl.timer.started) return true;
  dl.timerCpu = machine.thisCpu;
  startTimer(thisRq(), dl.timer, expiry, 0);
  return true;
}

export function cancelDlTimer(dl: DlEntity): void {
  cancelTimer(rqOf(dl.timerCpu), dl.timer);
}
