/**
 * The flusher's way through a file: dirty pages in order, from where it was last, into requests as large as the device takes (mm/page-writeback.c
 * write_cache_pages; fs/buffer.c __block_write_full_page; block/blk-mq.c blk_mq_submit_bio, blk_add_rq_to_plug). A page whose request gets no tag
 * waits for one, and what has been collected is sent before that.
 *
 * Simplified: writing a page takes no memory.
 */
import { Rq } from '../../sched/rq';
import { Mode, Task } from '../../task/task';
import { getTag, Request, sendTagged, sleepForTag } from '../block';
import { entryOf, Folio, folioAt, Pg } from '../folio';
import { costs } from '../mm';
import { NO_SLOT, nextDirty, startWriteback } from './dirty';
import { Wb } from './wb';

/** PAGEVEC_SIZE: between so many pages others may run. */
const BATCH: u32 = 15;
/** BLK_PLUG_FLUSH_SIZE: behind a request of 128 KiB, or so many of them (BLK_MAX_REQUEST_COUNT), all are sent. */
const PLUG_PAGES: u32 = 32;
const PLUG_REQUESTS: u32 = 32;

/** Goes on with wb.file. True: the thread has work, or sleeps; false: it is done with the file for now. */
export function writePages(rq: Rq, task: Task, wb: Wb): bool {
  let pages: u64 = 0;
  let n: u32 = 0;
  while (true) {
    if (n++ >= BATCH && work(task, pages)) return true;
    if (wb.held == null && (wb.fileOver || !holdNext(wb))) {
      wb.fileOver = true;
      return work(task, pages);
    }
    const folio = wb.held;
    if (!fits(wb, folio)) {
      const request = getTag(wb.device);
      if (request == null) {
        // What has been done so far takes its time first.
        if (work(task, pages)) return true;
        flushPlug(rq, wb);
        sleepForTag(rq, wb.device, task);
        return true;
      }
      addRequest(rq, wb, request);
    }
    addFolio(wb, folio);
    wb.held = changetype<Folio>(0);
    pages += folio.pages;
    wb.toWrite -= folio.pages;
    if (wb.toWrite > 0) continue;
    wb.file.writebackSlot = folio.slot;
    wb.fileOver = true;
  }
}

function work(task: Task, pages: u64): bool {
  task.mode = Mode.KERNEL;
  task.remaining = pages * costs.writebackNs;
  return task.remaining != 0;
}

/** The next dirty page that nobody writes yet goes under writeback. False: there is none up to the end of the file; the next time begins at its begin. */
function holdNext(wb: Wb): bool {
  while (true) {
    const slot = nextDirty(wb.file, wb.slot);
    if (slot == NO_SLOT) {
      wb.file.writebackSlot = 0;
      return false;
    }
    wb.slot = slot + 1;
    const folio = folioAt(entryOf(wb.file, slot));
    if (folio.flags & (Pg.WRITEBACK | Pg.LOCKED)) continue;
    startWriteback(folio);
    wb.held = folio;
    return true;
  }
}

/** Whether the folio goes behind the last page of the last request. */
function fits(wb: Wb, folio: Folio): bool {
  return (
    wb.plugLast != null &&
    wb.endFile == folio.region &&
    wb.endSlot == folio.slot &&
    wb.plugPages + folio.pages <= wb.device.maxPages
  );
}

function addRequest(rq: Rq, wb: Wb, request: Request): void {
  if (wb.plugPages >= PLUG_PAGES || wb.plugged >= PLUG_REQUESTS) flushPlug(rq, wb);
  if (wb.plugLast == null) wb.plug = request;
  else wb.plugLast.next = request;
  wb.plugLast = request;
  wb.plugged++;
  wb.plugPages = 0;
}

function addFolio(wb: Wb, folio: Folio): void {
  folio.ioNext = wb.plugLast.first;
  wb.plugLast.first = folio;
  wb.plugPages += folio.pages;
  wb.plugLast.parts = (wb.plugPages + wb.device.maxPages - 1) / wb.device.maxPages;
  wb.endFile = folio.region;
  wb.endSlot = folio.slot + 1;
}

/** All collected requests are sent. */
export function flushPlug(rq: Rq, wb: Wb): void {
  let request = wb.plug;
  while (request != null) {
    const next = request.next;
    request.next = changetype<Request>(0);
    sendTagged(rq, request);
    request = next;
  }
  wb.plug = changetype<Request>(0);
  wb.plugLast = changetype<Request>(0);
  wb.plugged = 0;
  wb.plugPages = 0;
}
