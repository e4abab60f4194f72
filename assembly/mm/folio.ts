/**
 * Folios and where they are: a region (an anonymous area or a file) has a slot for every folio's worth of its pages, which holds the folio
 * or, when it was evicted, the shadow by which a refault is judged (struct folio, the page cache's xarray, swap entries).
 *
 *   slot, u64:   0 never there │ folio's address │ 1 + 2 swapped + 4 workingset + memcg << 3 + pages << 16 + eviction << 32
 */
import { allocateBytes } from '../base/arena';
import { Task } from '../task/task';
import { MemCgroup } from './memcg';
import { Lru, mm } from './mm';
import { Zone } from './zone';

export namespace Pg {
  /** Read once, or found young once (PG_referenced). */
  export const REFERENCED: u16 = 1;
  /** Touched through its mapping since it was last looked at. */
  export const YOUNG: u16 = 2;
  export const WORKINGSET: u16 = 4;
  export const DIRTY: u16 = 8;
  export const WRITEBACK: u16 = 16;
  /** Being read in. */
  export const LOCKED: u16 = 32;
  /** Freed as soon as it is written (PG_reclaim). */
  export const RECLAIM: u16 = 64;
  /** Off its list (isolated). */
  export const ISOLATED: u16 = 128;
  /** Its owner is gone: freed when the device is done with it. */
  export const ORPHAN: u16 = 256;
  /** Whoever reads it has the next window read (PG_readahead). */
  export const READAHEAD: u16 = 512;
  /** Somebody keeps it: a file system a block of its own whose buffer it needs, a task a page that comes from swap for it. Reclaim looks at it in vain. */
  export const HELD: u16 = 1024;
  /** It has been written, and has buffer heads (PG_private). */
  export const BUFFERS: u16 = 2048;
  /** A huge page: it fills all slots of 2 MiB. */
  export const HUGE: u16 = 4096;
}

@unmanaged
export class Folio {
  /** Towards the tail and towards the head of its list. */
  next: Folio;
  prev: Folio;
  region: Region;
  group: MemCgroup;
  slot: u32;
  /** Tasks that wait until it is read. */
  waiters: Task;
  pages: u16;
  zone: u8;
  list: u8;
  flags: u16;
  /** Where its first page lies (order/blocks.ts). */
  place: u32;
  /** Next of a request to a device. */
  ioNext: Folio;
}

/** An anonymous area of a task, or a file. */
@unmanaged
export class Region {
  index: u32;
  pages: u32;
  file: bool;
  /** Address of u64[slots]. */
  slots: usize;
  nrSlots: u32;
  /** Device of a file. */
  device: u32;
  resident: u64;
  swapped: u64;
  /** Whose area it is; null: a file. */
  owner: Task;
  /** Of a file: a bit for each dirty slot, pages under writeback, since when it is dirty, where the flusher goes on; on which queue (writeback/wb.ts). */
  dirtyBits: usize;
  /** Address of a byte for each node of its tree (writeback/cache_nodes.ts). */
  nodes: usize;
  nrWriteback: u64;
  dirtiedWhen: u64;
  writebackSlot: u32;
  onWb: bool;
  wbNext: Region;
  /** Address of a bit for each page table of an area that is there, and for each directory of 512 of them. */
  tables: usize;
  directories: usize;
}

/** A folio has a cache line of its own. */
const FOLIO_BYTES: usize = 64;

/** Records for folios: used ones, by next, and those that never were. */
@unmanaged
class FolioPool {
  free: Folio;
  left: u32;
  next: usize;
}

const pool: FolioPool = changetype<FolioPool>(memory.data(<i32>offsetof<FolioPool>(), 8));

/** Lays out room for `count` folios. */
export function newFolios(count: u32): void {
  pool.next = allocateBytes(<usize>count * FOLIO_BYTES);
  pool.left = count;
}

export function newRegion(region: Region, index: u32, pages: u32, file: bool): void {
  region.index = index;
  region.pages = pages;
  region.file = file;
  region.nrSlots = ((pages - 1) >> mm.grainBits) + 1;
  region.slots = allocateBytes((<usize>region.nrSlots) << 3);
  if (file) {
    region.nodes = allocateBytes(((<usize>pages - 1) >> 6) + 1);
    region.dirtyBits = allocateBytes(((<usize>region.nrSlots + 63) >> 6) << 3);
    return;
  }
  region.tables = allocateBytes(((<usize>pages - 1) >> (TABLE_SHIFT + 3)) + 1);
  region.directories = allocateBytes(((<usize>pages - 1) >> (DIRECTORY_SHIFT + 3)) + 1);
}

/** Pages that a page table maps, and a directory of tables: powers of two. */
export const TABLE_SHIFT: u32 = 9;
export const DIRECTORY_SHIFT: u32 = 18;

function bit(bits: usize, index: u32): bool {
  return ((load<u8>(bits + (index >> 3)) >> <u8>(index & 7)) & 1) != 0;
}

function setBit(bits: usize, index: u32): void {
  store<u8>(bits + (index >> 3), load<u8>(bits + (index >> 3)) | <u8>((<u32>1) << (index & 7)));
}

export function hasTable(region: Region, page: u32): bool {
  return bit(region.tables, page >> TABLE_SHIFT);
}

export function hasDirectory(region: Region, page: u32): bool {
  return bit(region.directories, page >> DIRECTORY_SHIFT);
}

/** The page's table is there from now on; they stay until the task exits. */
export function setTable(region: Region, page: u32): void {
  setBit(region.tables, page >> TABLE_SHIFT);
}

/** A huge page has had it in store, and is gone. */
export function clearTable(region: Region, page: u32): void {
  const index = page >> TABLE_SHIFT;
  const address = region.tables + (index >> 3);
  store<u8>(address, load<u8>(address) & ~((<u8>1) << (<u8>(index & 7))));
}

export function setDirectory(region: Region, page: u32): void {
  setBit(region.directories, page >> DIRECTORY_SHIFT);
}

export function slotOf(region: Region, page: u32): u32 {
  return page >> mm.grainBits;
}

export function entryOf(region: Region, slot: u32): u64 {
  return load<u64>(region.slots + ((<usize>slot) << 3));
}

export function setEntry(region: Region, slot: u32, entry: u64): void {
  store<u64>(region.slots + ((<usize>slot) << 3), entry);
}

/** The folio of a slot, or null. */
export function folioAt(entry: u64): Folio {
  return changetype<Folio>(entry & 1 ? <usize>0 : <usize>entry);
}

/** Whether a page is in memory: a slot's pages come in from its first on. */
export function hasPage(folio: Folio, page: u32): bool {
  return mm.grainBits == 0 || (page & ((1 << mm.grainBits) - 1)) < folio.pages;
}

/** A folio of one page in its slot, on no list yet. */
export function newFolio(region: Region, slot: u32, group: MemCgroup, zone: Zone): Folio {
  let folio = pool.free;
  if (folio != null) {
    pool.free = folio.next;
  } else {
    // In all builds: beyond them lies what is others'.
    if (pool.left == 0) unreachable();
    pool.left--;
    folio = changetype<Folio>(pool.next);
    pool.next += FOLIO_BYTES;
  }
  folio.region = region;
  folio.slot = slot;
  folio.group = group;
  folio.zone = <u8>zone.index;
  folio.pages = 1;
  folio.flags = 0;
  folio.waiters = changetype<Task>(0);
  folio.list = region.file ? <u8>Lru.INACTIVE_FILE : <u8>Lru.INACTIVE_ANON;
  setEntry(region, slot, changetype<usize>(folio));
  region.resident++;
  return folio;
}

/** The folio's record may be used again. */
export function dropFolio(folio: Folio): void {
  folio.region.resident -= folio.pages;
  folio.next = pool.free;
  pool.free = folio;
}
