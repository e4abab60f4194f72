/**
 * One batch of one list: which folios are freed, written to swap, kept or activated (mm/vmscan.c shrink_inactive_list, shrink_folio_list,
 * folio_check_references, shrink_active_list).
 */
import { Rq } from '../sched/rq';
import { deviceAt, submit } from './block';
import { Folio, Pg } from './folio';
import { freeFolio } from './free';
import { addToLru, ageNonresident, inactiveIsLow, leaveShadow, noteCost } from './lru';
import { addListPages, listOf, MemCgroup } from './memcg';
import { costs, count, Lru, mm, Vm } from './mm';
import { splitHuge } from './order/huge';
import { maySwap } from './scan_count';
import { ScanControl } from './scan_control';
import { node } from './throttle_reclaim';
import { dropBuffers } from './writeback/buffers';
import { leaveNodes } from './writeback/cache_nodes';
import { startSwapWriteback, startWriteback } from './writeback/dirty';
import { wakeFlushers } from './writeback/flusher';
import { isCompressed, storeCompressed, zram } from './zram';

/** A plug of so many pages is sent at once (BLK_PLUG_FLUSH_SIZE: 128 KiB). */
const PLUG_PAGES: u32 = 32;

/** What becomes of a folio that reclaim looks at. */
namespace Fate {
  export const FREE: u32 = 0;
  export const KEEP: u32 = 1;
  export const ACTIVATE: u32 = 2;
  export const SWAP_OUT: u32 = 3;
  /** A dirty page of a file that kswapd writes itself. */
  export const WRITE_OUT: u32 = 4;
}

/** Looks at up to `pages` pages of a list (shrink_list). Returns how many were freed; the cost is added to sc.costNs. */
export function shrinkList(sc: ScanControl, rq: Rq, group: MemCgroup, list: u32, pages: u64): u64 {
  if ((list & Lru.ACTIVE) != 0) {
    if (list & Lru.FILE ? sc.mayDeactivateFile : sc.mayDeactivateAnon) shrinkActiveList(sc, group, list, pages);
    else sc.skippedDeactivate = true;
    return 0;
  }
  return shrinkInactiveList(sc, rq, group, list, pages);
}

/** Cuts the tail off a list: its oldest folio, from which `prev` leads to the younger ones (isolate_lru_folios). */
function isolate(group: MemCgroup, list: u32, pages: u64): Folio {
  const lru = listOf(group, list);
  const oldest = lru.tail;
  let taken: u64 = 0;
  let last = changetype<Folio>(0);
  let folio = oldest;
  while (taken < pages && folio != null) {
    folio.flags |= Pg.ISOLATED;
    taken += folio.pages;
    last = folio;
    folio = folio.prev;
  }
  if (last == null) return last;
  last.prev = changetype<Folio>(0);
  lru.tail = folio;
  if (folio != null) folio.next = changetype<Folio>(0);
  else lru.head = folio;
  addListPages(group, list, -(<i64>taken));
  return oldest;
}

function shrinkInactiveList(sc: ScanControl, rq: Rq, group: MemCgroup, list: u32, pages: u64): u64 {
  const isFile = (list & Lru.FILE) != 0;
  let folio = isolate(group, list, pages);
  if (folio == null) return 0;
  let scanned: u64 = 0;
  let freed: u64 = 0;
  let written: u64 = 0;
  let buffers: u64 = 0;
  const unqueuedBefore = sc.nrUnqueuedDirty;
  while (folio != null) {
    const next = folio.prev;
    folio.flags &= ~Pg.ISOLATED;
    let fate = fateOf(sc, folio);
    if (fate == Fate.SWAP_OUT && (folio.flags & Pg.HUGE) != 0) splitHuge(folio, false);
    const size = folio.pages;
    scanned += size;
    if (fate == Fate.SWAP_OUT && isCompressed()) {
      written += size;
      fate = compress(rq, folio) ? Fate.FREE : Fate.KEEP;
    }
    if (fate == Fate.FREE) {
      const swapped = !isFile;
      leaveShadow(folio, sc.target, swapped);
      if (isFile) leaveNodes(folio);
      if (folio.flags & Pg.BUFFERS) buffers += size;
      freeFolio(rq.id, folio);
      freed += size;
    } else {
      if (fate == Fate.ACTIVATE) {
        folio.list |= <u8>Lru.ACTIVE;
        count(Vm.PGACTIVATE, size);
        ageNonresident(group, size);
      } else if (fate == Fate.SWAP_OUT) {
        written += size;
        swapOut(sc, folio);
      } else if (fate == Fate.WRITE_OUT) {
        written += size;
        writeOut(rq, folio);
      }
      addToLru(folio);
      if (sc.plugPages >= PLUG_PAGES) flushPlug(sc, rq);
    }
    folio = next;
  }
  if (buffers != 0) {
    dropBuffers(rq.id, buffers);
    sc.costNs += buffers * costs.buffersNs;
  }
  sc.nrTaken += scanned;
  if (isFile) sc.nrFileTaken += scanned;
  if (sc.nrUnqueuedDirty - unqueuedBefore == scanned) wakeFlushers();
  mm.statUpdates += 2 * scanned;
  noteCost(group, isFile, written);
  sc.nrScanned += scanned;
  const lookNs = isFile ? costs.scanNs : costs.scanNs + costs.rmapNs;
  sc.costNs += costs.batchNs + scanned * lookNs + freed * costs.stealNs + written * (costs.pageoutNs + zram.compressNs);
  for (let g = group; g != null; g = g.parent) {
    g.scanned += scanned;
    g.stolen += freed;
  }
  count(isFile ? Vm.PGSCAN_FILE : Vm.PGSCAN_ANON, scanned);
  count(isFile ? Vm.PGSTEAL_FILE : Vm.PGSTEAL_ANON, freed);
  if (sc.target.parent == null) {
    count(sc.isKswapd ? Vm.PGSCAN_KSWAPD : Vm.PGSCAN_DIRECT, scanned);
    count(sc.isKswapd ? Vm.PGSTEAL_KSWAPD : Vm.PGSTEAL_DIRECT, freed);
  }
  return freed;
}

/** The decision about one folio. */
function fateOf(sc: ScanControl, folio: Folio): u32 {
  const flags = folio.flags;
  if (flags & (Pg.DIRTY | Pg.WRITEBACK) && folio.region.file) noteDirty(sc, folio);
  if (flags & Pg.WRITEBACK) {
    if (sc.isKswapd && (flags & Pg.RECLAIM) != 0 && node.writeback) {
      sc.nrImmediate += folio.pages;
    } else {
      folio.flags |= Pg.RECLAIM;
      sc.nrWriteback += folio.pages;
    }
    return Fate.ACTIVATE;
  }
  if (flags & Pg.LOCKED) return Fate.KEEP;
  const wasReferenced = (flags & Pg.REFERENCED) != 0;
  folio.flags &= ~(Pg.REFERENCED | Pg.YOUNG);
  if (flags & Pg.YOUNG) {
    folio.flags |= Pg.REFERENCED;
    return wasReferenced ? Fate.ACTIVATE : Fate.KEEP;
  }
  if (folio.region.file) {
    if (flags & Pg.DIRTY) return fateOfDirty(sc, folio, wasReferenced);
    return flags & Pg.HELD ? Fate.ACTIVATE : Fate.FREE;
  }
  if ((flags & Pg.DIRTY) == 0) return flags & Pg.HELD ? Fate.KEEP : Fate.FREE;
  if (!maySwap(folio.group) || mm.swapFree < min<u64>(folio.pages, 1 << mm.grainBits)) return Fate.ACTIVATE;
  return sc.mayWritepage ? Fate.SWAP_OUT : Fate.KEEP;
}

/** A dirty or written page of a file is met (folio_check_dirty_writeback). */
function noteDirty(sc: ScanControl, folio: Folio): void {
  const size = folio.pages;
  sc.nrDirty += size;
  if ((folio.flags & Pg.WRITEBACK) == 0) sc.nrUnqueuedDirty += size;
  else if (folio.flags & Pg.RECLAIM) sc.nrCongested += size;
}

/** Dirty pages of files are the flusher's, and freed once they are written; kswapd writes them where it comes upon nothing else, again. */
function fateOfDirty(sc: ScanControl, folio: Folio, wasReferenced: bool): u32 {
  if (sc.isKswapd && (folio.flags & Pg.RECLAIM) != 0 && node.dirty) {
    return wasReferenced || !sc.mayWritepage ? Fate.KEEP : Fate.WRITE_OUT;
  }
  folio.flags |= Pg.RECLAIM;
  return Fate.ACTIVATE;
}

/** A page of a file is sent to its device by itself (pageout). */
function writeOut(rq: Rq, folio: Folio): void {
  startWriteback(folio);
  folio.flags |= Pg.RECLAIM;
  folio.ioNext = changetype<Folio>(0);
  submit(rq, deviceAt(folio.region.device), folio, true);
}

/** A slot in swap is its own, its mapping is gone, and it waits in the plug to be written (add_to_swap, try_to_unmap, pageout). */
function swapOut(sc: ScanControl, folio: Folio): void {
  takeSwapSlot(folio);
  startSwapWriteback(folio.pages);
  folio.flags = (folio.flags & ~Pg.DIRTY) | Pg.WRITEBACK | Pg.RECLAIM;
  folio.ioNext = sc.plug;
  sc.plug = folio;
  sc.plugPages += folio.pages;
}

/** The same into compressed memory: it is written when that returns, and may be freed (a synchronous write). False: there is no room. */
function compress(rq: Rq, folio: Folio): bool {
  if (!storeCompressed(rq.id, folio.pages)) return false;
  takeSwapSlot(folio);
  return true;
}

function takeSwapSlot(folio: Folio): void {
  const size = folio.pages;
  mm.swapFree -= size;
  folio.region.swapped += size;
  for (let g = folio.group; g != null; g = g.parent) g.swapUsage += size;
  count(Vm.PSWPOUT, size);
}

/** What has been written so far goes to the swap device: its pages lie side by side there (blk_flush_plug). */
export function flushPlug(sc: ScanControl, rq: Rq): void {
  if (sc.plug == null) return;
  submit(rq, deviceAt(0), sc.plug, true);
  sc.plug = changetype<Folio>(0);
  sc.plugPages = 0;
}

/** Its slot in swap is given back, with the page in memory or not. */
export function freeSwapSlot(group: MemCgroup, pages: u64): void {
  mm.swapFree += pages;
  for (let g = group; g != null; g = g.parent) g.swapUsage -= pages;
}

/** Moves folios from the active to the inactive list, whatever their use. */
export function shrinkActiveList(sc: ScanControl, group: MemCgroup, list: u32, pages: u64): void {
  let folio = isolate(group, list, pages);
  let moved: u64 = 0;
  while (folio != null) {
    const next = folio.prev;
    folio.flags = (folio.flags & ~(Pg.YOUNG | Pg.ISOLATED)) | Pg.WORKINGSET;
    folio.list &= <u8>~Lru.ACTIVE;
    moved += folio.pages;
    addToLru(folio);
    folio = next;
  }
  if (moved == 0) return;
  // The events of memory.stat.
  mm.statUpdates += 2 * moved;
  count(Vm.PGREFILL, moved);
  count(Vm.PGDEACTIVATE, moved);
  sc.costNs += costs.batchNs + moved * (list & Lru.FILE ? costs.deactivateNs : costs.deactivateNs + costs.rmapNs);
}

/** Keeps some anonymous pages inactive, so that their use is noticed (age_active_anon, the end of shrink_lruvec). */
export function ageActiveAnon(sc: ScanControl, group: MemCgroup, judge: MemCgroup): void {
  if (mm.swapTotal == 0 || !inactiveIsLow(judge, Lru.INACTIVE_ANON)) return;
  shrinkActiveList(sc, group, Lru.ACTIVE_ANON, 32);
}
