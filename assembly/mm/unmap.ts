/** Giving memory back: of a view (MADV_DONTNEED), and all that a task has when it ends (mm/memory.c zap_pte_range, exit_mmap). */
import { Rq } from '../sched/rq';
import { Mode, Task } from '../task/task';
import { dropFolio, entryOf, folioAt, Folio, Pg, Region, setEntry, slotOf } from './folio';
import { isSwapped, swappedPages, takeFromLru, unlink } from './lru';
import { addListPages, listOf, MemCgroup, stockOf, uncharge } from './memcg';
import { costs, Lru, mm } from './mm';
import { releaseKept } from './order/alloc';
import { dropHuge, isWhole, splitHuge, unmapHuge } from './order/huge';
import { noteFreed } from './order/returns';
import { freePages } from './page_alloc';
import { Phase } from './phase';
import { freeSwapSlot } from './shrink_list';
import { areaAt, mmOf, TaskMm, View } from './task_mm';
import { zoneAt } from './zone';
import { dropCompressed, isCompressed } from './zram';

/** Pages freed in a stretch of work. */
const FREE_BATCH: u32 = 64;

/** Gives a view's pages back, some at a time. False: all are gone. */
export function freeView(rq: Rq, task: Task, m: TaskMm, view: View): bool {
  const freed = freeSome(rq, view.region, view.first, view.pages, m);
  if (freed == 0) {
    m.phase = Phase.NEXT;
    m.opsLeft = 0;
    m.slotsFreed = 0;
    view.cursor = 0;
    return false;
  }
  task.mode = Mode.USER;
  task.remaining = freed * costs.freeNs;
  return true;
}

/** Frees up to a batch of pages, behind those that are done; 0: all are gone. */
function freeSome(rq: Rq, region: Region, first: u32, pages: u32, m: TaskMm): u32 {
  let freed: u32 = 0;
  const group = m.group;
  gone.inactive = 0;
  gone.active = 0;
  gone.charged = 0;
  const end = slotOf(region, first + pages - 1) + 1;
  const ordered = mm.orders;
  for (let slot = slotOf(region, first) + m.slotsFreed; slot < end && freed < FREE_BATCH; slot++) {
    m.slotsFreed++;
    freed += ordered && leaveBlock(rq, region, slot, end, m) ? 1 : freeSlot(rq, region, slot, group);
  }
  if (gone.inactive != 0) addListPages(group, Lru.INACTIVE_ANON, -gone.inactive);
  if (gone.active != 0) addListPages(group, Lru.ACTIVE_ANON, -gone.active);
  if (gone.charged != 0) uncharge(group, gone.charged);
  m.rssCached = 0;
  giveBack(rq.id);
  return freed;
}

/** What a batch has taken from its group's lists, and what of that was freed at once; the pages that one zone has yet to get of it. */
@unmanaged
class Gone {
  inactive: i64;
  active: i64;
  charged: u64;
  zone: u32;
  pages: u32;
}

const gone: Gone = changetype<Gone>(memory.data(<i32>offsetof<Gone>(), 64));

function freeSlot(rq: Rq, region: Region, slot: u32, group: MemCgroup): u32 {
  const entry = entryOf(region, slot);
  if (entry == 0) return 0;
  setEntry(region, slot, 0);
  const folio = folioAt(entry);
  if (folio == null) {
    if (!isSwapped(entry)) return 0;
    const size: u64 = swappedPages(entry);
    region.swapped -= size;
    freeSwapSlot(group, size);
    if (isCompressed()) dropCompressed(rq.id, size);
    return 1;
  }
  const size = folio.pages;
  detach(rq, folio);
  return size;
}

/** Where blocks are counted: a huge page goes as a whole (true), or is split; of a page that goes at once the place is noted. */
function leaveBlock(rq: Rq, region: Region, slot: u32, end: u32, m: TaskMm): bool {
  let folio = folioAt(entryOf(region, slot));
  if (folio == null) return false;
  if (folio.flags & Pg.HUGE) {
    if (isWhole(folio, slot, end)) {
      takeFromLru(folio);
      uncharge(folio.group, folio.pages);
      unmapHuge(rq, m, folio);
      dropFolio(folio);
      return true;
    }
    splitHuge(folio, true);
    folio = folioAt(entryOf(region, slot));
  }
  if ((folio.flags & (Pg.ISOLATED | Pg.WRITEBACK | Pg.LOCKED)) == 0) {
    noteFreed(zoneAt(folio.zone), folio.place, folio.pages);
  }
  return false;
}

/** Takes a folio from its list and frees it, or leaves it to the device that has it. */
function detach(rq: Rq, folio: Folio): void {
  if (folio.flags & Pg.ISOLATED) return;
  unlink(listOf(folio.group, folio.list), folio);
  if (folio.list & Lru.ACTIVE) gone.active += folio.pages;
  else gone.inactive += folio.pages;
  if ((folio.flags & Pg.DIRTY) == 0 && !folio.region.file) {
    folio.region.swapped -= folio.pages;
    freeSwapSlot(folio.group, folio.pages);
  }
  if (folio.flags & (Pg.WRITEBACK | Pg.LOCKED)) {
    folio.flags |= Pg.ORPHAN;
    mm.inFlight += folio.pages;
    folio.group.orphans += folio.pages;
  } else {
    if (folio.zone != gone.zone) {
      giveBack(rq.id);
      gone.zone = folio.zone;
    }
    gone.charged += folio.pages;
    gone.pages += folio.pages;
    dropFolio(folio);
  }
}

function giveBack(cpu: u32): void {
  if (gone.pages != 0) freePages(zoneAt(gone.zone), cpu, gone.pages);
  gone.pages = 0;
}

/** Frees what a task has, some at a time. False: all is gone. */
export function exitMemory(rq: Rq, task: Task): bool {
  const m = mmOf(task);
  dropHuge(rq.id, m);
  if (releaseKept(rq, task, m)) return true;
  for (; m.exitArea < m.nrAreas; m.exitArea++) {
    const region = areaAt(m, m.exitArea);
    const freed = freeSome(rq, region, 0, region.pages, m);
    if (freed != 0) {
      task.mode = Mode.USER;
      task.remaining = freed * costs.freeNs;
      return true;
    }
    m.slotsFreed = 0;
  }
  stockOf(rq.id).dirtyLeaks += m.nrDirtied;
  m.nrDirtied = 0;
  for (; m.tables != 0; m.tables--) {
    mm.kernelPages--;
    uncharge(m.group, 1);
    freePages(zoneAt(mm.nrZones - 1), rq.id, 1);
  }
  return false;
}
