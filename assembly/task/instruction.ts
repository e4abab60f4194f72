/**
 * Task programs as src/kernel/compile.ts writes them: a flat list of instructions, and the queues and timers that they name by number.
 */
import { at } from '../base/arena';
import { Distribution } from '../base/random';
import { WaitQueue } from './wait';

/** Operation codes: the table format of src/kernel/tables.ts. */
export namespace Op {
  export const EXIT: u32 = 0;
  /** a: mode, duration, x: as much again for each message that it holds. */
  export const RUN: u32 = 1;
  /** duration */
  export const BUSY: u32 = 2;
  /** duration */
  export const SLEEP: u32 = 3;
  /** a: timer, b: Missed, c: 1 shared, x: period, y: phase or −1, z: distance. */
  export const TIMER: u32 = 4;
  export const STAMP: u32 = 5;
  /** a: recorder, b: Since. */
  export const RECORD: u32 = 6;
  /** a: wait queue; b: mutex to release, +1. A LOCK of it follows. */
  export const WAIT: u32 = 7;
  /** a: wait queue, b: 1 all. */
  export const SIGNAL: u32 = 8;
  /** a: wait queue */
  export const LOCK: u32 = 9;
  export const UNLOCK: u32 = 10;
  /** a: first wait queue of an array of channels, b: Channel, c: their number, y: OWN: that of instance 0. */
  export const SEND: u32 = 11;
  /** As SEND, x: most messages at a time. */
  export const RECEIVE: u32 = 12;
  export const BARRIER: u32 = 13;
  /** a: spec */
  export const FORK: u32 = 14;
  export const YIELD: u32 = 15;
  /** a: policy, b: nice + 20, c: prio; SCHED_DEADLINE: x: runtime, y: deadline, z: period. */
  export const POLICY: u32 = 16;
  /** a: loop counter, b: times. */
  export const LOOP: u32 = 17;
  /** a: loop counter, b: begin of the body. */
  export const REPEAT: u32 = 18;
  /** a: target. */
  export const JUMP: u32 = 19;
  export const EXEC: u32 = 20;
  /** a: timer, duration: since the previous arrival. */
  export const ARRIVE: u32 = 21;
  /** duration: the key's distribution. */
  export const KEY: u32 = 22;
  export const MARK: u32 = 23;
  /** a: wait queue of ready fibers; that of parked threads follows. A SERVE of it follows. */
  export const UNPARK: u32 = 24;
  export const SERVE: u32 = 25;
  /** Runs the thread's guest CPU. */
  export const VCPU: u32 = 26;
  /** a: view, b: recorder + 1, c: Access of mm/phase.ts, x: operations, y: pages of a read or write or order of a block, z: Gfp of mm/order/alloc.ts. */
  export const MEMORY: u32 = 27;
  /** kswapd's program. */
  export const KSWAPD: u32 = 28;
  /** The task gives back its memory. An EXIT follows. */
  export const UNMAP: u32 = 29;
  /** The whole program of a thread of RUE: a says which. */
  export const RUE: u32 = 30;
  /** The whole program of a device's flusher: a is the device. */
  export const FLUSHER: u32 = 31;
  /** kcompactd's program. */
  export const KCOMPACTD: u32 = 32;
  /** The program of a kworker that reports memory pressure. */
  export const VMPRESSURE: u32 = 33;
}

/** Which channel of an array. */
export namespace Channel {
  export const ONE: u32 = 0;
  /** Of the task's own instance number. */
  export const OWN: u32 = 1;
  /** Of each message's origin. */
  export const ORIGIN: u32 = 2;
  /** Of each message's key. */
  export const KEY: u32 = 3;
}

/** What a recorded interval begins with. */
export namespace Since {
  export const TIMER: u32 = 0;
  export const STAMP: u32 = 1;
  export const MARK: u32 = 2;
}

/** What a timer does with periods that are already past. */
export namespace Missed {
  export const SKIP: u32 = 0;
  export const KEEP: u32 = 1;
  export const REBASE: u32 = 2;
  export const RUN: u32 = 3;
}

@unmanaged
export class Instruction {
  op: u32;
  a: u32;
  b: u32;
  c: u32;
  duration: Distribution;
  x: u64;
  y: i64;
  z: u64;
}

@unmanaged
export class Programs {
  /** Address of Instruction[]. */
  instructions: usize;
  /** Address of WaitQueue[], and their number. */
  waitQueues: usize;
  nrWaitQueues: u32;
  /** Where a killed task goes on. */
  exitPc: u32;
  /** Address of u64[]: next expiry of the timers that tasks share. */
  sharedTimers: usize;
}

export const programs: Programs = changetype<Programs>(memory.data(<i32>offsetof<Programs>(), 8));

/** The wait queue of that number. */
export function queueAt(index: u32): WaitQueue {
  return at<WaitQueue>(programs.waitQueues, index);
}
