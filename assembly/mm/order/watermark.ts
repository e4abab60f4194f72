/**
 * Whether a zone may give a block, and how its free pages lie (mm/page_alloc.c __zone_watermark_ok; mm/vmstat.c __fragmentation_index; mm/vmscan.c
 * pgdat_balanced).
 */
import { mm } from '../mm';
import { isBalanced, Zone, zoneAt } from '../zone';
import { blocksOf, hasBlock, LARGEST_ORDER } from './blocks';

/** Orders above it are costly: nobody is killed for them, and they are not tried for ever (PAGE_ALLOC_COSTLY_ORDER). */
export const COSTLY_ORDER: u32 = 3;

/** Above the mark there is room for the block, and there is one. */
export function zoneWatermarkOk(zone: Zone, order: u32, mark: u64, highest: u32): bool {
  if (zone.free < mark + zone.reserveFor(highest) + (1 << order)) return false;
  return order == 0 || hasBlock(zone.blocks, order);
}

/** Some zone that the request may use meets its high mark for the order. */
export function isBalancedFor(order: u32, highest: u32): bool {
  if (order == 0) return isBalanced(highest);
  for (let i: u32 = 0; i <= highest; i++) {
    if (zoneWatermarkOk(zoneAt(i), order, zoneAt(i).highMark, highest)) return true;
  }
  return false;
}

/** Why a block is missing, in thousandths: towards 0 for want of memory, towards 1000 because it lies in pieces; −1000: it is not. */
export function fragmentationIndex(zone: Zone, order: u32): i32 {
  if (hasBlock(zone.blocks, order)) return -1000;
  let blocks: u64 = 0;
  for (let k: u32 = 0; k <= LARGEST_ORDER; k++) blocks += blocksOf(zone.blocks, k);
  if (blocks == 0) return 0;
  return 1000 - <i32>((1000 + (zone.free * 1000) / (1 << order)) / blocks);
}

/** The zones that any request may use. */
export function highestZone(): u32 {
  return mm.nrZones - 1;
}
