/**
 * What must hold of memory at every event, as the debug build asserts: no page, charge or slot of swap is lost or there twice. Each is counted in two ways
 * that have nothing to do with each other.
 */
import { Folio } from './folio';
import { groupAt, GROUP_PAGES, isBelow, listOf, listPages, MemCgroup, stockOf } from './memcg';
import { Lru, mm } from './mm';
import { State } from '../task/task';
import { areaAt, taskMmAt } from './task_mm';
import { domain, wbAt } from './writeback/wb';
import { pagesAreConserved } from './zone';

/** At every event. */
export function memoryIsConserved(): bool {
  if (!pagesAreConserved() || !swapAddsUp() || !dirtyAddsUp() || !deadHaveNothing()) return false;
  for (let i: u32 = 0; i < mm.nrGroups; i++) {
    const group = groupAt(i);
    if (!listsAddUp(group) || group.usage != chargesOf(group)) return false;
  }
  return true;
}

/** Slots in use are those of groups, and those of areas. */
function swapAddsUp(): bool {
  let swapped: u64 = 0;
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) {
    const m = taskMmAt(i);
    for (let area: u32 = 0; area < m.nrAreas; area++) swapped += areaAt(m, area).swapped;
  }
  return swapped == groupAt(0).swapUsage && swapped == mm.swapTotal - mm.swapFree;
}

/** Dirty pages and those under writeback are as many by group and by device as in the machine, but that those on their way to swap are of no file. */
function dirtyAddsUp(): bool {
  let dirty: u64 = 0;
  let writeback: u64 = 0;
  for (let i: u32 = 0; i < domain.nrWbs; i++) {
    dirty += wbAt(i).reclaimable;
    writeback += wbAt(i).writeback;
  }
  const root = groupAt(0);
  if (dirty != domain.nrDirty || dirty != root.nrDirty || writeback != root.nrWriteback) return false;
  return dirty <= root.lists2 + root.lists3 && writeback <= domain.nrWriteback && domain.nrWriteback <= mm.managed;
}

/** A task that has ended has left no page, no slot of swap and no block behind, but what devices are still to be done with. */
function deadHaveNothing(): bool {
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) {
    const m = taskMmAt(i);
    if (m.task.state != State.DEAD) continue;
    if (m.tables != 0 || m.huge != null || m.chain != null || m.task.inMemstall) return false;
    for (let area: u32 = 0; area < m.nrAreas; area++) {
      const region = areaAt(m, area);
      if (region.swapped != 0 || region.resident > m.group.orphans) return false;
    }
  }
  return true;
}

/** Pages that a group counts on each kind of list are on those of it and the groups below it. */
function listsAddUp(group: MemCgroup): bool {
  for (let list: u32 = 0; list < Lru.COUNT; list++) {
    let pages: u64 = 0;
    for (let i: u32 = 0; i < mm.nrGroups; i++) if (isBelow(groupAt(i), group)) pages += listOf(groupAt(i), list).pages;
    if (pages != listPages(group, list)) return false;
  }
  return true;
}

/** What is charged to a group: pages on lists, at devices though nobody owns them any more, of page tables, in stocks, and the group's own. */
function chargesOf(group: MemCgroup): u64 {
  let pages: u64 = 0;
  for (let i: u32 = 0; i < mm.nrGroups; i++) {
    const below = groupAt(i);
    if (!isBelow(below, group)) continue;
    for (let list: u32 = 0; list < Lru.COUNT; list++) pages += listOf(below, list).pages;
    pages += below.orphans;
    if (below.used) pages += GROUP_PAGES;
  }
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) if (isBelow(taskMmAt(i).group, group)) pages += taskMmAt(i).tables;
  for (let cpu: u32 = 0; cpu < mm.nrCpus; cpu++) {
    const stock = stockOf(cpu);
    if (stock.group != null && isBelow(stock.group, group)) pages += stock.pages;
  }
  return pages;
}

/** At the end: every list holds as many pages as it says, each folio of the group and kind, and reads the same in both directions. */
export function listsAreWhole(): bool {
  for (let i: u32 = 0; i < mm.nrGroups; i++) {
    for (let list: u32 = 0; list < Lru.COUNT; list++) if (!isWhole(groupAt(i), list)) return false;
  }
  return true;
}

function isWhole(group: MemCgroup, list: u32): bool {
  const lru = listOf(group, list);
  let pages: u64 = 0;
  let before = changetype<Folio>(0);
  for (let folio = lru.head; folio != null; folio = folio.next) {
    if (folio.prev != before || folio.group != group || folio.list != list) return false;
    pages += folio.pages;
    before = folio;
  }
  return lru.tail == before && pages == lru.pages;
}
