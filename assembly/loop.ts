/**
 * The event loop: takes events in order of time, lets each CPU handle those of one instant, and then has every CPU that was touched
 * leave its kernel once: reschedule if asked to, go on with the program of its task, and arm the end of the next stretch of work.
 */
import { Event } from './base/wheel';
import { sample } from './base/random';
import { at } from './base/arena';
import { armNoise, exitIdle, NoiseSource } from './machine/cpu';
import { enqueueTimer, popTimer, programClockevent, startTimer } from './machine/hrtimer';
import { useKernel } from './machine/kernels';
import { HrTimer, TimerKind, timerOf } from './machine/timer';
import { EventKind, machine, spend } from './machine/machine';
import { settleBatch } from './mm/batch';
import { memoryIsConserved } from './mm/check';
import { mm } from './mm/mm';
import { traceIrq } from './observe/trace';
import { nohzIdleBalance, triggerBalance } from './sched/balance';
import { guardBt } from './sched/bt';
import { idleBalanceBt, triggerBtBalance } from './sched/bt_balance';
import { classOf } from './sched/class';
import { nextTick, schedule } from './sched/core';
import { tickCore } from './sched/core_sched';
import { updateCpuLoad } from './sched/cpu_load';
import { Rq, rqAt, updateRqClock } from './sched/rq';
import { runStopper } from './sched/stop';
import { mustStop, stopTask } from './sched/throttle';
import { expire } from './sched/timers';
import { tunables } from './sched/tunables';
import { preemptAtTick } from './sched/vmf';
import { Held, heldBy, promoteLazy, ttwuPending } from './sched/wake';
import { accountWork, armSegment } from './segment';
import { advance, timerExpired } from './task/program';
import { Mode, State, Task } from './task/task';
import { exitGuest, hold, settleGuest } from './virt/guest_mode';
import { attend, startHaltTimer, stopPolling } from './virt/halt';
import { takeInterrupts } from './virt/virtio';

/** So many times a CPU may switch tasks on one way out of its kernel. */
const MAX_ROUNDS: u32 = 16;

let touchedFirst: Rq = changetype<Rq>(0);
let touchedLast: Rq = changetype<Rq>(0);
/** The task in whose program the simulation came to its end before its time. */
export let failedTask: Task = changetype<Task>(0);

/** Handles all events up to and at `until`. False: a program made no progress, or forked from an empty pool. */
export function runUntil(until: u64): bool {
  const wheel = machine.wheel;
  let event = wheel.pop(until);
  while (event != null) {
    if (!handle(event)) return false;
    if (!wheel.moreNow && !finishInstant()) return false;
    assert(!mm.on || wheel.moreNow || memoryIsConserved());
    event = wheel.pop(until);
  }
  return true;
}

/** One event on its CPU. False: no progress. */
function handle(event: Event): bool {
  const rq = rqAt(event.cpu);
  const time = event.time;
  if (event.kind == EventKind.TIMER_NEAR && !expireFar(rq, timerOf(event), time)) return true;
  if (time < rq.kernelUntil) {
    // Interrupts are off: it is taken when they are on again.
    if (rq.stopped) hold(rq, event);
    else if (event.kind != EventKind.TIMER_NEAR) machine.wheel.insert(event, rq.kernelUntil);
    return true;
  }
  machine.events++;
  if (time != machine.lastEventAt) {
    machine.lastEventAt = time;
    machine.eventsNow = 0;
  } else if (++machine.eventsNow > machine.maxEventsNow) {
    failedTask = rq.curr;
    return false;
  }
  enterKernel(rq, time);
  switch (event.kind) {
    case EventKind.CLOCKEVENT:
    case EventKind.TIMER_NEAR:
      hrtimerInterrupt(rq);
      break;
    case EventKind.IPI:
      schedulerIpi(rq);
      break;
    case EventKind.NOISE:
      noise(rq, event.index);
      break;
    case EventKind.VCPU:
      attend(rq, rqAt(event.index).vcpu);
      break;
    default:
      break;
  }
  rq.now = machine.now;
  return true;
}

/** A timer comes into its CPU's queue. True if it is due at once, so that its interrupt may be taken without more ado. */
function expireFar(rq: Rq, timer: HrTimer, time: u64): bool {
  enqueueTimer(rq, timer);
  if (timer.key <= time && time >= rq.kernelUntil) return true;
  if (rq.timers.leftmost == timer) {
    if (rq.stopped) startHaltTimer(rq.vcpu, time);
    else programClockevent(rq, max(time, rq.kernelUntil));
  }
  return false;
}

/** From now on the simulation is on this CPU, in its kernel. */
function beAt(rq: Rq): void {
  useKernel(rq.kernel);
  machine.thisCpu = rq.id;
}

/** The CPU stops what it runs and accounts for the work done so far. */
function enterKernel(rq: Rq, time: u64): void {
  beAt(rq);
  if (rq.touched) {
    machine.now = rq.now;
    return;
  }
  rq.touched = true;
  rq.nextTouched = changetype<Rq>(0);
  if (touchedFirst == null) touchedFirst = rq;
  else touchedLast.nextTouched = rq;
  touchedLast = rq;
  machine.now = time;
  if (rq.sectionRemaining != 0) {
    rq.sectionRemaining -= min(time - rq.segmentBegin, rq.sectionRemaining);
  } else if (rq.curr != rq.idle) {
    const task = rq.curr;
    const begin = rq.segmentBegin;
    accountWork(rq, time);
    if (task.mode == Mode.TOUCH) settleBatch(task, begin, time - begin);
    if (rq.guest != null) exitGuest(rq, time);
  } else {
    spend(exitIdle(rq, time));
  }
}

/** Every CPU that was touched at this instant leaves its kernel, in the order in which they came. */
function finishInstant(): bool {
  let rq = touchedFirst;
  touchedFirst = changetype<Rq>(0);
  while (rq != null) {
    beAt(rq);
    machine.now = rq.now;
    if (!leaveKernel(rq)) return false;
    rq.touched = false;
    rq = changetype<Rq>(rq.nextTouched);
  }
  return true;
}

/** Interrupt exit, schedule(), and what the task does without time passing. False: no progress. */
function leaveKernel(rq: Rq): bool {
  if (rq.balanceDue) {
    rq.balanceDue = false;
    nohzIdleBalance(rq);
    idleBalanceBt(rq);
  }
  for (let rounds: u32 = 0; ; rounds++) {
    while ((rq.needResched || rq.needReschedLazy) && heldBy(rq) == Held.NOTHING) {
      if (rq.curr.vcpu != null) stopPolling(rq.curr);
      schedule(rq);
    }
    const task = rq.curr;
    if (task == rq.idle || rq.sectionRemaining != 0) break;
    if (tunables.throttlesTasks && mustStop(task)) {
      stopTask(rq, task);
      continue;
    }
    if (task.busyUntil != 0) {
      task.remaining = task.busyUntil > machine.now ? task.busyUntil - machine.now : 0;
      if (task.remaining == 0) task.busyUntil = 0;
    }
    // Tasks that only hand each other the CPU go on as events, so that others get their turn.
    if (task.remaining != 0 || rounds >= MAX_ROUNDS) break;
    if (task == rq.stop) {
      runStopper(rq);
      task.state = State.SLEEPING;
      rq.needResched = true;
    } else if (!advance(rq, task)) {
      failedTask = task;
      return false;
    }
  }
  if (rq.vcpu != null) settleGuest(rq, rq.vcpu);
  else armSegment(rq);
  return true;
}

/** Runs the timers that are due (hrtimer_interrupt). */
function hrtimerInterrupt(rq: Rq): void {
  spend(machine.timerIrqNs);
  let timer = popTimer(rq, machine.now);
  while (timer != null) {
    if (timer.kind == TimerKind.TICK) tick(rq, timer);
    else if (timer.kind == TimerKind.WAKE) timerExpired(changetype<Task>(timer.target));
    else expire(rq, timer);
    machine.events++;
    timer = popTimer(rq, machine.now);
  }
  machine.events--;
}

/** scheduler_tick, and the balance that its softirq does. */
function tick(rq: Rq, timer: HrTimer): void {
  rq.ticks++;
  updateRqClock(rq);
  promoteLazy(rq);
  classOf(rq.curr).taskTick(rq, rq.curr);
  guardBt(rq);
  preemptAtTick(rq);
  if (tunables.coreSched) tickCore(rq);
  updateCpuLoad(rq);
  triggerBalance(rq);
  if (rq.bt.nrRunning != 0) triggerBtBalance(rq);
  spend(machine.tickNs);
  startTimer(rq, timer, nextTick(rq), 0);
}

/** scheduler_ipi: the wake list, in a guest also messages of its host; a needed reschedule happens on the way out. */
function schedulerIpi(rq: Rq): void {
  ttwuPending(rq);
  if (rq.vcpu != null) takeInterrupts(rq.vcpu);
}

/** An occurrence of a noise source. */
function noise(rq: Rq, index: u32): void {
  const source = at<NoiseSource>(machine.noise, index);
  const length = sample(source.length, rq.noiseStreams + (index << 3));
  traceIrq(index, length);
  rq.irqNs += length;
  if (source.preemptOff) rq.sectionRemaining += length;
  else spend(length);
  armNoise(rq, index, machine.now + (source.preemptOff ? length : 0));
}
