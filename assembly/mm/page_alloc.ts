/**
 * The page allocator: the fast path through a CPU's own list, refills from the zone, and frees back to it (mm/page_alloc.c
 * get_page_from_freelist, rmqueue_pcplist, rmqueue_bulk, free_unref_page_commit). What happens when no zone has enough is get_page.ts.
 *
 * A page may be taken where the zone's free pages lie above the mark of the request plus what is reserved for requests that can use
 * nothing else. Whoever changes who may take the last pages (priorities, slices of bandwidth) changes `markOf` and nothing else.
 */
import { costs, count, mm, Vm } from './mm';
import { takePages } from './order/blocks';
import { giveHugeBack } from './order/huge';
import { comeBack } from './order/returns';
import { tieredMin } from './rue/tiers';
import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES, Pcp, pcpOf, Zone, zoneAt } from './zone';

/** Who asks: what share of the min mark keeps it out (ALLOC_WMARK_LOW, _MIN, ALLOC_MIN_RESERVE, ALLOC_NON_BLOCK, ALLOC_OOM, ALLOC_NO_WATERMARKS). */
export namespace Gate {
  export const LOW: u32 = 0;
  export const MIN: u32 = 1;
  /** __GFP_HIGH, real-time tasks: half of it. */
  export const RESERVE: u32 = 2;
  /** GFP_ATOMIC: three eighths. */
  export const ATOMIC: u32 = 3;
  /** An OOM victim: half. */
  export const OOM: u32 = 4;
  /** PF_MEMALLOC: none. */
  export const NONE: u32 = 5;
  export const HIGH: u32 = 6;
}

/**
 * Free pages in blocks for unmovable data, which lie in the highest zone, once those for movable data are used up: one and a half blocks. Assumption; as nothing is known of the
 * layout, and freed pages are movable, they are only reached where kswapd finds nothing to free.
 */
const OTHER_BLOCKS: u64 = PAGEBLOCK_PAGES + PAGEBLOCK_PAGES / 2;

/** The mark of a zone for a kind of request of a tier (__zone_watermark_ok). Above it, a page may be taken. */
export function markOf(zone: Zone, gate: u32, tier: i32): u64 {
  if (gate == Gate.LOW) return zone.lowMark;
  if (gate == Gate.MIN && tier == 0) return zone.minMark;
  return lowerMark(zone, gate, tier);
}

function lowerMark(zone: Zone, gate: u32, tier: i32): u64 {
  const mark = tier == 0 ? zone.minMark : tieredMin(zone, tier);
  switch (gate) {
    case Gate.MIN:
      return mark;
    case Gate.HIGH:
      return zone.highMark;
    case Gate.RESERVE:
    case Gate.OOM:
      return mark - mark / 2;
    case Gate.ATOMIC: {
      const half = mark - mark / 2;
      return half - half / 4;
    }
    default:
      return 0;
  }
}

/** Takes one page of the highest zone that may give one, or returns null. `tier`: how much lower or higher its group sees the min mark. */
export function takePage(cpu: u32, highest: u32, gate: u32, tier: i32): Zone {
  for (let i = <i32>highest; i >= 0; i--) {
    const zone = zoneAt(i);
    if (zone.free <= markOf(zone, gate, tier) + zone.reserveFor(highest) && gate != Gate.NONE) continue;
    const pcp = pcpOf(zone, cpu);
    if (pcp.count == 0) {
      if (!refill(zone, pcp)) continue;
    } else {
      mm.refillCostNs = 0;
    }
    pcp.count--;
    pcp.freeFactor >>= 1;
    zone.taken++;
    count(Vm.PGALLOC, 1);
    return zone;
  }
  return changetype<Zone>(0);
}

/** The same for a block of the kernel's own, which comes from a list of another kind (MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE). */
export function takeUnmovable(cpu: u32, pages: u32, gate: u32, tier: i32): Zone {
  const highest = mm.nrZones - 1;
  for (let i = <i32>highest; i >= 0; i--) {
    const zone = zoneAt(i);
    if (zone.free < markOf(zone, gate, tier) + zone.reserveFor(highest) + pages && gate != Gate.NONE) continue;
    const pcp = pcpOf(zone, cpu);
    mm.refillCostNs = 0;
    if (pcp.others - (pcp.huge << PAGEBLOCK_ORDER) < pages && !refillOthers(zone, pcp, pages)) continue;
    pcp.others -= pages;
    pcp.freeFactor >>= 1;
    zone.taken += pages;
    count(Vm.PGALLOC, pages);
    return zone;
  }
  return changetype<Zone>(0);
}

/** How many pages the CPU's list holds that the next requests may take without looking further: what can be batched exactly. */
export function readyPages(cpu: u32, highest: u32): u32 {
  const zone = zoneAt(highest);
  if (zone.free <= zone.lowMark + zone.reserveFor(highest)) return 0;
  return pcpOf(zone, cpu).count;
}

/** rmqueue_bulk: a batch of pages comes from the zone to the CPU's list. */
function refill(zone: Zone, pcp: Pcp): bool {
  const pages = min(<u64>zone.pcpBatch, zone.free);
  if (pages == 0) return false;
  zone.free -= pages;
  if (mm.orders) takePages(zone.blocks, <u32>pages);
  pcp.count += <u32>pages;
  mm.refillCostNs = costs.refillNs + pages * costs.refillPageNs;
  if (zone.index == mm.nrZones - 1 && mm.kswapdFailures != 0 && zone.free < OTHER_BLOCKS && !zone.fellBack)
    fallBack(zone);
  return true;
}

/** Blocks for movable pages are used up: one is taken from another kind, and the marks rise (steal_suitable_fallback, boost_watermark). */
function fallBack(zone: Zone): void {
  zone.fellBack = true;
  if (PAGEBLOCK_PAGES * 4 > zone.managed) return;
  const most = max(PAGEBLOCK_PAGES, (zone.high * 15000) / 10000);
  zone.boost = min(zone.boost + PAGEBLOCK_PAGES, most);
}

/** As many such blocks as make a batch come to the CPU's list; lists of all other kinds are counted as one. */
function refillOthers(zone: Zone, pcp: Pcp, pages: u32): bool {
  const blocks = <u32>min(<u64>max(zone.pcpBatch / pages, 2), zone.free / pages);
  if (blocks == 0) return false;
  const batch = blocks * pages;
  zone.free -= batch;
  if (mm.orders) takePages(zone.blocks, batch);
  pcp.others += batch;
  mm.refillCostNs = costs.refillNs + batch * costs.refillPageNs;
  return true;
}

/** Gives pages back to the CPU's list, and a batch from there to the zone whenever it is long (free_unref_page_commit). */
export function freePages(from: Zone, cpu: u32, pages: u32): void {
  count(Vm.PGFREE, pages);
  for (let left = pages; left != 0; ) {
    // A folio of several pages may hold some of another zone.
    const zone = from.taken != 0 ? from : otherTaken();
    const pcp = pcpOf(zone, cpu);
    const high = zone.reclaimActive ? min(zone.pcpBatch << 2, zone.pcpHigh) : zone.pcpHigh;
    const held = pcp.count + pcp.others;
    const room = min(high > held ? high - held : 1, <u32>zone.taken);
    const freed = min(left, room);
    zone.taken -= freed;
    pcp.count += freed;
    left -= freed;
    if (held + freed >= high) shorten(zone, pcp, high);
  }
}

/** free_pcppages_bulk: part of a long list goes to its zone. */
function shorten(zone: Zone, pcp: Pcp, high: u32): void {
  const batch = zone.pcpBatch;
  const held = pcp.count + pcp.others;
  const most = max(<i32>high - <i32>batch, 1);
  const wanted = <i32>(batch << pcp.freeFactor);
  if (wanted < most) pcp.freeFactor++;
  const pages = high < batch ? 1 : max(min(wanted, most), min(<i32>batch, most));
  const own = min(<u32>pages, pcp.count);
  pcp.count -= own;
  let others = min(<u32>pages, held) - own;
  if (others != 0 && pcp.huge != 0) {
    // Lists come in turn, and one huge page is more than enough.
    giveHugeBack(zone, pcp);
    others = 0;
  }
  pcp.others -= others;
  zone.free += own + others;
  if (mm.orders) comeBack(zone, own + others);
  assert(zone.free <= zone.managed);
}

/** The highest zone of which some page is taken. */
function otherTaken(): Zone {
  let index = mm.nrZones - 1;
  while (index > 0 && zoneAt(index).taken == 0) index--;
  return zoneAt(index);
}

/** All CPUs give back what their lists hold (drain_all_pages). What that takes, as long as taking them: assumption. */
export function drainAllPages(cpus: u32): u64 {
  let drained: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    for (let cpu: u32 = 0; cpu < cpus; cpu++) {
      const pcp = pcpOf(zone, cpu);
      while (pcp.huge != 0) giveHugeBack(zone, pcp);
      const pages = pcp.count + pcp.others;
      zone.free += pages;
      drained += pages;
      pcp.count = 0;
      pcp.others = 0;
      if (mm.orders) comeBack(zone, pages);
    }
  }
  return drained * costs.refillPageNs;
}

/** Pages on all CPUs' lists. */
export function pcpPages(cpus: u32): u64 {
  let pages: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    for (let cpu: u32 = 0; cpu < cpus; cpu++) pages += pcpOf(zoneAt(i), cpu).count + pcpOf(zoneAt(i), cpu).others;
  }
  return pages;
}
