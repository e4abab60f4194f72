/** The phases of a memory operation, and what they have in common: time that passes, reclaim that begins, pages that are waited for. */
import { Histogram } from '../base/histogram';
import { machine } from '../machine/machine';
import { Blocked, traceBlocked, traceReclaim } from '../observe/trace';
import { psiMemstallEnter, psiMemstallLeave } from '../sched/psi';
import { Rq } from '../sched/rq';
import { Mode, State, Task } from '../task/task';
import { Folio, Pg } from './folio';
import { MemCgroup } from './memcg';
import { stepReclaim } from './reclaim';
import { beginReclaim } from './scan_control';
import { mmOf, TaskMm } from './task_mm';
import { Throttle, throttleReclaim } from './throttle_reclaim';

/** What an operation does: InstructionTable.c of a memory step; src/kernel/tables.ts says the same. */
export namespace Access {
  export const TOUCH: u32 = 0;
  export const READ: u32 = 1;
  /** Reads until the machine has no more than x free pages. */
  export const FILL: u32 = 2;
  /** Gives the view's pages back (MADV_DONTNEED). */
  export const FREE: u32 = 3;
  export const WRITE: u32 = 4;
  /** A block of the kernel's: y its order, z who asks (Gfp). */
  export const ALLOC: u32 = 5;
  /** Gives back all that ALLOC got. */
  export const RELEASE: u32 = 6;
}

export namespace Phase {
  export const IDLE: u32 = 0;
  export const NEXT: u32 = 1;
  export const FAULT: u32 = 2;
  export const READ: u32 = 3;
  export const READAHEAD: u32 = 4;
  export const SUBMIT: u32 = 5;
  export const GET_PAGE: u32 = 6;
  export const RETRY: u32 = 7;
  export const DIRECT: u32 = 8;
  export const CHARGE: u32 = 9;
  export const MEMCG: u32 = 10;
  export const PLACE: u32 = 11;
  export const HIGH: u32 = 12;
  export const HIGH_RECLAIM: u32 = 13;
  export const FINISH: u32 = 14;
  export const FREEING: u32 = 15;
  export const SWAPPED_IN: u32 = 16;
  export const SENDING: u32 = 17;
  /** RUE: something is due for what was charged. */
  export const DUE: u32 = 18;
  export const DUE_RECLAIM: u32 = 19;
  export const WRITE: u32 = 20;
  /** The task has dirtied so much that it looks whether it may go on. */
  export const BALANCE: u32 = 21;
  /** Blocks of the kernel's (order/alloc.ts). */
  export const ALLOC: u32 = 22;
  export const COMPACT: u32 = 23;
  export const COMPACTED: u32 = 24;
  export const ALLOC_RECLAIM: u32 = 25;
  export const ALLOCATED: u32 = 26;
  export const RELEASING: u32 = 27;
}

/** What a page is for. */
export namespace For {
  export const ANON: u32 = 0;
  export const TABLE: u32 = 1;
  export const CACHE: u32 = 2;
  export const SWAP_IN: u32 = 3;
  /** It is where it belongs. */
  export const PLACED: u32 = 4;
  /** A directory of page tables. */
  export const DIRECTORY: u32 = 5;
  /** Of a file, to be written. */
  export const WRITE: u32 = 6;
  /** A page table for a huge page. */
  export const HUGE: u32 = 7;
}

/** Lets what the operation has cost so far pass, if it is anything, and goes on with `phase`. */
export function pass(task: Task, m: TaskMm, phase: u32): bool {
  m.phase = phase;
  if (m.costNs == 0) return false;
  task.mode = Mode.KERNEL;
  task.remaining = m.costNs;
  m.costNs = 0;
  return true;
}

/** A reclaim's next stretch of work, which others may interrupt. */
export function reclaiming(rq: Rq, task: Task, m: TaskMm): bool {
  const sc = m.sc;
  if (sc.throttle != Throttle.NONE) {
    throttleReclaim(rq, task, sc.throttle);
    sc.throttle = Throttle.NONE;
    return true;
  }
  if (!m.reclaimOver) m.reclaimOver = !stepReclaim(sc, rq);
  task.mode = Mode.USER;
  task.remaining = sc.costNs;
  sc.costNs = 0;
  if (task.remaining != 0) return true;
  traceReclaim(task, sc.target.index, false, sc.nrReclaimed);
  return false;
}

export function startReclaim(m: TaskMm, target: MemCgroup, pages: u64, phase: u32): void {
  beginReclaim(m.sc, target, pages, false);
  m.sc.mayThrottle = true;
  m.reclaimOver = false;
  m.phase = phase;
  traceReclaim(m.task, target.index, true, 0);
  psiMemstallEnter(m.task);
}

/** A reclaim is over: it is noted how long it took and what it freed, which it returns. */
export function endReclaim(m: TaskMm, lengthsNs: Histogram, freed: Histogram): u64 {
  psiMemstallLeave(m.task);
  lengthsNs.record(machine.now - m.sc.beganAt);
  freed.record(m.sc.nrReclaimed);
  return m.sc.nrReclaimed;
}

/** Sleeps until the folio has been read. */
export function waitFor(task: Task, folio: Folio): void {
  task.waitNext = folio.waiters;
  folio.waiters = task;
  task.state = State.SLEEPING;
  task.inIowait = true;
  traceBlocked(task, Blocked.PAGE);
  const m = mmOf(task);
  m.waitsFor = folio;
  if ((folio.flags & Pg.WORKINGSET) == 0 || m.stallOpen) return;
  // It comes back although it was in use: waiting for it is thrashing.
  m.stallOpen = true;
  psiMemstallEnter(m.task);
}

/** A killed task waits for its folio no longer, if it does (TASK_KILLABLE). */
export function leaveFolio(task: Task, m: TaskMm): void {
  if (m.waitsFor == null) return;
  let before = changetype<Task>(0);
  for (let waiter = m.waitsFor.waiters; waiter != null; waiter = waiter.waitNext) {
    if (waiter == task) {
      if (before == null) m.waitsFor.waiters = task.waitNext;
      else before.waitNext = task.waitNext;
      return;
    }
    before = waiter;
  }
}
