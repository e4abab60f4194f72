/**
 * Pages that the kernel takes for a task, for buffers and the like: charged to nobody, on no list, until they are given back. Some requests must not wait, and
 * may dip deeper into the reserve for it (mm/page_alloc.c gfp_to_alloc_flags, __zone_watermark_ok).
 */
import { Rq } from '../sched/rq';
import { Mode, Task } from '../task/task';
import { costs, count, mm, Vm } from './mm';
import { freePages, Gate } from './page_alloc';
import { For, Phase } from './phase';
import { TaskMm } from './task_mm';
import { zoneAt } from './zone';

/** Classes of requests: InstructionTable.y of an alloc step; src/kernel/tables.ts says the same. */
export namespace Gfp {
  /** GFP_KERNEL, and what user pages ask with. */
  export const KERNEL: u32 = 0;
  /** GFP_KERNEL | __GFP_HIGH. */
  export const HIGH: u32 = 1;
  export const NOWAIT: u32 = 2;
  export const ATOMIC: u32 = 3;
  /** Of a task that frees memory itself (PF_MEMALLOC). */
  export const MEMALLOC: u32 = 4;
}

/** A page from the CPU's own list takes 30 to 60 ns. Assumption. */
const ALLOC_NS: u64 = 50;
/** Pages given back in a stretch of work. */
const FREE_BATCH: u64 = 64;

/** Which part of the min mark keeps a request out. */
export function gateOfClass(gfp: u32): u32 {
  switch (gfp) {
    case Gfp.HIGH:
      return Gate.RESERVE;
    case Gfp.ATOMIC:
      return Gate.ATOMIC;
    case Gfp.MEMALLOC:
      return Gate.NONE;
    default:
      return Gate.MIN;
  }
}

/** Whether it may reclaim, and wait (__GFP_DIRECT_RECLAIM). */
export function mayReclaim(gfp: u32): bool {
  return gfp <= Gfp.HIGH;
}

/** A request that must not wait has got no page. */
export function failPage(m: TaskMm): void {
  count(Vm.ALLOC_FAILURES, 1);
  m.costNs += ALLOC_NS;
  m.after = For.PLACED;
  m.phase = Phase.PLACE;
}

/** The task's next page is the kernel's. */
export function keepPage(m: TaskMm): void {
  m.kernelPages++;
  mm.kernelPages++;
  m.costNs += ALLOC_NS;
  m.after = For.PLACED;
}

/** Gives some of them back. False: there are none. */
export function releasePages(rq: Rq, task: Task, m: TaskMm): bool {
  const pages = min(m.kernelPages, FREE_BATCH);
  if (pages == 0) return false;
  m.kernelPages -= pages;
  mm.kernelPages -= pages;
  freePages(zoneAt(mm.nrZones - 1), rq.id, <u32>pages);
  task.mode = Mode.USER;
  task.remaining = pages * costs.freeNs;
  return true;
}
