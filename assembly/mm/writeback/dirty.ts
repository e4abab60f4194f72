/**
 * Pages of files become dirty, are written, and are clean again: who counts them, and which files have some (mm/page-writeback.c
 * folio_account_dirtied, folio_clear_dirty_for_io, __folio_start_writeback, __folio_end_writeback; fs/fs-writeback.c __mark_inode_dirty).
 *
 * Which folios of a file are dirty is also a bit for each, as the page cache's tags are. On machines above 2 GiB a folio is dirty as a whole.
 */
import { Folio, Pg, Region } from '../folio';
import { jiffies } from '../jiffies';
import { stockOf } from '../memcg';
import { count, Vm } from '../mm';
import { TaskMm } from '../task_mm';
import { updateBandwidth } from './bandwidth';
import { addBuffers } from './buffers';
import { wakeFlusherLater } from './flusher';
import { addCompletions } from './limits';
import { bandwidthInterval, domain, hasDirtyIo, Wb, wbAt } from './wb';

/** No slot of the file is dirty from there on. */
export const NO_SLOT: u32 = u32.MAX_VALUE;

/** The next dirty slot of a file, from `slot` on. */
export function nextDirty(file: Region, slot: u32): u32 {
  const words = (file.nrSlots + 63) >> 6;
  let word = slot >> 6;
  if (word >= words) return NO_SLOT;
  let bits = wordOf(file, word) & (u64.MAX_VALUE << (<u64>(slot & 63)));
  while (bits == 0) {
    if (++word == words) return NO_SLOT;
    bits = wordOf(file, word);
  }
  return (word << 6) + <u32>ctz(bits);
}

function wordOf(file: Region, word: u32): u64 {
  return load<u64>(file.dirtyBits + ((<usize>word) << 3));
}

function flipBit(folio: Folio): void {
  const at = folio.region.dirtyBits + ((<usize>(folio.slot >> 6)) << 3);
  store<u64>(at, load<u64>(at) ^ ((<u64>1) << (<u64>(folio.slot & 63))));
}

/** A task has written a page of the folio. */
export function dirtyFolio(m: TaskMm, cpu: u32, folio: Folio): void {
  folio.flags &= ~Pg.RECLAIM;
  if (folio.flags & Pg.DIRTY) return;
  folio.flags |= Pg.DIRTY;
  flipBit(folio);
  accountDirtied(folio, folio.pages);
  noteDirtied(m, cpu, folio.pages);
  const file = folio.region;
  if (file.onWb) return;
  const wb = wbAt(file.device);
  const isFirst = !hasDirtyIo(wb);
  file.onWb = true;
  file.dirtiedWhen = jiffies();
  wb.dirty.push(file);
  if (isFirst) wakeFlusherLater(wb);
}

/** The task, and its CPU, will have to look whether so many are too many. */
export function noteDirtied(m: TaskMm, cpu: u32, pages: u64): void {
  m.nrDirtied += pages;
  stockOf(cpu).dirtied += pages;
}

/** A page has come into a folio of several: what the folio is, it is, too. */
export function growWritten(cpu: u32, folio: Folio): void {
  if (folio.flags & Pg.BUFFERS) addBuffers(cpu, 1);
  if (folio.flags & Pg.DIRTY) accountDirtied(folio, 1);
  if ((folio.flags & Pg.WRITEBACK) == 0) return;
  accountDirtied(folio, 1);
  accountStarted(folio, 1);
}

function accountDirtied(folio: Folio, pages: u64): void {
  const wb = wbAt(folio.region.device);
  for (let g = folio.group; g != null; g = g.parent) g.nrDirty += pages;
  domain.nrDirty += pages;
  wb.reclaimable += pages;
  wb.dirtied += pages;
  count(Vm.NR_DIRTIED, pages);
}

/** The folio goes to its device: it is clean, and under writeback. */
export function startWriteback(folio: Folio): void {
  folio.flags = (folio.flags & ~Pg.DIRTY) | Pg.WRITEBACK;
  flipBit(folio);
  accountStarted(folio, folio.pages);
}

function accountStarted(folio: Folio, pages: u64): void {
  const file = folio.region;
  const wb = wbAt(file.device);
  for (let g = folio.group; g != null; g = g.parent) {
    g.nrDirty -= pages;
    g.nrWriteback += pages;
  }
  domain.nrDirty -= pages;
  wb.reclaimable -= pages;
  domain.nrWriteback += pages;
  wb.writeback += pages;
  if (file.nrWriteback == 0) wb.writebackFiles++;
  file.nrWriteback += pages;
}

/** It has been written. */
export function finishWriteback(folio: Folio): void {
  const pages: u64 = folio.pages;
  const file = folio.region;
  const wb = wbAt(file.device);
  lateEstimate(wb);
  for (let g = folio.group; g != null; g = g.parent) g.nrWriteback -= pages;
  domain.nrWriteback -= pages;
  wb.writeback -= pages;
  wb.written += pages;
  addCompletions(wb, pages);
  count(Vm.NR_WRITTEN, pages);
  file.nrWriteback -= pages;
  if (file.nrWriteback != 0) return;
  wb.writebackFiles--;
  if (wb.bwWorkAt == 0) wb.bwWorkAt = jiffies() + bandwidthInterval();
}

/** The estimate that is due some time after writing came to an end (wb_update_bandwidth_workfn); made up for before anything changes. */
export function lateEstimate(wb: Wb): void {
  if (wb.bwWorkAt == 0 || jiffies() < wb.bwWorkAt) return;
  const at = wb.bwWorkAt;
  wb.bwWorkAt = 0;
  if (at > wb.bwTimeStamp) updateBandwidth(wb, at);
}

/** Anonymous pages go to swap, and have been written there: they count as under writeback, too. */
export function startSwapWriteback(pages: u64): void {
  domain.nrWriteback += pages;
}

export function finishSwapWriteback(pages: u64): void {
  domain.nrWriteback -= pages;
  count(Vm.NR_WRITTEN, pages);
}
