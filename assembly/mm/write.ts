/**
 * Writes to a file, whole pages at a time: cached pages are overwritten, missing ones come in without being read, and all are dirty; after each page
 * the task looks whether it has dirtied too many (mm/filemap.c generic_perform_write, filemap_add_folio).
 */
import { Rq } from '../sched/rq';
import { Instruction } from '../task/instruction';
import { Mode, Task } from '../task/task';
import { entryOf, Folio, folioAt, hasPage, newFolio, Pg, Region, slotOf } from './folio';
import { leaveToExit } from './get_page';
import { addToLru } from './lru';
import { costs, mm } from './mm';
import { nextPlace } from './order/blocks';
import { For, pass, Phase, waitFor } from './phase';
import { joinFolio } from './read';
import { TaskMm, View } from './task_mm';
import { advanceView, chunkAt, nextPage } from './view';
import { balanceIsDue } from './writeback/balance';
import { addBuffers } from './writeback/buffers';
import { enterNode } from './writeback/cache_nodes';
import { dirtyFolio, growWritten, noteDirtied } from './writeback/dirty';
import { wbAt } from './writeback/wb';

/** Writes on until a page is missing, or the task has to look. True: time passes first. */
export function write(rq: Rq, task: Task, m: TaskMm, view: View, step: Instruction): bool {
  if (m.killed) {
    leaveToExit(m);
    return false;
  }
  const region = view.region;
  const begin = view.first + nextPage(task, view);
  const chunk = chunkAt(view, begin, step);
  while (m.pagesDone < chunk) {
    // Every page is a point at which a voluntarily preemptible kernel gives way: kswapd may have been woken for it.
    if (rq.needResched && m.costNs != 0) return worksOn(task, m, Phase.WRITE);
    const page = begin + m.pagesDone;
    const folio = folioAt(entryOf(region, slotOf(region, page)));
    if (folio == null || !hasPage(folio, page)) {
      m.raNext = page;
      m.after = For.WRITE;
      m.phase = Phase.GET_PAGE;
      return false;
    }
    if (folio.flags & Pg.LOCKED) {
      if (worksOn(task, m, Phase.WRITE)) return true;
      waitFor(task, folio);
      rq.needResched = true;
      return true;
    }
    writeTo(rq, m, folio);
    if (balanceIsDue(m, wbAt(region.device), rq.id)) {
      m.pagesDirtied = m.nrDirtied;
      return worksOn(task, m, Phase.BALANCE);
    }
  }
  m.costNs += costs.writeNs;
  advanceView(view, chunk);
  return worksOn(task, m, Phase.HIGH);
}

/** What it has cost so far passes; others may run between any two pages (cond_resched). */
function worksOn(task: Task, m: TaskMm, phase: u32): bool {
  if (!pass(task, m, phase)) return false;
  task.mode = Mode.USER;
  return true;
}

function writeTo(rq: Rq, m: TaskMm, folio: Folio): void {
  if ((folio.flags & Pg.BUFFERS) == 0) {
    folio.flags |= Pg.BUFFERS;
    m.costNs += addBuffers(rq.id, folio.pages);
  }
  dirtyFolio(m, rq.id, folio);
  m.pagesDone++;
  m.costNs += costs.writePageNs;
}

/** A page has come for what is to be written: that it was evicted before is no matter, as it is not read. */
export function placeWritten(rq: Rq, m: TaskMm, region: Region): void {
  const slot = slotOf(region, m.raNext);
  const known = folioAt(entryOf(region, slot));
  if (known != null) {
    if (joinFolio(m, known, m.raNext)) {
      if (known.flags & Pg.DIRTY) noteDirtied(m, rq.id, 1);
      growWritten(rq.id, known);
      enterNode(rq.id, known);
    }
  } else {
    const folio = newFolio(region, slot, m.group, m.zone);
    if (mm.orders) folio.place = nextPlace(m.zone.blocks);
    addToLru(folio);
    enterNode(rq.id, folio);
  }
  m.costNs += costs.readaheadPageNs;
  m.phase = Phase.WRITE;
}
