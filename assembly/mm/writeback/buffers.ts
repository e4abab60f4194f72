/**
 * Buffer heads: written pages have one each, which the kernel needs memory for, and which reclaim has to drop with the page (fs/buffer.c
 * alloc_page_buffers, try_to_free_buffers; a slab of 104 bytes each).
 *
 * Simplified: a page for them comes from what is free at once, uncharged, and goes back when more than five are unused (min_partial).
 */
import { wakeupKswapd } from '../kswapd';
import { mm } from '../mm';
import { freePages, Gate, takePage } from '../page_alloc';
import { zoneAt } from '../zone';
import { domain } from './wb';

/** Buffer heads in a page, and unused pages that the slab keeps (MIN_PARTIAL). */
const PER_PAGE: u64 = 39;
const SPARE: u64 = 5;

/** A page gets its buffer head; returns what that costs beyond the page itself. */
export function addBuffers(cpu: u32, pages: u64): u64 {
  domain.buffers += pages;
  let cost: u64 = 0;
  while (domain.buffers > domain.bufferPages * PER_PAGE) {
    let zone = takePage(cpu, mm.nrZones - 1, Gate.LOW, 0);
    if (zone == null) {
      wakeupKswapd();
      zone = takePage(cpu, mm.nrZones - 1, Gate.MIN, 0);
    }
    if (zone == null) break;
    cost += mm.refillCostNs;
    domain.bufferPages++;
    mm.kernelPages++;
  }
  return cost;
}

/** Reclaim drops the buffer heads of pages that it frees. */
export function dropBuffers(cpu: u32, pages: u64): void {
  domain.buffers -= pages;
  while (domain.bufferPages > SPARE && (domain.bufferPages - SPARE - 1) * PER_PAGE >= domain.buffers) {
    domain.bufferPages--;
    mm.kernelPages--;
    freePages(zoneAt(mm.nrZones - 1), cpu, 1);
  }
}
