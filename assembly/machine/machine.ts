/**
 * The simulated hardware: its clock, its event queue and what its operations cost. It knows no scheduling policy.
 *
 * Time is kept twice. The event queue says when something happens; `now` is the local time of the CPU that handles it, which runs
 * ahead of the event by what interrupt entry, wakeups and switches cost. Another CPU may see those few microseconds early.
 */
import { Wheel, WHEEL_BYTES } from '../base/wheel';

/** Kinds of events. */
export namespace EventKind {
  /** The clock event device of a CPU: its earliest timer is due. */
  export const CLOCKEVENT: u16 = 0;
  /** The current task's (or kernel section's) work is done. */
  export const SEGMENT_END: u16 = 1;
  /** Reschedule interrupt from another CPU. */
  export const IPI: u16 = 2;
  /** An occurrence of noise source `index`. */
  export const NOISE: u16 = 3;
  /** A timer comes into its CPU's queue (machine/hrtimer.ts): the event is its `far`. */
  export const TIMER_NEAR: u16 = 4;
}

/** Speeds are in 1024ths of what a thread does that has its core for itself. */
export const FULL_SPEED: u64 = 1024;

@unmanaged
export class Machine {
  now: u64;
  /** CLOCK_MONOTONIC at time 0: periods lie on multiples of their length since boot. */
  bootNs: u64;
  /** The CPU whose kernel code runs. */
  thisCpu: u32;
  nrCpus: u32;
  cpusPerLlc: u32;
  /** Hyper-threads of a core: consecutive CPU numbers. */
  threadsPerCore: u32;
  /** Speed of each of two threads of a core that both run a task; FULL_SPEED: they do not slow each other down. */
  smtSpeed: u64;
  /** Address of the Rq array (sched/rq.ts). */
  rqs: usize;
  /** Events handled. */
  events: u64;
  /** Events handled since time last went on, and the time it went on to: a simulation must make progress. */
  eventsNow: u32;
  /** More events at one instant than this are no progress. */
  maxEventsNow: u32;
  lastEventAt: u64;
  timerIrqNs: u64;
  tickNs: u64;
  wakeupNs: u64;
  scheduleNs: u64;
  switchNs: u64;
  syscallEntryNs: u64;
  syscallExitNs: u64;
  ipiNs: u64;
  migrationNs: u64;
  /** The largest timer slack of all tasks. */
  maxSlackNs: u64;
  /** Scheduler tick period, and how much later each CPU ticks than the one before. */
  tickPeriodNs: u64;
  tickSkewNs: u64;
  nrIdleStates: u32;
  /** Address of IdleState[nrIdleStates], shallow to deep. */
  idleStates: usize;
  nrNoise: u32;
  /** Address of NoiseSource[nrNoise]. */
  noise: usize;

  @inline get wheel(): Wheel {
    return changetype<Wheel>(WHEEL);
  }
}

const CACHE_LINE: i32 = 64;
const WHEEL: usize = memory.data(<i32>WHEEL_BYTES, CACHE_LINE);
/** The one machine of this instance. It lies at a fixed address, which makes its fields as cheap as global variables. */
export const machine: Machine = changetype<Machine>(memory.data(<i32>offsetof<Machine>(), CACHE_LINE));

/** Lets the executing CPU spend time in the kernel, interrupts off. */
export function spend(ns: u64): void {
  machine.now += ns;
}
