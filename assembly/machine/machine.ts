/**
 * The simulated hardware: its clock, its event queue and what its operations cost. It knows no scheduling policy.
 *
 * Time is kept twice. The event queue says when something happens; `now` is the local time of the CPU that handles it, which runs
 * ahead of the event by what interrupt entry, wakeups and switches cost. Another CPU may see those few microseconds early.
 */
import { Wheel, WHEEL_BYTES } from '../base/wheel';
import { PsiGroup } from '../sched/psi_group';
import { Kernel } from './kernels';
import { OWN, Part } from './own';

/** Kinds of events. */
export namespace EventKind {
  /** The clock event device of a CPU: its earliest timer is due. */
  export const CLOCKEVENT: u16 = 0;
  /** The current task's (or kernel section's) work is done. */
  export const SEGMENT_END: u16 = 1;
  /** Reschedule interrupt from the CPU that is `index` of all. */
  export const IPI: u16 = 2;
  /** An occurrence of noise source `index`. */
  export const NOISE: u16 = 3;
  /** A timer comes into its CPU's queue (machine/hrtimer.ts): the event is its `far`. */
  export const TIMER_NEAR: u16 = 4;
  /** Something concerns the thread of guest CPU `index` (virt/vcpu.ts), on a host's CPU. */
  export const VCPU: u16 = 5;
}

/** Speeds are in 1024ths of what a thread does that has its core for itself. */
export const FULL_SPEED: u64 = 1024;

/** First what is the whole simulation's, from `tickPeriodNs` on what is the kernel's that is at work (machine/kernels.ts). */
@unmanaged
export class Machine {
  now: u64;
  /** The CPU whose kernel code runs, among its kernel's. */
  thisCpu: u32;
  kernel: Kernel;
  /** Address of Rq[]: the CPUs of all kernels, the host's first. */
  allRqs: usize;
  allCpus: u32;
  /** More events at one instant than this are no progress. */
  maxEventsNow: u32;
  /** Events handled. */
  events: u64;
  /** The time that it went on to last, and events handled since: a simulation must make progress. */
  lastEventAt: u64;
  eventsNow: u32;
  /** Scheduler tick period. */
  tickPeriodNs: u64;
  nrCpus: u32;
  cpusPerLlc: u32;
  /** Hyper-threads of a core: consecutive CPU numbers. */
  threadsPerCore: u32;
  /** Speed of each of two threads of a core that both run a task; FULL_SPEED: they do not slow each other down. */
  smtSpeed: u64;
  /** Address of the kernel's Rq[] (sched/rq.ts), and which of all CPUs is its first. */
  rqs: usize;
  firstCpu: u32;
  /** CLOCK_MONOTONIC at time 0: periods lie on multiples of their length since boot. */
  bootNs: u64;
  timerIrqNs: u64;
  tickNs: u64;
  wakeupNs: u64;
  scheduleNs: u64;
  switchNs: u64;
  syscallEntryNs: u64;
  syscallExitNs: u64;
  ipiNs: u64;
  migrationNs: u64;
  /** Sending an interrupt to another CPU, and programming the clock event device: exits, in a guest. */
  sendIpiNs: u64;
  timerWriteNs: u64;
  /** KVM: from the guest to the host's kernel, and back. */
  vmExitNs: u64;
  vmEntryNs: u64;
  /** The largest timer slack of the kernel's tasks. */
  maxSlackNs: u64;
  /** How much later each CPU ticks than the one before. */
  tickSkewNs: u64;
  nrIdleStates: u32;
  /** Address of IdleState[nrIdleStates], shallow to deep. */
  idleStates: usize;
  nrNoise: u32;
  /** Address of NoiseSource[nrNoise]. */
  noise: usize;
  /** Pressure of the whole machine; null: it is not observed. */
  psi: PsiGroup;

  @inline get wheel(): Wheel {
    return changetype<Wheel>(WHEEL);
  }
}

const CACHE_LINE: i32 = 64;
const WHEEL: usize = memory.data(<i32>WHEEL_BYTES, CACHE_LINE);
/** The one machine of this instance. It lies at a fixed address, which makes its fields as cheap as global variables. */
export const machine: Machine = changetype<Machine>(OWN + Part.MACHINE - offsetof<Machine>('tickPeriodNs'));

/** Lets the executing CPU spend time in the kernel, interrupts off. */
export function spend(ns: u64): void {
  machine.now += ns;
}
