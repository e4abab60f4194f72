/**
 * The record of a high-resolution timer (struct hrtimer); machine/hrtimer.ts runs them.
 *
 *   ┌─ 32 bytes: a node of its CPU's queue ─┬─ 32 bytes: an event ─┐
 *   │ RbNode (key: hard expiry) kind near soft │ Event `far`       │   TIMER_BYTES: one cache line
 *   └───────────────────────────────────────┴──────────────────────┘
 */
import { allocateBytes } from '../base/arena';
import { RbNode } from '../base/rbtree';
import { Event, initEvent } from '../base/wheel';
import { EventKind } from './machine';

export namespace TimerKind {
  export const TICK: u8 = 0;
  /** Ends the sleep of the task at `target`. */
  export const WAKE: u8 = 1;
  export const RT_PERIOD: u8 = 2;
  export const BT_PERIOD: u8 = 3;
  export const VMF_GRANT: u8 = 4;
  /** A group's quota is refilled, or what a CPU gave back is handed out; `target` is its Bandwidth. */
  export const CFS_PERIOD: u8 = 5;
  export const CFS_SLACK: u8 = 6;
  /** The deadline entity at `target` gets new runtime, or its turn. */
  export const DEADLINE: u8 = 7;
  /** The clock event of a halted guest CPU is due; `target` is its Vcpu. */
  export const VCPU: u8 = 8;
  /** The device's request at `target` is done. */
  export const BLOCK: u8 = 9;
}

/** A timer. It is started when `far` is pending or `near` is set. */
@unmanaged
export class HrTimer extends RbNode {
  kind: u8;
  /** In its CPU's queue. */
  near: bool;
  soft: u64;

  /** Says when it comes into the queue. */
  @inline get far(): Event {
    return changetype<Event>(changetype<usize>(this) + FAR_OFFSET);
  }

  /** Address of what it is for. */
  @inline get target(): usize {
    return this.far.index;
  }

  @inline get started(): bool {
    return this.near || this.far.pending;
  }
}

const FAR_OFFSET: usize = (offsetof<HrTimer>() + 7) & ~7;
/** What a timer takes. */
export const TIMER_BYTES: usize = (FAR_OFFSET + offsetof<Event>() + 63) & ~63;

/** The timer whose `far` this is. */
export function timerOf(far: Event): HrTimer {
  return changetype<HrTimer>(changetype<usize>(far) - FAR_OFFSET);
}

export function newHrTimer(kind: u8, target: usize): HrTimer {
  return initHrTimer(changetype<HrTimer>(allocateBytes(TIMER_BYTES)), kind, target);
}

/** Makes a timer of zeroed space. */
export function initHrTimer(timer: HrTimer, kind: u8, target: usize): HrTimer {
  timer.kind = kind;
  initEvent(timer.far, EventKind.TIMER_NEAR, 0, <u32>target);
  return timer;
}
