/**
 * The lists of folios: adding, moving and taking off, the cost of reclaiming each kind, and the judgement of refaults
 * (mm/swap.c folio_add_lru, folio_mark_accessed, lru_note_cost; mm/workingset.c).
 */
import { Folio, Pg, Region, setEntry } from './folio';
import { addListPages, groupAt, listOf, listPages, LruList, MemCgroup } from './memcg';
import { seenPages } from './memcg_stat';
import { count, Lru, mm, Vm } from './mm';

/** Puts a folio at the head of the list that it names. */
export function addToLru(folio: Folio): void {
  link(listOf(folio.group, folio.list), folio);
  addListPages(folio.group, folio.list, folio.pages);
}

/** The same without counting it: whoever handles many of them counts once. */
export function link(list: LruList, folio: Folio): void {
  folio.prev = changetype<Folio>(0);
  folio.next = list.head;
  if (list.head != null) list.head.prev = folio;
  else list.tail = folio;
  list.head = folio;
}

/** Puts a folio at the tail, where reclaim looks first (folio_rotate_reclaimable). */
export function addToTail(folio: Folio): void {
  const list = listOf(folio.group, folio.list);
  folio.next = changetype<Folio>(0);
  folio.prev = list.tail;
  if (list.tail != null) list.tail.next = folio;
  else list.head = folio;
  list.tail = folio;
  addListPages(folio.group, folio.list, folio.pages);
}

export function takeFromLru(folio: Folio): void {
  unlink(listOf(folio.group, folio.list), folio);
  addListPages(folio.group, folio.list, -(<i64>folio.pages));
}

export function unlink(list: LruList, folio: Folio): void {
  if (folio.prev != null) folio.prev.next = folio.next;
  else list.head = folio.next;
  if (folio.next != null) folio.next.prev = folio.prev;
  else list.tail = folio.prev;
}

/** A read of a cached page (folio_mark_accessed): the second one activates it. */
export function markAccessed(folio: Folio): void {
  if (folio.flags & Pg.ISOLATED) return;
  if ((folio.flags & Pg.REFERENCED) == 0) {
    folio.flags |= Pg.REFERENCED;
  } else if ((folio.list & Lru.ACTIVE) == 0) {
    takeFromLru(folio);
    folio.list |= <u8>Lru.ACTIVE;
    addToLru(folio);
    folio.flags &= ~Pg.REFERENCED;
    count(Vm.PGACTIVATE, folio.pages);
    ageNonresident(folio.group, folio.pages);
  }
}

/** Something left the inactive list: distances of refaults grow, in the groups above, too (workingset_age_nonresident). */
export function ageNonresident(group: MemCgroup, pages: u64): void {
  for (let g = group; g != null; g = g.parent) g.nonresidentAge += pages;
}

/** Notes what reclaiming a kind of page has cost (lru_note_cost). */
export function noteCost(group: MemCgroup, file: bool, pages: u64): void {
  for (let g = group; g != null; g = g.parent) {
    if (file) g.fileCost += pages;
    else g.anonCost += pages;
    const size = g.lists0 + g.lists1 + g.lists2 + g.lists3;
    if (g.anonCost + g.fileCost > size / 4) {
      g.fileCost /= 2;
      g.anonCost /= 2;
    }
  }
}

/** An inactive list that is short for its active one (inactive_is_low). */
export function inactiveIsLow(group: MemCgroup, inactiveList: u32): bool {
  const inactive = seenPages(group, inactiveList);
  const active = seenPages(group, inactiveList + Lru.ACTIVE);
  const gib = (inactive + active) >> 18;
  const ratio = gib != 0 ? <u64>Math.sqrt(10.0 * <f64>gib) : 1;
  return inactive * ratio < active;
}

const SWAPPED: u64 = 2;
const WORKINGSET: u64 = 4;

/** Replaces an evicted folio by its shadow. `target`: the group whose limit or, the root, whose machine was short (workingset_eviction). */
export function leaveShadow(folio: Folio, target: MemCgroup, swapped: bool): void {
  const flags = 1 | (swapped ? SWAPPED : 0) | (folio.flags & Pg.WORKINGSET ? WORKINGSET : 0);
  const what = flags | ((<u64>target.index) << 3) | ((<u64>folio.pages) << 16);
  setEntry(folio.region, folio.slot, what | (target.nonresidentAge << 32));
  ageNonresident(target, folio.pages);
}

export function isSwapped(entry: u64): bool {
  return (entry & 3) == 3;
}

/** Pages that an entry has in swap. */
export function swappedPages(entry: u64): u32 {
  return <u32>((entry >> 16) & 0xffff);
}

/** A page comes back that was evicted: it is active at once if it was away for less than there are active pages (workingset_refault). */
export function refault(folio: Folio, region: Region, shadow: u64): void {
  const evicted = groupAt(<u32>((shadow >> 3) & 0x1fff));
  const distance = (evicted.nonresidentAge - (shadow >> 32)) & 0xffffffff;
  const group = folio.group;
  const file = region.file;
  count(file ? Vm.REFAULT_FILE : Vm.REFAULT_ANON, 1);
  if (file) group.refaultsFile++;
  else group.refaultsAnon++;
  let size = listPages(evicted, Lru.ACTIVE_FILE);
  if (!file) size += listPages(evicted, Lru.INACTIVE_FILE);
  if (mm.swapFree > 0) {
    size += listPages(evicted, Lru.ACTIVE_ANON);
    if (file) size += listPages(evicted, Lru.INACTIVE_ANON);
  }
  if (distance > size) return;
  folio.list |= <u8>Lru.ACTIVE;
  ageNonresident(group, 1);
  count(file ? Vm.ACTIVATE_FILE : Vm.ACTIVATE_ANON, 1);
  for (let g = group; g != null; g = g.parent) {
    if (file) g.activatedFile++;
    else g.activatedAnon++;
  }
  if ((shadow & WORKINGSET) == 0) return;
  folio.flags |= Pg.WORKINGSET;
  noteCost(group, file, 1);
  count(file ? Vm.RESTORE_FILE : Vm.RESTORE_ANON, 1);
}
