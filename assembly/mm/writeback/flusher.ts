/**
 * The flusher of a device: a kworker, here a thread of its own, that writes dirty pages back: all of them when reclaim asks for it, those of files
 * that have been dirty for long every few seconds, and others as long as there are too many (fs/fs-writeback.c wb_workfn, wb_do_writeback,
 * wb_writeback, writeback_sb_inodes, queue_io, requeue_inode).
 *
 *   idle ─ ALL ─ OLD ─ BACKGROUND ─ idle, each of which may begin a work:
 *            └─ QUEUE ─ FILE ─ PAGES ─ … ─ BATCH ─ QUEUE …
 *
 * Simplified: the workqueue wakes the thread itself; files have no metadata to be written. Absent: sync, groups' own writeback.
 */
import { cancelTimer, startTimer } from '../../machine/hrtimer';
import { Rq, rqOf } from '../../sched/rq';
import { tryToWakeUp } from '../../sched/wake';
import { State, Task } from '../../task/task';
import { Region } from '../folio';
import { hz, jiffies } from '../jiffies';
import { timerWheelExpiry } from '../throttle_high';
import { estimateIsOld, startEstimate, updateBandwidth } from './bandwidth';
import { lateEstimate, nextDirty, NO_SLOT } from './dirty';
import { isOverBackground } from './limits';
import { bandwidthInterval, domain, FileQueue, hasDirtyIo, Wb, wbAt } from './wb';
import { flushPlug, writePages } from './write_pages';

namespace Stage {
  export const SLEEP: u32 = 0;
  export const BEGIN: u32 = 1;
  export const OLD: u32 = 2;
  export const BACKGROUND: u32 = 3;
  export const QUEUE: u32 = 4;
  export const FILE: u32 = 5;
  export const PAGES: u32 = 6;
  export const BATCH: u32 = 7;
  export const WORK_OVER: u32 = 8;
}

/** Why it writes. */
namespace Kind {
  export const ALL: u32 = 0;
  /** for_kupdate */
  export const OLD: u32 = 1;
  /** for_background */
  export const BACKGROUND: u32 = 2;
}

/** MIN_WRITEBACK_PAGES: 4 MiB; an eighth of the limit at a time (DIRTY_SCOPE). */
const MIN_WRITEBACK_PAGES: u64 = 1024;
const DIRTY_SCOPE: u64 = 8;

/** Has it look at once (wb_wakeup). */
export function wakeFlusher(wb: Wb): void {
  wb.pending = true;
  if (!wb.idle) return;
  wb.idle = false;
  const task = wb.flusher;
  if (task.timer.started) cancelTimer(rqOf(task.cpu), task.timer);
  tryToWakeUp(task, 0);
}

/** Has it look in a while (wb_wakeup_delayed): its first file is dirty. */
export function wakeFlusherLater(wb: Wb): void {
  if (domain.interval == 0 || !wb.idle || wb.flusher.timer.started) return;
  const task = wb.flusher;
  startTimer(rqOf(task.cpu), task.timer, timerWheelExpiry(domain.interval), 0);
}

/** Reclaim has found nothing but dirty pages that nobody writes: all devices begin (wakeup_flusher_threads). */
export function wakeFlushers(): void {
  for (let i: u32 = 0; i < domain.nrWbs; i++) {
    const wb = wbAt(i);
    if (wb.flusher == null || wb.startAll || !hasDirtyIo(wb)) continue;
    wb.startAll = true;
    wakeFlusher(wb);
  }
}

/** Goes on with the thread of a device until it has work, or sleeps. */
export function flusherStep(rq: Rq, task: Task, device: u32): bool {
  const wb = wbAt(device);
  while (true) {
    switch (wb.stage) {
      case Stage.BEGIN:
        wb.idle = false;
        wb.pending = false;
        wb.running = true;
        wb.stage = Stage.OLD;
        if (wb.startAll) begin(wb, Kind.ALL, domain.nrDirty);
        break;
      case Stage.OLD:
        wb.stage = Stage.BACKGROUND;
        if (domain.interval == 0 || jiffies() < wb.lastOldFlush + domain.interval) break;
        wb.lastOldFlush = jiffies();
        begin(wb, Kind.OLD, domain.nrDirty);
        break;
      case Stage.BACKGROUND:
        wb.stage = Stage.SLEEP;
        if (isOverBackground(wb)) begin(wb, Kind.BACKGROUND, <u64>i64.MAX_VALUE);
        break;
      case Stage.SLEEP:
        wb.running = false;
        wb.stage = Stage.BEGIN;
        if (wb.pending) break;
        sleep(rq, task, wb);
        return true;
      case Stage.QUEUE:
        queueFiles(wb);
        break;
      case Stage.FILE:
        takeFile(wb);
        break;
      case Stage.PAGES:
        if (writePages(rq, task, wb)) return true;
        leaveFile(rq, wb);
        break;
      case Stage.BATCH:
        wb.stage = wb.progress != 0 ? Stage.QUEUE : Stage.WORK_OVER;
        break;
      default:
        flushPlug(rq, wb);
        if (wb.kind == Kind.ALL) wb.startAll = false;
        wb.stage = wb.nextCheck;
        break;
    }
  }
}

/** Begins a work of so many pages; after it, what comes next is looked at. */
function begin(wb: Wb, kind: u32, pages: u64): void {
  wb.nextCheck = wb.stage;
  wb.kind = kind;
  wb.workPages = <i64>pages;
  wb.stage = Stage.QUEUE;
}

/** Waits until it is woken, or for the next look at old files if there are dirty ones. */
function sleep(rq: Rq, task: Task, wb: Wb): void {
  wb.idle = true;
  if (hasDirtyIo(wb) && domain.interval != 0) startTimer(rq, task.timer, timerWheelExpiry(domain.interval), 0);
  task.state = State.SLEEPING;
  rq.needResched = true;
}

/** Whether the work goes on, and with which files: those that it has begun with, then those that are dirty for long enough. */
function queueFiles(wb: Wb): void {
  if (wb.workPages <= 0 || (wb.kind == Kind.BACKGROUND && !isOverBackground(wb))) {
    wb.stage = Stage.WORK_OVER;
    return;
  }
  const now = jiffies();
  const before = wb.kind == Kind.OLD ? now - min(domain.expire, now) : now;
  if (wb.io.first == null) {
    wb.io.splice(wb.moreIo);
    while (wb.dirty.first != null && wb.dirty.first.dirtiedWhen <= before) wb.io.push(wb.dirty.pop());
  }
  wb.progress = 0;
  wb.batchSince = now;
  wb.stage = Stage.FILE;
}

function takeFile(wb: Wb): void {
  const file = wb.io.pop();
  if (file == null) {
    wb.stage = Stage.BATCH;
    return;
  }
  wb.file = file;
  wb.slot = file.writebackSlot;
  wb.chunk = <i64>chunkSize(wb);
  wb.toWrite = wb.chunk;
  wb.fileOver = false;
  wb.stage = Stage.PAGES;
  lateEstimate(wb);
  startEstimate(wb);
}

/** Half a second's worth, so that the state of things is looked at often enough (writeback_chunk_size). */
function chunkSize(wb: Wb): u64 {
  const pages = min(min(wb.avgWriteBandwidth / 2, domain.limit / DIRTY_SCOPE), <u64>wb.workPages);
  return ((pages + MIN_WRITEBACK_PAGES) / MIN_WRITEBACK_PAGES) * MIN_WRITEBACK_PAGES;
}

/** Done with a file for now: it goes where it comes up again, or is clean. */
function leaveFile(rq: Rq, wb: Wb): void {
  const file = wb.file;
  const wrote = wb.chunk - wb.toWrite;
  if (estimateIsOld(wb)) updateBandwidth(wb, jiffies());
  wb.file = changetype<Region>(0);
  wb.workPages -= wrote;
  wb.progress += <u64>wrote;
  if (nextDirty(file, 0) == NO_SLOT) file.onWb = false;
  else if (wb.toWrite <= 0) wb.moreIo.push(file);
  else redirty(wb.dirty, file);
  if (rq.needResched) flushPlug(rq, wb);
  const isLong = jiffies() > wb.batchSince + hz() / 10;
  wb.stage = wb.progress != 0 && (isLong || wb.workPages <= 0) ? Stage.BATCH : Stage.FILE;
}

/** Behind all that are dirty, and no older than the youngest of them (redirty_tail). */
function redirty(queue: FileQueue, file: Region): void {
  if (queue.first != null && file.dirtiedWhen < queue.last.dirtiedWhen) file.dirtiedWhen = jiffies();
  queue.push(file);
}
