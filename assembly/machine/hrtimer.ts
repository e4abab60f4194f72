/**
 * High-resolution timers, as kernel/time/hrtimer.c keeps them: a queue a CPU, ordered by hard expiry, and one clock event device that
 * is programmed to the earliest. An interrupt also runs timers from the head of the queue whose soft expiry has passed: that is what
 * timer slack is (facts: Documentation/timers, hrtimer_set_expires_range_ns).
 */
import { allocate } from '../base/arena';
import { RbNode } from '../base/rbtree';
import { Cpu } from './cpu';
import { machine } from './machine';

export namespace TimerKind {
  export const TICK: u32 = 0;
  /** Ends the sleep of the task at `target`. */
  export const WAKE: u32 = 1;
  export const RT_PERIOD: u32 = 2;
  export const BT_PERIOD: u32 = 3;
  export const VMF_GRANT: u32 = 4;
}

/** A timer; `key` is the hard expiry. */
@unmanaged
export class HrTimer extends RbNode {
  soft: u64;
  kind: u32;
  queued: bool;
  /** CPU on whose queue it lies. */
  cpu: u32;
  target: usize;
}

export function newHrTimer(kind: u32, target: usize): HrTimer {
  const timer = allocate<HrTimer>();
  timer.kind = kind;
  timer.target = target;
  return timer;
}

/** Queues a timer on a CPU: it may run from `expiry` on and must by `expiry + slack`. */
export function startTimer(cpu: Cpu, timer: HrTimer, expiry: u64, slack: u64): void {
  assert(!timer.queued);
  timer.soft = expiry;
  timer.key = expiry + slack;
  timer.cpu = cpu.id;
  timer.queued = true;
  cpu.timers.insert(timer);
}

/** Takes a timer out of its queue, if it is in one. */
export function cancelTimer(cpu: Cpu, timer: HrTimer): void {
  if (!timer.queued) return;
  timer.queued = false;
  cpu.timers.erase(timer);
}

/** The timer at the head of the queue if it may run at `now`, taken out; otherwise null. */
export function popTimer(cpu: Cpu, now: u64): HrTimer | null {
  const head = changetype<HrTimer>(cpu.timers.leftmost);
  if (head == null || head.soft > now) return null;
  head.queued = false;
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
