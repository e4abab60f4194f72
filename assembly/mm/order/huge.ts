/**
 * Transparent huge pages: the first touch of 2 MiB of an area gets a block of order 9 if one is at hand, and single pages otherwise (mm/huge_memory.c
 * do_huge_pmd_anonymous_page, vma_thp_gfp_mask, zap_huge_pmd, split_huge_page; mm/page_alloc.c rmqueue_pcplist for pages of that order).
 *
 * As with `enabled` always and `defrag` madvise, the kernel's own choice: nobody reclaims or compacts for a huge page, and kswapd is not woken. Simplified:
 * areas begin at a border of 2 MiB; a huge page that is given back in part, or swapped out, is split at once; khugepaged is absent.
 */
import { Rq } from '../../sched/rq';
import { clearTable, Folio, newFolio, Pg, Region, setEntry, setTable, slotOf, TABLE_SHIFT } from '../folio';
import { addToTail, link } from '../lru';
import { addListPages, listOf, overHigh, stockOf, tryChargePages, uncharge } from '../memcg';
import { costs, count, Lru, mm, Vm } from '../mm';
import { freePages, Gate, markOf } from '../page_alloc';
import { For } from '../phase';
import { noteCharge } from '../rue/charged';
import { noteTaken, tierOf } from '../rue/tiers';
import { TaskMm } from '../task_mm';
import { Pcp, pcpOf, Zone, zoneAt } from '../zone';
import { freshPlace, giveBlock, NO_PLACE, takeBlock } from './blocks';
import { highestZone, zoneWatermarkOk } from './watermark';

/** HPAGE_PMD_ORDER, HPAGE_PMD_NR. */
const HUGE_ORDER: u32 = 9;
const HUGE_PAGES: u32 = 1 << HUGE_ORDER;

/** Slots of a region that a huge page fills. */
function hugeSlots(): u32 {
  return HUGE_PAGES >> mm.grainBits;
}

/** What a page that has no page table gets first: one, or one for a huge page that is at hand. */
export function tableFor(cpu: u32, m: TaskMm, region: Region, page: u32): u32 {
  if (!mm.hugeAlways || (page >> TABLE_SHIFT) + 1 > region.pages >> TABLE_SHIFT) return For.TABLE;
  let zone = takeHuge(cpu, Gate.LOW, 0);
  if (zone == null) zone = takeHuge(cpu, Gate.MIN, tierOf(m.group));
  if (zone == null) {
    count(Vm.THP_FAULT_FALLBACK, 1);
    return For.TABLE;
  }
  if (!chargeHuge(m)) {
    count(Vm.THP_FAULT_FALLBACK, 1);
    count(Vm.THP_FAULT_FALLBACK_CHARGE, 1);
    giveHuge(cpu, zone);
    return For.TABLE;
  }
  m.huge = zone;
  mm.inFlight += HUGE_PAGES;
  return For.HUGE;
}

/** A huge page of the highest zone that may give one, by way of the CPU's list of them. */
function takeHuge(cpu: u32, gate: u32, tier: i32): Zone {
  for (let i = <i32>highestZone(); i >= 0; i--) {
    const zone = zoneAt(i);
    if (!zoneWatermarkOk(zone, HUGE_ORDER, markOf(zone, gate, tier), highestZone())) continue;
    const pcp = pcpOf(zone, cpu);
    if (pcp.huge == 0 && !refillHuge(zone, pcp)) continue;
    pcp.huge--;
    pcp.others -= HUGE_PAGES;
    zone.taken += HUGE_PAGES;
    count(Vm.PGALLOC, HUGE_PAGES);
    return zone;
  }
  return changetype<Zone>(0);
}

/** Lists take two at a time, but those of the smallest zones. */
function refillHuge(zone: Zone, pcp: Pcp): bool {
  for (let n = zone.pcpBatch > 1 ? 2 : 1; n != 0 && takeBlock(zone.blocks, HUGE_ORDER) != NO_PLACE; n--) {
    zone.free -= HUGE_PAGES;
    pcp.others += HUGE_PAGES;
    pcp.huge++;
  }
  return pcp.huge != 0;
}

/** A huge page goes back to its zone; as single pages where others have given that pages which were not its own. */
function giveHuge(cpu: u32, zone: Zone): void {
  if (zone.taken < HUGE_PAGES) {
    freePages(zone, cpu, HUGE_PAGES);
    return;
  }
  count(Vm.PGFREE, HUGE_PAGES);
  zone.taken -= HUGE_PAGES;
  zone.free += HUGE_PAGES;
  giveBlock(zone.blocks, HUGE_ORDER);
}

/** A huge page goes from a CPU's list to its zone. */
export function giveHugeBack(zone: Zone, pcp: Pcp): void {
  pcp.huge--;
  pcp.others -= HUGE_PAGES;
  zone.free += HUGE_PAGES;
  giveBlock(zone.blocks, HUGE_ORDER);
}

/** It is charged as a whole, and nobody reclaims for that, either. */
function chargeHuge(m: TaskMm): bool {
  const group = m.group;
  if (group.parent == null) {
    group.usage += HUGE_PAGES;
    return true;
  }
  if (tryChargePages(group, HUGE_PAGES) != null) return false;
  m.costNs += costs.chargeNs;
  if (overHigh(group) != null) m.overHigh += HUGE_PAGES;
  if (group.qos != 0) noteCharge(m, group, HUGE_PAGES);
  return true;
}

/** The page table has come, and the huge page is there. */
export function placeHuge(cpu: u32, m: TaskMm, region: Region, page: u32): void {
  const zone = m.huge;
  m.huge = changetype<Zone>(0);
  mm.inFlight -= HUGE_PAGES;
  setTable(region, page);
  m.tables++;
  mm.kernelPages++;
  const first = slotOf(region, page & ~(HUGE_PAGES - 1));
  const folio = newFolio(region, first, m.group, zone);
  folio.place = freshPlace(zone.blocks, HUGE_ORDER);
  region.resident += HUGE_PAGES - folio.pages;
  folio.pages = <u16>HUGE_PAGES;
  folio.flags = Pg.YOUNG | Pg.DIRTY | Pg.HUGE;
  for (let slot = first; slot < first + hugeSlots(); slot++) setEntry(region, slot, changetype<usize>(folio));
  link(listOf(m.group, Lru.INACTIVE_ANON), folio);
  addListPages(m.group, Lru.INACTIVE_ANON, HUGE_PAGES);
  // Large folios do not wait in the CPU's collection, and take it with them.
  stockOf(cpu).lruAdds = 0;
  count(Vm.THP_FAULT_ALLOC, 1);
  if (m.group.qos != 0) noteTaken(m.group, zone);
  m.costNs += costs.hugeFaultNs;
}

/** A task that dies before its huge page has come to its place gives it back. */
export function dropHuge(cpu: u32, m: TaskMm): void {
  if (m.huge == null) return;
  mm.inFlight -= HUGE_PAGES;
  uncharge(m.group, HUGE_PAGES);
  giveHuge(cpu, m.huge);
  m.huge = changetype<Zone>(0);
}

/** Whether a huge page lies wholly before the slot `end`, seen from its first slot on. */
export function isWhole(folio: Folio, slot: u32, end: u32): bool {
  return folio.slot == slot && slot + hugeSlots() <= end;
}

/** A huge page leaves its slots and its zone gets it back, as does the allocator its page table. */
export function unmapHuge(rq: Rq, m: TaskMm, folio: Folio): void {
  const region = folio.region;
  for (let i: u32 = 0; i < hugeSlots(); i++) setEntry(region, folio.slot + i, 0);
  clearTable(region, folio.slot << mm.grainBits);
  m.tables--;
  mm.kernelPages--;
  uncharge(m.group, 1);
  freePages(zoneAt(highestZone()), rq.id, 1);
  giveHuge(rq.id, zoneAt(folio.zone));
}

/** A huge page becomes folios of the usual size: the first stays where it is, the others come to the tail of its list. */
export function splitHuge(folio: Folio, isListed: bool): void {
  const region = folio.region;
  const group = folio.group;
  const size: u16 = (<u16>1) << (<u16>mm.grainBits);
  count(Vm.THP_SPLIT_PAGE, 1);
  folio.flags &= ~Pg.HUGE;
  if (isListed) addListPages(group, folio.list, <i64>size - HUGE_PAGES);
  folio.pages = size;
  for (let i: u32 = 1; i < hugeSlots(); i++) {
    const piece = newFolio(region, folio.slot + i, group, zoneAt(folio.zone));
    region.resident--;
    piece.pages = size;
    piece.flags = folio.flags & ~Pg.ISOLATED;
    piece.list = folio.list;
    piece.place = folio.place + i * size;
    addToTail(piece);
  }
}
