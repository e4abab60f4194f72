/**
 * How many pages may be dirty: in the machine, on each device by its part of what has been written of late, and in a group (mm/page-writeback.c
 * global_dirtyable_memory, domain_dirty_limits, mdtc_calc_avail, __wb_calc_thresh, wb_over_bg_thresh; lib/flex_proportions.c).
 *
 * Simplified: counters are exact, where the kernel's lag by a batch a CPU; a period of the proportions ends on its jiffy; a group's dirty pages are judged
 * as if all were of the device that is written to, whose rates and flusher all groups share. Absent: limits in bytes, min_ratio, max_ratio and strictlimit
 * of devices, the spreading of dirty pages over nodes.
 */
import { Policy, Task } from '../../task/task';
import { hz, jiffies } from '../jiffies';
import { groupAt, MemCgroup } from '../memcg';
import { mm } from '../mm';
import { totalFree, zoneAt } from '../zone';
import { domain, Wb } from './wb';

/** Ratios are in 4096ths (PAGE_SIZE). */
const RATIO_ONE: u64 = 4096;
/** VM_COMPLETIONS_PERIOD_LEN in seconds. */
const PERIOD_S: u64 = 3;

/** One look at the state of things (struct dirty_throttle_control). */
@unmanaged
export class DirtyControl {
  dirty: u64;
  /** Pages that could be dirty, and the limit that follows the threshold. */
  available: u64;
  limit: u64;
  thresh: u64;
  bgThresh: u64;
  wbDirty: u64;
  wbThresh: u64;
  posRatio: u64;
  /** How many pages the task may dirty until it looks again. */
  nextPages: u64;
}

/** The machine's and a group's. Looks do not overlap: one record of each serves all. */
export const dtc: DirtyControl = changetype<DirtyControl>(memory.data(<i32>offsetof<DirtyControl>(), 8));
export const groupDtc: DirtyControl = changetype<DirtyControl>(memory.data(<i32>offsetof<DirtyControl>(), 8));

/** calculate_totalreserve_pages */
export function totalReserve(): u64 {
  let reserve: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    let most: u64 = 0;
    for (let highest = i; highest < mm.nrZones; highest++) most = max(most, zone.reserveFor(highest));
    reserve += min(most + zone.high, zone.managed);
  }
  return reserve;
}

/** Pages that could hold file data (global_dirtyable_memory). */
export function dirtyableMemory(): u64 {
  const root = groupAt(0);
  const free = totalFree();
  return free - min(free, domain.reserve) + root.lists2 + root.lists3 + 1;
}

/** domain_dirty_limits. `task`: who asks, null: nobody in particular; real-time tasks may dirty a quarter more. */
export function dirtyLimits(task: Task): void {
  dtc.available = dirtyableMemory();
  dtc.limit = domain.limit;
  setThresholds(dtc, task);
}

/** The same of a group: its files' pages, and what it may still have of others' clean ones (mem_cgroup_wb_stats). */
export function groupLimits(group: MemCgroup, task: Task): void {
  const file = group.lists2 + group.lists3;
  let headroom = u64.MAX_VALUE;
  for (let g = group; g.parent != null; g = g.parent) {
    const ceiling = min(g.max, g.high);
    headroom = min(headroom, ceiling - min(ceiling, g.usage));
  }
  const clean = file - min(file, groupDtc.dirty);
  const allClean = dtc.available - min(dtc.available, dtc.dirty);
  groupDtc.available = file + min(headroom, allClean - min(allClean, clean));
  groupDtc.limit = group.dirtyLimit;
  setThresholds(groupDtc, task);
  groupDtc.wbThresh = groupDtc.thresh;
  groupDtc.wbDirty = groupDtc.dirty;
}

function setThresholds(dtc: DirtyControl, task: Task): void {
  dtc.thresh = (((domain.ratio * RATIO_ONE) / 100) * dtc.available) / RATIO_ONE;
  dtc.bgThresh = (((domain.backgroundRatio * RATIO_ONE) / 100) * dtc.available) / RATIO_ONE;
  if (dtc.bgThresh >= dtc.thresh) dtc.bgThresh = dtc.thresh / 2;
  if (task == null || !isRealTime(task)) return;
  dtc.bgThresh += dtc.bgThresh / 4 + domain.limit / 32;
  dtc.thresh += dtc.thresh / 4 + domain.limit / 32;
}

function isRealTime(task: Task): bool {
  return task.policy == Policy.FIFO || task.policy == Policy.RR || task.policy == Policy.DEADLINE;
}

/** Below this nobody is throttled (dirty_freerun_ceiling). */
export function freerunCeiling(dtc: DirtyControl): u64 {
  return (dtc.thresh + dtc.bgThresh) / 2;
}

/** hard_dirty_limit */
export function hardLimit(dtc: DirtyControl): u64 {
  return max(dtc.thresh, dtc.limit);
}

/** The device's part of the threshold, and what of it is dirty (wb_dirty_limits). */
export function wbLimits(wb: Wb): void {
  dtc.wbThresh = shareOf(wb, dtc.thresh);
  dtc.wbDirty = wb.reclaimable + wb.writeback;
}

/** Whether the flusher has reason to write on (wb_over_bg_thresh). A device that has not written for long has no part of the threshold: any page is too many. */
export function isOverBackground(wb: Wb): bool {
  const nobody = changetype<Task>(0);
  dtc.dirty = domain.nrDirty;
  dirtyLimits(nobody);
  if (dtc.dirty > dtc.bgThresh || wb.reclaimable > shareOf(wb, dtc.bgThresh)) return true;
  for (let i: u32 = 1; i < mm.nrGroups; i++) {
    groupDtc.dirty = groupAt(i).nrDirty;
    if (groupDtc.dirty == 0) continue;
    groupLimits(groupAt(i), nobody);
    if (groupDtc.dirty > groupDtc.bgThresh) return true;
  }
  return false;
}

function shareOf(wb: Wb, pages: u64): u64 {
  agePeriods();
  reflectPeriod(wb);
  const all = domain.completions;
  if (all <= wb.completions) return wb.completions != 0 ? pages : 0;
  return (pages * wb.completions) / all;
}

/** Pages of a device have been written (wb_domain_writeout_add). */
export function addCompletions(wb: Wb, pages: u64): void {
  agePeriods();
  reflectPeriod(wb);
  wb.completions += pages;
  domain.completions += pages;
  if (domain.periodEnds == 0) domain.periodEnds = jiffies() + PERIOD_S * hz();
}

/** Periods that have ended halve what came before (writeout_period, fprop_new_period). */
function agePeriods(): void {
  const now = jiffies();
  while (domain.periodEnds != 0 && now >= domain.periodEnds) {
    if (domain.completions <= 1) {
      domain.periodEnds = 0;
    } else {
      domain.completions >>= 1;
      domain.period++;
      domain.periodEnds += PERIOD_S * hz();
    }
  }
}

/** fprop_reflect_period_percpu */
function reflectPeriod(wb: Wb): void {
  const missed = domain.period - wb.period;
  wb.completions = missed < 64 ? wb.completions >> missed : 0;
  wb.period = domain.period;
}
