/**
 * Swap that is compressed into memory: a page that goes out is compressed by whoever reclaims it, and freed at once; one that comes back is
 * decompressed by whoever touches it, past the swap cache and without readahead (drivers/block/zram/zram_drv.c zram_bvec_write, zram_bvec_read;
 * mm/zsmalloc.c; mm/memory.c do_swap_page, where SWP_SYNCHRONOUS_IO is set and a slot has one user). It costs time of a CPU, never a wait, and pages of
 * the machine's own.
 *
 * Simplified: all pages compress alike, and what is stored lies in the pool without gaps.
 */
import { mm } from './mm';
import { freePages, Gate, takePage } from './page_alloc';
import { zoneAt } from './zone';

@unmanaged
class Zram {
  /** Pages that are stored in one; 0: swap is a device. */
  ratio: f64;
  compressNs: u64;
  decompressNs: u64;
  /** Pages that are in swap, and pages of memory that hold them (mm_stat's orig_data_size and mem_used_total). */
  stored: u64;
  pool: u64;
}

export const zram: Zram = changetype<Zram>(memory.data(<i32>offsetof<Zram>(), 64));

export function isCompressed(): bool {
  return zram.ratio != 0;
}

function poolFor(stored: u64): u64 {
  return <u64>Math.ceil(<f64>stored / zram.ratio);
}

/** Pages go into the pool, for which reclaim may take the last pages of the machine (PF_MEMALLOC). False: there is none. */
export function storeCompressed(cpu: u32, pages: u32): bool {
  const wanted = poolFor(zram.stored + pages);
  while (zram.pool < wanted) {
    if (takePage(cpu, mm.nrZones - 1, Gate.NONE, 0) == null) return false;
    zram.pool++;
    mm.kernelPages++;
  }
  zram.stored += pages;
  return true;
}

/** Pages in swap are no longer needed there (zram_slot_free_notify). */
export function dropCompressed(cpu: u32, pages: u64): void {
  zram.stored -= pages;
  const spare = <u32>(zram.pool - poolFor(zram.stored));
  if (spare == 0) return;
  zram.pool -= spare;
  mm.kernelPages -= spare;
  freePages(zoneAt(mm.nrZones - 1), cpu, spare);
}
