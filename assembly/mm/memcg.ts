/**
 * Memory cgroups: what a group and its descendants use, their limits and protection, and their lists of folios (mm/memcontrol.c
 * page_counter, memcg_stock, mem_cgroup_calculate_protection; struct lruvec).
 */
import { at } from '../base/arena';
import { Folio } from './folio';
import { mm } from './mm';

export const NO_LIMIT: u64 = u64.MAX_VALUE;
/** Pages that a CPU charges at a time (MEMCG_CHARGE_BATCH). */
export const CHARGE_BATCH: u32 = 64;

/** What a group uses as soon as a task is in it: its own records, two pages in all recordings. */
export const GROUP_PAGES: u64 = 2;

/** One list: folios from head (youngest) to tail, and their pages. */
@unmanaged
export class LruList {
  head: Folio;
  tail: Folio;
  pages: u64;
}

@unmanaged
export class MemCgroup {
  index: u32;
  parent: MemCgroup;
  /** Pages charged to it and its descendants. */
  usage: u64;
  swapUsage: u64;
  min: u64;
  low: u64;
  high: u64;
  max: u64;
  swapMax: u64;
  oomGroup: bool;
  /** Some task is in it. */
  used: bool;
  /** Protection as it is effective in the present reclaim. */
  elow: u64;
  emin: u64;
  /** Pages on the lists of it and its descendants. */
  lists0: u64;
  lists1: u64;
  lists2: u64;
  lists3: u64;
  /** The same as of the flush with this number (memcg_stat.ts). */
  seen0: u64;
  seen1: u64;
  seen2: u64;
  seen3: u64;
  seenFlush: u64;
  /** What reclaim of each kind has cost, decaying (lru_note_cost). */
  anonCost: u64;
  fileCost: u64;
  /** Evictions and activations: the clock of refault distances. */
  nonresidentAge: u64;
  /** Refaults that were activated at once, of it and its descendants, and their number when it was last reclaimed. */
  activatedAnon: u64;
  activatedFile: u64;
  seenAnon: u64;
  seenFile: u64;
  /** memory.events. */
  lowEvents: u64;
  highEvents: u64;
  maxEvents: u64;
  oomEvents: u64;
  oomKills: u64;
  oomGroupKills: u64;
  /** memory.stat. */
  scanned: u64;
  stolen: u64;
  refaultsAnon: u64;
  refaultsFile: u64;
  peak: u64;
  /** Dirty pages and pages under writeback of it and those below; the limit of dirty ones, and since when it is that (writeback/limits.ts). */
  nrDirty: u64;
  nrWriteback: u64;
  dirtyLimit: u64;
  dirtyLimitStamp: u64;
  /** All dirty pages that its reclaim met were on their way to be written (LRUVEC_CONGESTED). */
  congested: bool;
  /** Address of LruList[4]. */
  lists: usize;
  /** Pages that nobody owns any more, but a device still works on. */
  orphans: u64;
  /** Address of its GroupQos; 0: RUE is off. */
  qos: usize;
}

export function groupAt(index: u32): MemCgroup {
  return at<MemCgroup>(mm.groups, index);
}

export function listOf(group: MemCgroup, list: u32): LruList {
  return at<LruList>(group.lists, list);
}

/** Pages of a kind of list in a group and below it (lruvec_page_state). */
export function listPages(group: MemCgroup, list: u32): u64 {
  switch (list) {
    case 0:
      return group.lists0;
    case 1:
      return group.lists1;
    case 2:
      return group.lists2;
    default:
      return group.lists3;
  }
}

/** A list of a group has become longer or shorter; so have those above. */
export function addListPages(group: MemCgroup, list: u32, delta: i64): void {
  mm.statUpdates += <u64>(delta < 0 ? -delta : delta);
  listOf(group, list).pages += delta;
  for (let g = group; g != null; g = g.parent) {
    switch (list) {
      case 0:
        g.lists0 += delta;
        break;
      case 1:
        g.lists1 += delta;
        break;
      case 2:
        g.lists2 += delta;
        break;
      default:
        g.lists3 += delta;
        break;
    }
  }
}

/** Whether `group` is `ancestor` or lies below it. */
export function isBelow(group: MemCgroup, ancestor: MemCgroup): bool {
  for (let g = group; g != null; g = g.parent) if (g == ancestor) return true;
  return false;
}

/** Pages that a group may still charge before it or a group above hits its max (mem_cgroup_margin looks at one group). */
export function marginOf(group: MemCgroup): u64 {
  return group.max > group.usage ? group.max - group.usage : 0;
}

export function uncharge(group: MemCgroup, pages: u64): void {
  for (let g = group; g != null; g = g.parent) {
    assert(g.usage >= pages);
    g.usage -= pages;
  }
}

/** Charges all the way up, or nothing: the group that has no room, or null (page_counter_try_charge). */
export function tryChargePages(group: MemCgroup, pages: u64): MemCgroup {
  for (let g = group; g != null; g = g.parent) if (g.usage + pages > g.max) return g;
  for (let g = group; g != null; g = g.parent) {
    g.usage += pages;
    if (g.usage > g.peak) g.peak = g.usage;
  }
  return changetype<MemCgroup>(0);
}

/** The group whose memory.high is exceeded, from this one upwards, or null. */
export function overHigh(group: MemCgroup): MemCgroup {
  for (let g = group; g.parent != null; g = g.parent) if (g.usage > g.high) return g;
  return changetype<MemCgroup>(0);
}

/** What a CPU has charged beforehand (struct memcg_stock_pcp), and how many new pages wait there to come to their lists (lru_add). */
@unmanaged
export class Stock {
  group: MemCgroup;
  pages: u32;
  lruAdds: u32;
  /** Pages dirtied on it since somebody looked, and those of tasks that have ended (bdp_ratelimits, dirty_throttle_leaks). */
  dirtied: u64;
  dirtyLeaks: u64;
}

export function stockOf(cpu: u32): Stock {
  return at<Stock>(mm.stocks, cpu);
}

/** Takes one page from the CPU's stock (consume_stock). */
export function consumeStock(cpu: u32, group: MemCgroup): bool {
  const stock = stockOf(cpu);
  if (stock.group != group || stock.pages == 0) return false;
  stock.pages--;
  return true;
}

/** The CPU keeps what it charged too much; what it kept for another group is uncharged (refill_stock). */
export function refillStock(cpu: u32, group: MemCgroup, pages: u32): void {
  const stock = stockOf(cpu);
  if (stock.group != group) {
    drainStock(cpu);
    stock.group = group;
  }
  stock.pages += pages;
  if (stock.pages > CHARGE_BATCH) drainStock(cpu);
}

export function drainStock(cpu: u32): void {
  const stock = stockOf(cpu);
  if (stock.group != null && stock.pages != 0) uncharge(stock.group, stock.pages);
  stock.pages = 0;
}

/** CPUs give back what they hold for a group or those below it (drain_all_stock). */
export function drainAllStock(group: MemCgroup, cpus: u32): void {
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const held = stockOf(cpu).group;
    if (held != null && isBelow(held, group)) drainStock(cpu);
  }
}

/**
 * The protection of a group in a reclaim of `root`, in the order of the tree (mem_cgroup_calculate_protection, effective_protection
 * with memory_recursiveprot).
 */
export function calculateProtection(root: MemCgroup, group: MemCgroup): void {
  if (group == root) {
    group.emin = 0;
    group.elow = 0;
    return;
  }
  const parent = group.parent;
  if (parent == root) {
    group.emin = group.min;
    group.elow = group.low;
    return;
  }
  group.emin = effective(group.usage, parent.usage, group.min, parent.emin, siblingProtection(parent, true));
  group.elow = effective(group.usage, parent.usage, group.low, parent.elow, siblingProtection(parent, false));
}

/** What the children of a group claim of their protection together: as much as they use of it. */
function siblingProtection(parent: MemCgroup, ofMin: bool): u64 {
  let sum: u64 = 0;
  for (let i = parent.index + 1; i < mm.nrGroups; i++) {
    const group = groupAt(i);
    if (group.parent == parent) sum += min(group.usage, ofMin ? group.min : group.low);
  }
  return sum;
}

function effective(usage: u64, parentUsage: u64, setting: u64, parentEffective: u64, siblings: u64): u64 {
  const protectedPages = min(usage, setting);
  if (siblings > parentEffective) return (protectedPages * parentEffective) / siblings;
  let result = protectedPages;
  if (parentEffective > siblings && parentUsage > siblings && usage > protectedPages) {
    result += ((parentEffective - siblings) * (usage - protectedPages)) / (parentUsage - siblings);
  }
  return result;
}
