/**
 * The page cache's own memory: a node of its tree for every 64 pages of a file, which stays as long as shadows of evicted pages lie in it (lib/xarray.c; a
 * slab of 576 bytes each, 28 in four pages), and the shrinker of nodes that hold nothing else (mm/workingset.c workingset_update_node,
 * count_shadow_nodes, scan_shadow_nodes).
 *
 * Its pages come from the CPU's lists of other kinds of pages, and so decide how soon the pages that kswapd frees reach the zone. Simplified: without
 * nodes above the lowest level; charged to nobody, and bounded for the machine as a whole; nodes are shrunk in the order of files, in no time.
 */
import { at } from '../../base/arena';
import { entryOf, Folio, Region, setEntry } from '../folio';
import { wakeupKswapd } from '../kswapd';
import { mm } from '../mm';
import { freePages, Gate, takeUnmovable } from '../page_alloc';
import { zoneAt } from '../zone';

/** XA_CHUNK_SHIFT */
const PAGES_SHIFT: u32 = 6;
const NODES_OF_SLAB: u32 = 28;
const SLAB_PAGES: u32 = 4;
/** Unused slabs that are kept (MIN_PARTIAL). */
const SPARE: u32 = 5;
/** The shrinker frees no fewer at a time (SHRINK_BATCH). */
const BATCH: u64 = 128;

/** A node is a byte of its file: how many of its pages are cached, and 1; 0: it is not there. */
const ONLY_SHADOWS: u8 = 1;

@unmanaged
class CacheNodes {
  /** Address of Region[nrFiles]. */
  files: usize;
  nrFiles: u32;
  /** Nodes of slabs that are not in use; nodes that hold only shadows. */
  free: u32;
  onlyShadows: u64;
  /** Where the shrinker goes on. */
  file: u32;
  node: u32;
}

const self: CacheNodes = changetype<CacheNodes>(memory.data(<i32>offsetof<CacheNodes>(), 64));

export function setCacheFiles(files: usize, count: u32): void {
  self.files = files;
  self.nrFiles = count;
}

function addressOf(file: Region, page: u32): usize {
  return file.nodes + (page >> PAGES_SHIFT);
}

/** The folio's last page has come into its file. */
export function enterNode(cpu: u32, folio: Folio): void {
  const address = addressOf(folio.region, (folio.slot << mm.grainBits) + folio.pages - 1);
  let pages = load<u8>(address);
  if (pages == 0) {
    if (!newNode(cpu)) return;
    pages = ONLY_SHADOWS;
  } else if (pages == ONLY_SHADOWS) {
    self.onlyShadows--;
  }
  store<u8>(address, pages + 1);
}

function newNode(cpu: u32): bool {
  if (self.free == 0) {
    if (takeUnmovable(cpu, SLAB_PAGES, Gate.LOW, 0) == null) {
      wakeupKswapd();
      if (takeUnmovable(cpu, SLAB_PAGES, Gate.MIN, 0) == null) return false;
    }
    mm.kernelPages += SLAB_PAGES;
    self.free = NODES_OF_SLAB;
  }
  self.free--;
  return true;
}

/** The folio's pages leave their shadow behind. */
export function leaveNodes(folio: Folio): void {
  const first = folio.slot << mm.grainBits;
  for (let page: u32 = 0; page < folio.pages; page++) {
    const address = addressOf(folio.region, first + page);
    const pages = load<u8>(address);
    // There was no memory for the node.
    if (pages <= ONLY_SHADOWS) continue;
    store<u8>(address, pages - 1);
    if (pages - 1 == ONLY_SHADOWS) self.onlyShadows++;
  }
}

/** Half of the nodes that are more than an eighth of the machine's pages go, their shadows with them (do_shrink_slab without seeks). */
export function shrinkNodes(cpu: u32): void {
  const most = mm.managed >> (PAGES_SHIFT - 3);
  if (self.onlyShadows <= most) return;
  const count = (self.onlyShadows - most) / 2;
  if (count < BATCH) return;
  for (let left = count; left != 0; ) if (shrinkNext()) left--;
  self.free += <u32>count;
  while (self.free > (SPARE + 1) * NODES_OF_SLAB) {
    self.free -= NODES_OF_SLAB;
    mm.kernelPages -= SLAB_PAGES;
    freePages(zoneAt(mm.nrZones - 1), cpu, SLAB_PAGES);
  }
}

/** Frees the shrinker's next node, if it holds only shadows. */
function shrinkNext(): bool {
  const file = at<Region>(self.files, self.file);
  const first = self.node << PAGES_SHIFT;
  if (first >= file.pages) {
    self.node = 0;
    self.file = (self.file + 1) % self.nrFiles;
    return false;
  }
  self.node++;
  if (load<u8>(addressOf(file, first)) != ONLY_SHADOWS) return false;
  store<u8>(addressOf(file, first), 0);
  self.onlyShadows--;
  const end = min(first + (1 << PAGES_SHIFT), file.pages);
  for (let slot = first >> mm.grainBits; slot << mm.grainBits < end; slot++) {
    if (entryOf(file, slot) & 1) setEntry(file, slot, 0);
  }
  return true;
}
