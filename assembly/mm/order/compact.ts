/**
 * Compaction: pages in use are moved out of the way, into free ones that lie elsewhere, until a block of some order is free (mm/compaction.c
 * try_to_compact_pages, __compaction_suitable, compact_zone, defer_compaction).
 *
 * Simplified: blocks are counted, so what is moved out of a block is what lies in one in the mean; pages of the kernel lie in blocks of their own, as its
 * grouping by mobility means it; a block is made in one go, whoever asks for it.
 */
import { costs, count, mm, Vm } from '../mm';
import { groupAt } from '../memcg';
import { markOf } from '../page_alloc';
import { Zone, zoneAt } from '../zone';
import { gather, pagesIn } from './blocks';
import { defer, isDeferred, succeed } from './deferral';
import { COSTLY_ORDER, fragmentationIndex, zoneWatermarkOk } from './watermark';

export namespace Compact {
  /** Too little is free to move anything to. */
  export const SKIPPED: u32 = 0;
  /** It has failed of late. */
  export const DEFERRED: u32 = 1;
  /** The zone has been gone through in vain. */
  export const COMPLETE: u32 = 2;
  export const SUCCESS: u32 = 3;
}

/** sysctl_extfrag_threshold: below it a costly block is missing for want of memory. */
const EXTFRAG_THRESHOLD: i32 = 500;

/** Some zone could be compacted: free pages suffice to move others to, and it is for lying in pieces that there is no block. */
export function isSuitable(zone: Zone, order: u32, highest: u32, free: u64): bool {
  const mark = order > COSTLY_ORDER ? zone.lowMark : zone.minMark;
  if (free <= mark + (2 << order) + zone.reserveFor(highest)) return false;
  const index = order > COSTLY_ORDER ? fragmentationIndex(zone, order) : -1000;
  return index < 0 || index > EXTFRAG_THRESHOLD;
}

/** Zones are compacted for a request, the highest first, until one has a block for it above the request's mark. */
export function compactZones(order: u32, highest: u32, gate: u32, asynchronous: bool): u32 {
  mm.compactCostNs = 0;
  let result = Compact.SKIPPED;
  for (let i = <i32>highest; i >= 0; i--) {
    const zone = zoneAt(i);
    if (!asynchronous && isDeferred(zone.deferral, order)) {
      result = max(result, Compact.DEFERRED);
      continue;
    }
    if (zoneWatermarkOk(zone, order, markOf(zone, gate, 0), highest)) return Compact.SUCCESS;
    if (!isSuitable(zone, order, highest, zone.free)) continue;
    if (compactZone(zone, order)) {
      succeed(zone.deferral, order);
      return Compact.SUCCESS;
    }
    if (!asynchronous) defer(zone.deferral, order);
    result = Compact.COMPLETE;
  }
  return result;
}

/** Makes a block of an order; what that costs is added to mm.compactCostNs. False: it cannot be made. */
export function compactZone(zone: Zone, order: u32): bool {
  const size: u64 = 1 << order;
  const small = pagesIn(zone.blocks, 0, order);
  const movable = movablePages(zone);
  if (small < size || movable == 0) {
    count(Vm.COMPACT_MIGRATE_SCANNED, zone.managed);
    mm.compactCostNs += zone.managed * costs.compactScanNs;
    return false;
  }
  const moved = max((size * movable) / (movable + small), 1);
  gather(zone.blocks, order);
  count(Vm.COMPACT_MIGRATE_SCANNED, size);
  count(Vm.PGMIGRATE_SUCCESS, moved);
  mm.compactCostNs += size * costs.compactScanNs + moved * costs.migrateNs;
  return true;
}

/** Pages on lists, which may be moved: those of a zone are its share of all. */
function movablePages(zone: Zone): u64 {
  const root = groupAt(0);
  const listed = root.lists0 + root.lists1 + root.lists2 + root.lists3;
  return min((listed * zone.managed) / mm.managed, zone.taken);
}
