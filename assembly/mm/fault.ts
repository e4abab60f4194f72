/** Touches of anonymous pages that are not at hand: new ones, ones in swap, ones on their way from there (mm/memory.c do_anonymous_page, do_swap_page). */
import { Rq } from '../sched/rq';
import { Instruction } from '../task/instruction';
import { Mode, Task } from '../task/task';
import { deviceAt, submit } from './block';
import {
  entryOf,
  Folio,
  folioAt,
  hasDirectory,
  hasPage,
  hasTable,
  newFolio,
  Pg,
  Region,
  setDirectory,
  setTable,
  slotOf,
} from './folio';
import { isSwapped, link, swappedPages } from './lru';
import { addListPages, listOf, MemCgroup, stockOf } from './memcg';
import { costs, count, Lru, LRU_BATCH, mm, Vm } from './mm';
import { For, pass, Phase, waitFor } from './phase';
import { nextPlace } from './order/blocks';
import { placeHuge, tableFor } from './order/huge';
import { cachePage } from './read';
import { freeSwapSlot } from './shrink_list';
import { countFaults, TaskMm, View } from './task_mm';
import { advanceView, nextPage } from './view';
import { placeWritten } from './write';
import { startSwapWriteback } from './writeback/dirty';
import { Zone } from './zone';
import { dropCompressed, isCompressed, zram } from './zram';

/** A touch that needs a page, or one that is on its way. */
export function fault(m: TaskMm, view: View, task: Task): void {
  const page = view.first + nextPage(task, view);
  const region = view.region;
  const entry = entryOf(region, slotOf(region, page));
  const folio = folioAt(entry);
  count(Vm.PGFAULT, 1);
  countFaults(m, 1, false);
  if (folio != null && hasPage(folio, page)) {
    if (folio.flags & Pg.LOCKED) {
      waitFor(task, folio);
      return;
    }
    // In the swap cache: it is mapped again, and its slot given back.
    reuse(region, folio);
    m.costNs += costs.faultNs;
    advanceView(view, 1);
    m.phase = Phase.PLACE;
    m.after = For.PLACED;
    return;
  }
  if (!hasDirectory(region, page)) m.after = For.DIRECTORY;
  else if (!hasTable(region, page)) m.after = tableFor(task.cpu, m, region, page);
  else m.after = isSwapped(entry) ? For.SWAP_IN : For.ANON;
  m.phase = Phase.GET_PAGE;
}

function reuse(region: Region, folio: Folio): void {
  folio.flags = (folio.flags & ~(Pg.RECLAIM | Pg.HELD)) | Pg.DIRTY | Pg.YOUNG;
  region.swapped -= folio.pages;
  freeSwapSlot(folio.group, folio.pages);
}

/** An anonymous page comes into its folio, or into a new one, whose page whoever asked for it adds to the list's: true. */
export function newPage(region: Region, slot: u32, folio: Folio, group: MemCgroup, zone: Zone): bool {
  if (folio == null) {
    const made = newFolio(region, slot, group, zone);
    made.flags = Pg.YOUNG | Pg.DIRTY;
    if (mm.orders) made.place = nextPlace(zone.blocks);
    link(listOf(group, Lru.INACTIVE_ANON), made);
    return true;
  }
  // On its way to swap, or there: its content is another one now.
  if ((folio.flags & Pg.DIRTY) == 0) reuse(region, folio);
  if (folio.flags & Pg.WRITEBACK) startSwapWriteback(1);
  growFolio(folio);
  folio.flags |= Pg.YOUNG | Pg.DIRTY;
  return false;
}

/** One more page of a folio's slot comes in. */
export function growFolio(folio: Folio): void {
  folio.pages++;
  folio.region.resident++;
  if ((folio.flags & Pg.ISOLATED) == 0) addListPages(folio.group, folio.list, 1);
}

/** A new page joins those that the CPU has collected for their lists; what that takes when they are enough. */
function collect(cpu: u32): u64 {
  const stock = stockOf(cpu);
  if (++stock.lruAdds < LRU_BATCH) return 0;
  stock.lruAdds = 0;
  return costs.lruAddNs;
}

/** The page has become one of the task's tables; it gets another for what it wanted. */
function anotherTable(m: TaskMm, wanted: u32): void {
  m.tables++;
  mm.kernelPages++;
  m.after = wanted;
  m.phase = Phase.GET_PAGE;
}

/** The page goes where it is needed. True: time passes first. */
export function place(rq: Rq, task: Task, m: TaskMm, view: View, step: Instruction): bool {
  const region = view.region;
  if (m.after != For.PLACED) mm.inFlight--;
  switch (m.after) {
    case For.DIRECTORY:
      setDirectory(region, view.first + nextPage(task, view));
      anotherTable(m, tableFor(rq.id, m, region, view.first + nextPage(task, view)));
      return false;
    case For.HUGE:
      placeHuge(rq.id, m, region, view.first + nextPage(task, view));
      advanceView(view, 1);
      pass(task, m, Phase.HIGH);
      // Between two of its pages, clearing gives way to others (clear_huge_page).
      task.mode = Mode.USER;
      return true;
    case For.TABLE:
      setTable(region, view.first + nextPage(task, view));
      anotherTable(m, For.ANON);
      return false;
    case For.ANON: {
      const page = view.first + nextPage(task, view);
      const slot = slotOf(region, page);
      // A folio of several pages may have gone to swap since.
      if (isSwapped(entryOf(region, slot))) leaveSwap(rq.id, m, region, swappedPages(entryOf(region, slot)));
      const isNew = newPage(region, slot, folioAt(entryOf(region, slot)), m.group, m.zone);
      if (isNew) addListPages(m.group, Lru.INACTIVE_ANON, 1);
      advanceView(view, 1);
      m.rssCached++;
      m.costNs += costs.faultNs + collect(rq.id);
      m.after = For.PLACED;
      return false;
    }
    case For.CACHE: {
      const folio = cachePage(m, region, m.raNext);
      if (folio != null) {
        if (m.raNext == m.raMark) folio.flags |= Pg.READAHEAD;
        folio.ioNext = m.chain;
        m.chain = folio;
      }
      m.costNs += costs.readaheadPageNs;
      m.raNext++;
      m.raLeft--;
      m.phase = Phase.READAHEAD;
      return false;
    }
    case For.WRITE:
      placeWritten(rq, m, region);
      return false;
    case For.SWAP_IN: {
      const page = view.first + nextPage(task, view);
      leaveSwap(rq.id, m, region, swappedPages(entryOf(region, slotOf(region, page))) - 1);
      const folio = cachePage(m, region, page);
      count(Vm.PSWPIN, 1);
      count(Vm.PGMAJFAULT, 1);
      if (isCompressed()) {
        reuse(region, folio);
        folio.flags &= ~Pg.LOCKED;
        dropCompressed(rq.id, 1);
        advanceView(view, 1);
        m.costNs += costs.faultNs + zram.decompressNs + collect(rq.id);
        m.after = For.PLACED;
        return false;
      }
      m.costNs += costs.readaheadPageNs + costs.ioNs;
      folio.ioNext = changetype<Folio>(0);
      folio.flags |= Pg.HELD;
      m.chain = folio;
      return pass(task, m, Phase.SWAPPED_IN);
    }
    default:
      return pass(task, m, Phase.HIGH);
  }
}

/** Of a folio of several pages at most one is read from swap; the others come back as new ones: simplified. */
function leaveSwap(cpu: u32, m: TaskMm, region: Region, pages: u32): void {
  if (pages == 0) return;
  region.swapped -= pages;
  freeSwapSlot(m.group, pages);
  if (isCompressed()) dropCompressed(cpu, pages);
}

/** Waits for the page that comes from swap; then it is dirty again, and its slot is given back. */
export function swappedIn(rq: Rq, task: Task, m: TaskMm, view: View): bool {
  const folio = m.chain;
  if (m.raLeft != WAITING) {
    m.raLeft = WAITING;
    submit(rq, deviceAt(0), folio, false);
    return pass(task, m, Phase.SWAPPED_IN);
  }
  if (folio.flags & Pg.LOCKED) {
    waitFor(task, folio);
    rq.needResched = true;
    return true;
  }
  m.raLeft = 0;
  m.chain = changetype<Folio>(0);
  reuse(view.region, folio);
  advanceView(view, 1);
  m.costNs += costs.readPageNs;
  return pass(task, m, Phase.HIGH);
}

/** m.raLeft while a page comes from swap. */
const WAITING: u32 = u32.MAX_VALUE;
