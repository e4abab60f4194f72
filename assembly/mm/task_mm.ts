/** What a task has to do with memory: its areas and how it goes through them, and how far its present step has come. */
import { at } from '../base/arena';
import { Task } from '../task/task';
import { Folio, Region } from './folio';
import { MemCgroup } from './memcg';
import { mm } from './mm';
import { ScanControl } from './scan_control';
import { Zone } from './zone';

/** How a view's pages are gone through. */
export namespace Pattern {
  export const SEQUENTIAL: u32 = 0;
  export const UNIFORM: u32 = 1;
  /** Four of five go to the first fifth. */
  export const HOT: u32 = 2;
}

/** Pages of a region that a task goes through in some pattern. */
@unmanaged
export class View {
  region: Region;
  first: u32;
  pages: u32;
  pattern: u32;
  /** Where it stands, relative to `first`. */
  cursor: u32;
  /** Drawn but not yet gone to; −1: none. */
  drawn: i32;
  /** Its readahead window and what of its end is read ahead (struct file_ra_state); the page that was read last, plus 1. */
  raStart: u32;
  raSize: u32;
  raAsync: u32;
  raPrev: u32;
}

@unmanaged
export class TaskMm {
  task: Task;
  group: MemCgroup;
  oomScoreAdj: i32;
  /** Address of Region[nrAreas]: its anonymous areas, and of View[]. */
  areas: usize;
  nrAreas: u32;
  views: usize;
  /** Pages of its page tables and directories. */
  tables: u64;
  /** Faults since its counters were synchronised, and new pages that those do not tell of yet (task_rss_stat). */
  rssEvents: u32;
  rssCached: u32;
  killed: bool;
  /** Where its step stands (step.ts), and where a page goes that it is getting. */
  phase: u32;
  after: u32;
  opsLeft: u64;
  /** Pages of the present operation that are done; what the operation has cost since it last let time pass. */
  pagesDone: u32;
  costNs: u64;
  beganAt: u64;
  zone: Zone;
  /** Readahead: next page, pages left, the one that gets the marker, and the folios that wait to be read. */
  raNext: u32;
  raLeft: u32;
  raMark: u32;
  /** The window for the page that is read has been asked for. */
  raTried: bool;
  chain: Folio;
  /** Operations that take the same time each, one after another, and how far into the first of them it is. */
  batchLeft: u32;
  batchNs: u64;
  intoNs: u64;
  /** The batch's operation, counted from 1, that fills the CPU's collection of new pages; 0: none does. */
  untilDrain: u32;
  recorder: u32;
  /** Reclaim: attempts, and what has been tried. */
  noProgress: u32;
  retries: u32;
  drained: bool;
  passedOom: bool;
  limit: MemCgroup;
  /** Pages charged above memory.high that it has yet to pay for. */
  overHigh: u64;
  highPages: u64;
  highGroup: MemCgroup;
  highReclaimed: u64;
  /** The folio that it waited for last, or waits for. */
  waitsFor: Folio;
  /** It sleeps for memory: throttled, or until a page comes back that it needs. */
  stallOpen: bool;
  sc: ScanControl;
  reclaimOver: bool;
  /** Dirty throttling: pages dirtied since it looked, after how many it looks again, when its last pause ended; pages that it looks for now. */
  nrDirtied: u64;
  nrDirtiedPause: u64;
  dirtyPausedWhen: u64;
  pagesDirtied: u64;
  /** RUE: what it has yet to pay for its charges (rue/charged.ts): the next thing, pages in 1024ths, and the group whose cache is too large. */
  due: u32;
  dueRetries: u32;
  dueGroup: MemCgroup;
  debt: u64;
  /** A huge page that waits for its page table; null: none does. */
  huge: Zone;
  /** Pages of the kernel: what it asks for (order/alloc.ts), what compaction made of it, where the block lies, and the address of its Kept. */
  order: u32;
  gfp: u32;
  compactPriority: u32;
  compacted: u32;
  place: u32;
  kept: usize;
  /** Giving memory back: the slots of the present part that are done, and the area that its exit has come to. */
  slotsFreed: u32;
  exitArea: u32;
}

export function taskMmAt(index: u32): TaskMm {
  return at<TaskMm>(mm.taskMms, index);
}

/** The record of a task that has one. */
export function mmOf(task: Task): TaskMm {
  return changetype<TaskMm>(task.mm);
}

export function areaAt(m: TaskMm, index: u32): Region {
  return at<Region>(m.areas, index);
}

export function viewAt(m: TaskMm, index: u32): View {
  return at<View>(m.views, index);
}

/** A task's counters of pages are behind until this many faults later (check_sync_rss_stat: TASK_RSS_EVENTS_THRESH and two). */
const RSS_EVENTS: u32 = 66;
/**
 * Faults of a process before its first step: a victim's counters in the recordings (M09 to M10) are 31 more than a multiple of 66, of which it brought
 * about 451 along, so that they are synchronised when 42 pages of its own, and each 66 more, are there.
 */
export const RSS_EVENTS_AT_START: u32 = 23;

/** Faults of the task come, each of which adds a page, or the one that does not. */
export function countFaults(m: TaskMm, faults: u32, addsPages: bool): void {
  const events = m.rssEvents + faults;
  if (events >= RSS_EVENTS) {
    m.rssEvents = (events - RSS_EVENTS) % RSS_EVENTS;
    // The one that synchronises them adds its page afterwards.
    m.rssCached = addsPages ? m.rssEvents + 1 : 0;
  } else {
    m.rssEvents = events;
    if (addsPages) m.rssCached += faults;
  }
}

/** What the kernel counts of it in memory, in swap and in page tables: the points of oom_badness. */
export function rssOf(m: TaskMm): u64 {
  let pages = m.tables - m.rssCached;
  for (let i: u32 = 0; i < m.nrAreas; i++) pages += areaAt(m, i).resident + areaAt(m, i).swapped;
  return pages;
}
