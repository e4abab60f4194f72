/**
 * schedule(): the choice of the next task and the switch to it (kernel/sched/core.c __schedule, pick_next_task, context_switch).
 */
import { cancelTimer, startTimer } from '../machine/hrtimer';
import { FULL_SPEED, machine, spend } from '../machine/machine';
import { traceSwitch } from '../observe/trace';
import { shareCore } from '../segment';
import { reapTask } from '../task/fork';
import { State, Task } from '../task/task';
import { classAt, classOf, Flags, Rank } from './class';
import { stealCookie } from './cookie';
import { pickForCore } from './core_sched';
import { endForcedIdle } from './forced_idle';
import { isolate } from './ht_kick';
import { pushTasks } from './later_cpu';
import { clearBit, masks, setBit } from './masks';
import { noteIdleCore } from './place';
import { psiTaskSwitch } from './psi';
import { Rq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { deactivateTask } from './wake';

/** What the sched_switch tracepoint says of the previous task; TraceKind.SWITCH's flags. */
namespace PrevState {
  export const SLEEPING: u32 = 0;
  export const PREEMPTED: u32 = 1;
  export const RUNNABLE: u32 = 2;
  export const DEAD: u32 = 3;
}

/** Puts the strongest runnable task on the CPU. */
export function schedule(rq: Rq): void {
  updateRqClock(rq);
  const prev = rq.curr;
  const slept = prev.state != State.RUNNING;
  if (slept) deactivateTask(rq, prev, prev.state == State.DEAD ? Flags.SLEEP | Flags.SPECIAL : Flags.SLEEP);
  const next = tunables.coreSched ? pickForCore(rq, prev) : pickNextTask(rq, prev);
  rq.needResched = false;
  rq.needReschedLazy = false;
  spend(machine.scheduleNs);
  if (prev != next) {
    contextSwitch(rq, prev, next);
    if (next.rank == Rank.DEADLINE) pushTasks(rq);
  }
  if (tunables.htIsolate) isolate(rq);
  rq.yielded = false;
  if (next == rq.idle && tunables.coreSched) stealCookie(rq);
}

function pickNextTask(rq: Rq, prev: Task): Task {
  // Nearly always there are only fair tasks, before and after.
  if (prev.rank == Rank.FAIR && rq.cfs.nrRunning != 0 && rq.nrRunning == rq.cfs.hNrRunning) {
    const next = classAt(Rank.FAIR).pickNextTask(rq, prev);
    if (next != null) return next;
  }
  balanceClasses(rq, prev);
  if (guardedBtFirst(rq)) {
    const boosted = classAt(Rank.BT).pickNextTask(rq, prev);
    if (boosted != null) return boosted;
    rq.bt.boosted = false;
  }
  for (let rank: u8 = 0; rank < Rank.IDLE; rank++) {
    const next = classAt(rank).pickNextTask(rq, prev);
    if (next != null) return next;
  }
  return classAt(Rank.IDLE).pickNextTask(rq, prev)!;
}

/** Lets the classes pull work, from the one that ran down to the first that has some. */
export function balanceClasses(rq: Rq, prev: Task): void {
  for (let rank = prev.rank; rank <= Rank.BT; rank++) {
    if (classAt(rank).balance(rq, prev) || rq.dl.nrRunning != 0) return;
  }
}

/** The 6.6 line's starvation guard lets BT go before fair for one slice. */
export function guardedBtFirst(rq: Rq): bool {
  return rq.bt.boosted && !strongerThanFair(rq);
}

function strongerThanFair(rq: Rq): bool {
  return (
    rq.stop.queued ||
    rq.dl.nrRunning != 0 ||
    (!rq.rt.throttled && rq.rt.active.nrRunning != 0) ||
    (!rq.vmf.throttled && rq.vmf.active.nrRunning != 0)
  );
}

function contextSwitch(rq: Rq, prev: Task, next: Task): void {
  const now = machine.now;
  rq.switches++;
  rq.curr = next;
  if (machine.psi != null) psiTaskSwitch(rq, prev, next, prev.state != State.RUNNING);
  switchedOut(rq, prev, now);
  switchedIn(rq, next, now);
  spend(machine.switchNs);
  if (next.inSyscall) {
    next.inSyscall = false;
    spend(machine.syscallExitNs);
  }
  if (next.migrated) {
    next.migrated = false;
    if (next.remaining != 0 && next.vcpu == null) next.remaining += machine.migrationNs;
    else spend(machine.migrationNs);
  }
}

function switchedOut(rq: Rq, prev: Task, now: u64): void {
  const ran = now - prev.switchedIn;
  if (prev == rq.idle) {
    rq.idleNs += ran;
    if (rq.forced) endForcedIdle(rq, now);
    leaveIdle(rq);
    traceSwitch(rq.id, prev, rq.curr, PrevState.RUNNABLE);
    return;
  }
  const spec = prev.spec;
  spec.cpuNs += ran;
  spec.runSegment.record(ran);
  let state = PrevState.SLEEPING;
  if (prev.state == State.RUNNING) {
    spec.involuntary++;
    prev.runnableSince = now;
    state = rq.yielded ? PrevState.RUNNABLE : PrevState.PREEMPTED;
  } else {
    spec.voluntary++;
    if (prev.state == State.DEAD) {
      state = PrevState.DEAD;
      classOf(prev).taskDead(prev);
      reapTask(prev);
    }
  }
  traceSwitch(rq.id, prev, rq.curr, state);
}

function switchedIn(rq: Rq, next: Task, now: u64): void {
  next.switchedIn = now;
  if (next == rq.idle) {
    setIdle(rq);
    return;
  }
  const spec = next.spec;
  const waited = now - next.runnableSince;
  spec.waitNs += waited;
  if (next.woken) {
    next.woken = false;
    spec.wakeupLatency.record(waited);
  } else {
    spec.preemptedWait.record(waited);
  }
}

/** NO_HZ_IDLE: an idle CPU has no tick. */
export function setIdle(rq: Rq): void {
  rq.idleStamp = rq.clock;
  noteIdleCore(rq.id);
  setBit(masks.idle, rq.id);
  masks.nrIdle++;
  if (machine.smtSpeed != FULL_SPEED) shareCore(rq);
  cancelTimer(rq, rq.tick);
}

/** When a CPU's next tick is due, on the grid that all CPUs share but for their skew. */
export function nextTick(rq: Rq): u64 {
  const period = machine.tickPeriodNs;
  const skew = rq.id * machine.tickSkewNs;
  return ((machine.now + period - (skew % period)) / period) * period + (skew % period);
}

/** The tick comes back. */
function leaveIdle(rq: Rq): void {
  clearBit(masks.idle, rq.id);
  masks.nrIdle--;
  if (machine.smtSpeed != FULL_SPEED) shareCore(rq);
  startTimer(rq, rq.tick, nextTick(rq), 0);
}
