/**
 * The memory of the machine as a whole: its zones, its groups, what its operations cost, and the counters of /proc/vmstat. Everything
 * below assembly/mm/ hangs on this record; `on` is false in scenarios without a `memory:` section, which then pay one test at most.
 *
 * Pages are not objects. A folio stands for up to `grain` pages of one owner that lie together and age together: one page on machines up
 * to 2 GiB, so that lists and refault distances are the kernel's own there, and more on larger ones, so that their number stays bounded.
 */
import { Histogram } from '../base/histogram';
import { Task } from '../task/task';

/** Counters, in the order of VMSTAT in src/kernel/memory.ts. */
export namespace Vm {
  export const PGFAULT: u32 = 0;
  export const PGMAJFAULT: u32 = 1;
  export const PGALLOC: u32 = 2;
  export const PGFREE: u32 = 3;
  export const PGSCAN_KSWAPD: u32 = 4;
  export const PGSCAN_DIRECT: u32 = 5;
  export const PGSTEAL_KSWAPD: u32 = 6;
  export const PGSTEAL_DIRECT: u32 = 7;
  export const PGACTIVATE: u32 = 8;
  export const PGDEACTIVATE: u32 = 9;
  export const PGREFILL: u32 = 10;
  export const REFAULT_ANON: u32 = 11;
  export const REFAULT_FILE: u32 = 12;
  export const ACTIVATE_ANON: u32 = 13;
  export const ACTIVATE_FILE: u32 = 14;
  export const RESTORE_ANON: u32 = 15;
  export const RESTORE_FILE: u32 = 16;
  export const PSWPIN: u32 = 17;
  export const PSWPOUT: u32 = 18;
  export const ALLOCSTALL: u32 = 19;
  export const PAGEOUTRUN: u32 = 20;
  export const KSWAPD_LOW_QUICK: u32 = 21;
  export const KSWAPD_HIGH_QUICK: u32 = 22;
  export const KSWAPD_WAKEUPS: u32 = 23;
  export const KSWAPD_RUNS: u32 = 24;
  export const KSWAPD_SLEEPS: u32 = 25;
  export const OOM_KILL: u32 = 26;
  export const PGSCAN_ANON: u32 = 27;
  export const PGSCAN_FILE: u32 = 28;
  export const PGSTEAL_ANON: u32 = 29;
  export const PGSTEAL_FILE: u32 = 30;
  /** Reclaims of groups that hit memory.max, and returns to user mode above memory.high. */
  export const MEMCG_RECLAIMS: u32 = 31;
  export const HIGH_RECLAIMS: u32 = 32;
  export const HIGH_SLEEPS: u32 = 33;
  export const NR_DIRTIED: u32 = 34;
  export const NR_WRITTEN: u32 = 35;
  /** Looks of tasks above what is free, those of them that slept, and for how long they were to. */
  export const DIRTY_BALANCES: u32 = 36;
  export const DIRTY_PAUSES: u32 = 37;
  export const DIRTY_PAUSED_MS: u32 = 38;
  /** Sleeps of reclaim. */
  export const THROTTLE_WRITEBACK: u32 = 39;
  export const THROTTLE_CONGESTED: u32 = 40;
  export const THROTTLE_NOPROGRESS: u32 = 41;
  /** Huge pages: placed by faults, not to be had, not to be charged; split. */
  export const THP_FAULT_ALLOC: u32 = 42;
  export const THP_FAULT_FALLBACK: u32 = 43;
  export const THP_FAULT_FALLBACK_CHARGE: u32 = 44;
  export const THP_SPLIT_PAGE: u32 = 45;
  export const COMPACT_STALL: u32 = 46;
  export const COMPACT_SUCCESS: u32 = 47;
  export const COMPACT_FAIL: u32 = 48;
  export const COMPACT_MIGRATE_SCANNED: u32 = 49;
  export const PGMIGRATE_SUCCESS: u32 = 50;
  export const COMPACT_DAEMON_WAKE: u32 = 51;
  /** Requests for blocks that got none. */
  export const ALLOC_FAILURES: u32 = 52;
  export const COUNT: u32 = 53;
}

/** The lists of a group (enum lru_list). */
export namespace Lru {
  export const INACTIVE_ANON: u32 = 0;
  export const ACTIVE_ANON: u32 = 1;
  export const INACTIVE_FILE: u32 = 2;
  export const ACTIVE_FILE: u32 = 3;
  export const COUNT: u32 = 4;
  /** Added to an inactive list's number. */
  export const ACTIVE: u32 = 1;
  export const FILE: u32 = 2;
}

/** DEF_PRIORITY, SWAP_CLUSTER_MAX, MAX_RECLAIM_RETRIES of mm/internal.h, include/linux/swap.h, mm/page_alloc.c. */
export const DEF_PRIORITY: i32 = 12;
export const SWAP_CLUSTER_MAX: u32 = 32;
export const MAX_RECLAIM_RETRIES: u32 = 16;
/** PAGEVEC_SIZE: new pages that a CPU collects before they come to their lists. */
export const LRU_BATCH: u32 = 15;

/** What operations cost in ns: MemoryTable in assembly/tables.ts says where each is measured. */
@unmanaged
export class MmCosts {
  /** A touch of a page that is there, and one that is not: fault and clearing. */
  hitNs: u64;
  faultNs: u64;
  /** Refilling a per-CPU list: once, and for each page. */
  refillNs: u64;
  refillPageNs: u64;
  /** New pages come to their lists together (lru_add_drain): when a CPU has LRU_BATCH of them. */
  lruAddNs: u64;
  /** A read() and each page of it that is cached; a page that readahead brings in; sending a request. */
  readNs: u64;
  readPageNs: u64;
  readaheadPageNs: u64;
  ioNs: u64;
  /** A write() and each page of it, if it is cached already; a page that the flusher writes. */
  writeNs: u64;
  writePageNs: u64;
  writebackNs: u64;
  /** More for a page that is charged to a group. */
  chargeNs: u64;
  /** Reclaim: a pass over the node, more of it in direct reclaim and by kswapd, each group in it; a batch of a list, a page, more if it is anonymous or freed. */
  passNs: u64;
  directNs: u64;
  balanceNs: u64;
  groupPassNs: u64;
  batchNs: u64;
  scanNs: u64;
  rmapNs: u64;
  stealNs: u64;
  /** More for one that is freed with its buffer heads. */
  buffersNs: u64;
  /** Reporting to user space what was scanned. */
  vmpressureNs: u64;
  /** A page that is written to swap. */
  pageoutNs: u64;
  /** A page that is moved from the active to the inactive list. */
  deactivateNs: u64;
  /** A page that is given back. */
  freeNs: u64;
  /** A touch that brings a huge page; compaction: a page that it looks at, and one that it moves. */
  hugeFaultNs: u64;
  compactScanNs: u64;
  migrateNs: u64;
}

@unmanaged
export class Mm {
  on: bool;
  /** CPUs of the kernel whose memory this is: the host's. */
  nrCpus: u32;
  /** Pages of a folio: 2^grainBits. */
  grainBits: u32;
  nrZones: u32;
  /** Address of Zone[nrZones], lowest first. */
  zones: usize;
  managed: u64;
  nrGroups: u32;
  /** Address of MemCgroup[nrGroups]; the first is the root. */
  groups: usize;
  /** Address of Stock[nrCpus]. */
  stocks: usize;
  /** Address of a record for each CPU's kworker (vmpressure.ts). */
  pressureWorkers: usize;
  /** Address of TaskMm[nrTaskMms], one for each task that has to do with memory. */
  taskMms: usize;
  nrTaskMms: u32;
  /** What the last page cost beyond the fast path. */
  refillCostNs: u64;
  /** What the last compaction cost. */
  compactCostNs: u64;
  swappiness: u32;
  /** Blocks of free pages are counted; areas get huge pages. */
  orders: bool;
  hugeAlways: bool;
  /** Pages that may still be swapped out; 0 without swap. */
  swapFree: u64;
  swapTotal: u64;
  /** Pages on lists of all groups, by list: what belongs to nobody's list is the kernel's. */
  kernelPages: u64;
  /** Pages that are taken but on no list yet, or on none any more. */
  inFlight: u64;
  /** A task needs a page that nobody can free, and nobody may be killed for it. */
  hopeless: bool;
  /** A memory step goes in circles. */
  stuck: bool;
  kswapd: Task;
  /** Passes of kswapd without progress; from MAX_RECLAIM_RETRIES on it is dormant. */
  kswapdFailures: u32;
  /** kswapd sleeps on its wait queue. */
  kswapdWaits: bool;
  /** Pages per readahead window. */
  readahead: u32;
  tickNs: u64;
  /** Changes of groups' statistics since they were summed up; how often they were, and when last. */
  statUpdates: u64;
  statFlushes: u64;
  statFlushedAt: u64;
  /** free pages at a wakeup of kswapd, at the begin and at the end of a run; lengths of runs. */
  freeAtWakeup: Histogram;
  freeAtRunEnd: Histogram;
  runNs: Histogram;
  directNs: Histogram;
  directPages: Histogram;
  memcgNs: Histogram;
  memcgPages: Histogram;
  /** Dirty pages where a task looked. */
  dirtyAtBalance: Histogram;
}

export const mm: Mm = changetype<Mm>(memory.data(<i32>offsetof<Mm>(), 64));
export const costs: MmCosts = changetype<MmCosts>(memory.data(<i32>offsetof<MmCosts>(), 64));
const counters: usize = memory.data(<i32>Vm.COUNT * 8, 64);

/** Adds to a counter of /proc/vmstat. */
export function count(what: u32, n: u64): void {
  store<u64>(counters + (what << 3), load<u64>(counters + (what << 3)) + n);
}

export function counter(what: u32): u64 {
  return load<u64>(counters + (what << 3));
}
