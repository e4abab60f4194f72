/**
 * The record of a high-resolution timer (struct hrtimer); machine/hrtimer.ts runs them.
 */
import { allocate } from '../base/arena';
import { RbNode } from '../base/rbtree';
import { Event, initEvent } from '../base/wheel';
import { EventKind } from './machine';

export namespace TimerKind {
  export const TICK: u32 = 0;
  /** Ends the sleep of the task at `target`. */
  export const WAKE: u32 = 1;
  export const RT_PERIOD: u32 = 2;
  export const BT_PERIOD: u32 = 3;
  export const VMF_GRANT: u32 = 4;
  /** A group's quota is refilled, or what a CPU gave back is handed out; `target` is its Bandwidth. */
  export const CFS_PERIOD: u32 = 5;
  export const CFS_SLACK: u32 = 6;
  /** The deadline entity at `target` gets new runtime, or its turn. */
  export const DEADLINE: u32 = 7;
}

/** A timer; `key` is the hard expiry. It is started when `far` is pending or `near` is set. */
@unmanaged
export class HrTimer extends RbNode {
  soft: u64;
  kind: u32;
  /** In its CPU's queue. */
  near: bool;
  target: usize;
  /** Says when it comes into the queue; its `index` is the timer's own address. */
  far: Event;

  @inline get started(): bool {
    return this.near || this.far.pending;
  }
}

export function newHrTimer(kind: u32, target: usize): HrTimer {
  return initHrTimer(allocate<HrTimer>(), allocate<Event>(), kind, target);
}

/** Makes a timer of zeroed space. */
export function initHrTimer(timer: HrTimer, far: Event, kind: u32, target: usize): HrTimer {
  timer.kind = kind;
  timer.target = target;
  timer.far = initEvent(far, EventKind.TIMER_NEAR, 0, <u32>changetype<usize>(timer));
  return timer;
}
