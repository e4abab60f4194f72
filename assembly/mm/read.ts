/** Reads of a file: pages that are cached, on their way, or missing (mm/filemap.c filemap_read, filemap_get_pages). */
import { machine } from '../machine/machine';
import { Rq } from '../sched/rq';
import { Instruction } from '../task/instruction';
import { Task } from '../task/task';
import { deviceAt, isFull, sleepForTag, submit } from './block';
import { growFolio } from './fault';
import { entryOf, Folio, folioAt, hasPage, newFolio, Pg, Region, slotOf } from './folio';
import { leaveToExit } from './get_page';
import { addToLru, markAccessed, refault } from './lru';
import { uncharge } from './memcg';
import { costs, mm } from './mm';
import { nextPlace } from './order/blocks';
import { freePages } from './page_alloc';
import { For, pass, Phase, waitFor } from './phase';
import { readAhead, readAlone } from './readahead';
import { TaskMm, View } from './task_mm';
import { advanceView, chunkAt, nextPage } from './view';
import { enterNode } from './writeback/cache_nodes';
import { growWritten } from './writeback/dirty';

/** Reads on until a page is missing or on its way. True: time passes first. */
export function read(rq: Rq, task: Task, m: TaskMm, view: View, step: Instruction): bool {
  if (m.killed) {
    leaveToExit(m);
    return false;
  }
  const region = view.region;
  const begin = view.first + nextPage(task, view);
  const chunk = chunkAt(view, begin, step);
  while (m.pagesDone < chunk) {
    const page = begin + m.pagesDone;
    const folio = folioAt(entryOf(region, slotOf(region, page)));
    if (folio == null || !hasPage(folio, page)) {
      if (m.raTried) readAlone(m, region, page);
      else readAhead(m, view, page, chunk - m.pagesDone, false);
      m.raTried = true;
      return false;
    }
    if (folio.flags & Pg.READAHEAD) {
      folio.flags &= ~Pg.READAHEAD;
      readAhead(m, view, page, chunk - m.pagesDone, true);
      return false;
    }
    if (folio.flags & Pg.LOCKED) {
      if (m.costNs != 0) return pass(task, m, Phase.READ);
      waitFor(task, folio);
      rq.needResched = true;
      return true;
    }
    markAccessed(folio);
    view.raPrev = page + 1;
    m.raTried = false;
    m.pagesDone++;
    m.costNs += costs.readPageNs;
  }
  m.costNs += costs.readNs;
  advanceView(view, chunk);
  return pass(task, m, Phase.HIGH);
}

/** The window's next page: it needs one unless it is there. */
export function readahead(m: TaskMm, region: Region): void {
  while (m.raLeft != 0) {
    const folio = folioAt(entryOf(region, slotOf(region, m.raNext)));
    if (folio == null || !hasPage(folio, m.raNext)) {
      m.after = For.CACHE;
      m.phase = Phase.GET_PAGE;
      return;
    }
    m.raNext++;
    m.raLeft--;
  }
  m.phase = Phase.SUBMIT;
}

/** The window's pages are asked of the device, in one request. True: the task waits until the device takes another one. */
export function submitChain(rq: Rq, task: Task, m: TaskMm, region: Region): bool {
  if (m.chain != null) {
    const device = deviceAt(region.device);
    if (isFull(device)) {
      sleepForTag(rq, device, task);
      return true;
    }
    submit(rq, device, m.chain, false);
  }
  m.chain = changetype<Folio>(0);
  m.phase = Phase.READ;
  return false;
}

/** One more page for a file's folio, which pays for it. False: somebody else has brought that page meanwhile, and this one goes back (filemap_add_folio's EEXIST). */
export function joinFolio(m: TaskMm, folio: Folio, page: u32): bool {
  uncharge(m.group, 1);
  if (hasPage(folio, page)) {
    freePages(m.zone, machine.thisCpu, 1);
    return false;
  }
  for (let g = folio.group; g != null; g = g.parent) g.usage++;
  growFolio(folio);
  return true;
}

/** A page that is to be read: on its list at once, locked until it is there. Null: it has come meanwhile, or a device has its folio already. */
export function cachePage(m: TaskMm, region: Region, page: u32): Folio {
  const slot = slotOf(region, page);
  const entry = entryOf(region, slot);
  const known = folioAt(entry);
  if (known != null) {
    if (!joinFolio(m, known, page)) return changetype<Folio>(0);
    growWritten(machine.thisCpu, known);
    if (region.file) enterNode(machine.thisCpu, known);
    if (known.flags & (Pg.LOCKED | Pg.WRITEBACK)) return changetype<Folio>(0);
    known.flags |= Pg.LOCKED;
    return known;
  }
  const folio = newFolio(region, slot, m.group, m.zone);
  folio.flags = Pg.LOCKED;
  if (region.file) enterNode(machine.thisCpu, folio);
  if (mm.orders) folio.place = nextPlace(m.zone.blocks);
  if (entry & 1) refault(folio, region, entry);
  addToLru(folio);
  return folio;
}
