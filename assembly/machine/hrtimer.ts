/**
 * High-resolution timers, as kernel/time/hrtimer.c keeps them: a queue a CPU, ordered by hard expiry, and one clock event device that
 * is programmed to the earliest. An interrupt also runs timers from the head of the queue whose soft expiry has passed: that is what
 * timer slack is (hrtimer_set_expires_range_ns).
 *
 * Only timers that an interrupt could possibly run or be held up by are kept in that queue: those whose soft expiry is no further away
 * than the largest slack of all. The others wait in the event queue, which is O(1), until they are that near.
 */
import { Cpu } from './cpu';
import { machine } from './machine';
import { HrTimer } from './timer';

/** Starts a timer on a CPU: it may run from `expiry` on and must by `expiry + slack`. */
export function startTimer(cpu: Cpu, timer: HrTimer, expiry: u64, slack: u64): void {
  assert(!timer.started);
  assert(slack <= machine.maxSlackNs);
  timer.soft = expiry;
  timer.key = expiry + slack;
  const nearAt = expiry - min(machine.maxSlackNs, expiry);
  if (nearAt <= machine.now) {
    enqueueTimer(cpu, timer);
  } else {
    timer.far.cpu = cpu.index;
    machine.wheel.insert(timer.far, nearAt);
  }
}

/** A started timer has come near enough for its CPU's queue. */
export function enqueueTimer(cpu: Cpu, timer: HrTimer): void {
  timer.near = true;
  cpu.timers.insert(timer);
}

/** Stops a timer, if it is started. */
export function cancelTimer(cpu: Cpu, timer: HrTimer): void {
  if (timer.near) {
    timer.near = false;
    cpu.timers.erase(timer);
  } else if (timer.far.pending) {
    machine.wheel.remove(timer.far);
  }
}

/** The timer at the head of the queue if it may run at `now`, taken out; otherwise null. */
export function popTimer(cpu: Cpu, now: u64): HrTimer | null {
  const head = changetype<HrTimer>(cpu.timers.leftmost);
  if (head == null || head.soft > now) return null;
  head.near = false;
  cpu.timers.erase(head);
  return head;
}

/** Programs the clock event device to the earliest hard expiry; one that has passed fires at once. */
export function programClockevent(cpu: Cpu, now: u64): void {
  const head = cpu.timers.leftmost;
  if (head == null) {
    if (cpu.clockevent.pending) machine.wheel.remove(cpu.clockevent);
  } else {
    machine.wheel.move(cpu.clockevent, max(head.key, now));
  }
}
