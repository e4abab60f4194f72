/**
 * The page cache's own memory: a node of its tree for every 64 pages of a file, which stays as long as shadows of evicted pages lie in it (lib/xarray.c; a
 * slab of 576 bytes each, 28 in four pages).
 *
 * Its pages come from the CPU's lists of other kinds of pages, and so decide how soon the pages that kswapd frees reach the zone. Simplified: only for
 * what is written; never freed again (count_shadow_nodes); without nodes above the lowest level; charged to nobody.
 */
import { Region } from '../folio';
import { mm } from '../mm';
import { takeOthers } from '../page_alloc';
import { domain } from './wb';

/** XA_CHUNK_SHIFT */
const PAGES_SHIFT: u32 = 6;
const NODES_OF_SLAB: u32 = 28;
const SLAB_PAGES: u32 = 4;

/** A page comes into a file: its node may be new. */
export function addNode(cpu: u32, file: Region, page: u32): void {
  const node = page >> PAGES_SHIFT;
  const at = file.nodeBits + (node >> 3);
  const bit = (<u8>1) << (<u8>(node & 7));
  if (load<u8>(at) & bit) return;
  store<u8>(at, load<u8>(at) | bit);
  if (domain.freeNodes == 0) {
    if (!takeOthers(cpu, SLAB_PAGES)) return;
    mm.kernelPages += SLAB_PAGES;
    domain.freeNodes = NODES_OF_SLAB;
  }
  domain.freeNodes--;
}
