/**
 * Zones: how many pages are free, the marks that decide who may take one, and the per-CPU lists in front of them (mm/page_alloc.c
 * __setup_per_zone_wmarks, setup_per_zone_lowmem_reserve, zone_batchsize, zone_highsize, nr_pcp_free; mm/khugepaged.c
 * set_recommended_min_free_kbytes).
 */
import { allocateArray, at } from '../base/arena';
import { groupAt } from './memcg';
import { mm } from './mm';
import { Blocks, LARGEST_ORDER, pagesIn } from './order/blocks';
import { Deferral } from './order/deferral';
import { Returns } from './order/returns';

/** DMA, DMA32, Normal. */
export const MAX_ZONES: u32 = 3;
/** sysctl_lowmem_reserve_ratio: managed pages above, divided by this, are kept for requests that can use nothing else. */
const LOWMEM_RESERVE_RATIO: StaticArray<u64> = [256, 256, 32];
export const PAGEBLOCK_ORDER: u32 = 9;
export const PAGEBLOCK_PAGES: u64 = 1 << PAGEBLOCK_ORDER;

/** A CPU's list of free pages of a zone (struct per_cpu_pages). */
@unmanaged
export class Pcp {
  count: u32;
  /** Pages on the lists of other kinds, which count, too. */
  others: u32;
  /** Frees in a row double what goes back to the zone at a time. */
  freeFactor: u32;
  /** Huge pages on it, whose pages are among the others. */
  huge: u32;
}

@unmanaged
export class Zone {
  index: u32;
  managed: u64;
  free: u64;
  /** Pages that are neither free nor on a CPU's list. */
  taken: u64;
  /** Marks without the boost. */
  min: u64;
  low: u64;
  high: u64;
  /** After a fallback to another kind of block all marks are higher until kswapd has run (watermark_boost). */
  boost: u64;
  /** A page has come from a block of another kind. */
  fellBack: bool;
  /** Kept for requests whose highest zone is 0, 1, 2. */
  reserve0: u64;
  reserve1: u64;
  reserve2: u64;
  pcpBatch: u32;
  pcpHigh: u32;
  /** kswapd reclaims: lists are kept short (ZONE_RECLAIM_ACTIVE). */
  reclaimActive: bool;
  /** Address of Pcp[cpus]. */
  pcps: usize;
  /** Where blocks are counted: its free pages by order, what comes back to them, and failures of compaction. */
  blocks: Blocks;
  returns: Returns;
  deferral: Deferral;

  reserveFor(highest: u32): u64 {
    return highest == 0 ? this.reserve0 : highest == 1 ? this.reserve1 : this.reserve2;
  }

  setReserve(highest: u32, pages: u64): void {
    if (highest == 0) this.reserve0 = pages;
    else if (highest == 1) this.reserve1 = pages;
    else this.reserve2 = pages;
  }

  @inline get minMark(): u64 {
    return this.min + this.boost;
  }

  @inline get lowMark(): u64 {
    return this.low + this.boost;
  }

  @inline get highMark(): u64 {
    return this.high + this.boost;
  }
}

export function zoneAt(index: u32): Zone {
  return at<Zone>(mm.zones, index);
}

export function pcpOf(zone: Zone, cpu: u32): Pcp {
  return at<Pcp>(zone.pcps, cpu);
}

/** Lays out a zone with all its pages free. */
export function newZone(index: u32, managed: u64, cpus: u32): void {
  const zone = zoneAt(index);
  zone.index = index;
  zone.managed = managed;
  zone.free = managed;
  zone.pcps = allocateArray<Pcp>(cpus);
}

/** ⌊√n⌋ (int_sqrt). */
export function isqrt(n: u64): u64 {
  let root = <u64>Math.sqrt(<f64>n);
  while (root * root > n) root--;
  while ((root + 1) * (root + 1) <= n) root++;
  return root;
}

/** What the kernel computes at boot (init_per_zone_wmark_min, calculate_min_free_kbytes); huge pages raise it further. */
export function defaultMinFreeKb(hugePages: bool): u64 {
  let lowmem: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) lowmem += zoneAt(i).managed;
  const kb = min(max(isqrt(lowmem * 4 * 16), 128), 262144);
  if (!hugePages) return kb;
  // Blocks for each kind of page and its fallbacks (MIGRATE_PCPTYPES is 3), at most 5 % of memory.
  const recommended = PAGEBLOCK_PAGES * mm.nrZones * (2 + 3 * 3);
  return max(kb, min(recommended, lowmem / 20) << 2);
}

/** All marks, reserves and list sizes from min_free_kbytes and watermark_scale_factor. */
export function setupPerZoneWmarks(minFreeKb: u64, scaleFactor: u64, cpus: u32): void {
  const minPages = minFreeKb >> 2;
  let managed: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) managed += zoneAt(i).managed;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    zone.min = (minPages * zone.managed) / managed;
    const gap = max(zone.min >> 2, (zone.managed * scaleFactor) / 10000);
    zone.low = zone.min + gap;
    zone.high = zone.low + gap;
    let above: u64 = 0;
    for (let j = i + 1; j < MAX_ZONES; j++) {
      if (j < mm.nrZones) above += zoneAt(j).managed;
      zone.setReserve(j, above / LOWMEM_RESERVE_RATIO[i]);
    }
    zone.pcpBatch = batchSize(zone.managed);
    zone.pcpHigh = max(<u32>(zone.low / cpus), zone.pcpBatch << 2);
  }
}

/** zone_batchsize: a thousandth of the zone, 256 pages at most, a quarter of that, and one less than a power of two. */
function batchSize(managed: u64): u32 {
  const batch = max(<u32>(min(managed >> 10, 256) / 4), 1);
  const rounded = batch + (batch >> 1);
  return max((1 << (31 - clz(rounded))) - 1, 1);
}

/** Free pages of all zones. */
export function totalFree(): u64 {
  let free: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) free += zoneAt(i).free;
  return free;
}

export function totalHighMark(): u64 {
  let high: u64 = 0;
  for (let i: u32 = 0; i < mm.nrZones; i++) high += zoneAt(i).highMark;
  return high;
}

/** No page is lost and none is there twice: an invariant at every event. */
export function pagesAreConserved(): bool {
  const root = groupAt(0);
  let pages = root.lists0 + root.lists1 + root.lists2 + root.lists3 + mm.kernelPages + mm.inFlight;
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    let unused = zone.free;
    for (let cpu: u32 = 0; cpu < mm.nrCpus; cpu++) unused += pcpOf(zone, cpu).count + pcpOf(zone, cpu).others;
    if (mm.orders && pagesIn(zone.blocks, 0, LARGEST_ORDER + 1) != zone.free) return false;
    if (zone.taken > zone.managed || unused + zone.taken != zone.managed) return false;
    pages += unused;
  }
  return pages == mm.managed;
}

/** Some zone that the request may use meets its high mark (pgdat_balanced). */
export function isBalanced(highest: u32): bool {
  for (let i: u32 = 0; i <= highest; i++) {
    const zone = zoneAt(i);
    if (zone.free > zone.highMark + zone.reserveFor(highest)) return true;
  }
  return false;
}
