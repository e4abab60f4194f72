/**
 * RUE (如意), TencentOS's memory QoS: what is switched on, and what each group has of it (facts: docs/rue.md; TencentOS 6.6
 * mm/memcontrol.c, mm/oom_kill.c; the guide to its files; the posted patches on allocation speed). The other files of this folder are one
 * part each. Without RUE a group has no such record, and an allocation pays one test of a null.
 */
import { Task } from '../../task/task';
import { groupAt, MemCgroup, NO_LIMIT } from '../memcg';
import { mm } from '../mm';

/** Parts, each with a switch of its own: bits of RueTable.parts; src/kernel/rue.ts says the same. */
export namespace Part {
  export const TIERS: u32 = 1;
  export const RECLAIM: u32 = 2;
  export const ASYNC: u32 = 4;
  export const ACCELERATE: u32 = 8;
  export const SPEED: u32 = 16;
  export const CACHE: u32 = 32;
  export const OOM: u32 = 64;
  export const LATENCY: u32 = 128;
}

/** CGROUP_PRIORITY_MAX: 0 goes first, 7 last. */
export const PRIORITIES: u32 = 8;

@unmanaged
export class GroupQos {
  group: MemCgroup;
  /** cgroup.priority */
  priority: u32;
  /** memory.priority_wmark_ratio: −75 … 75. */
  wmarkRatio: i32;
  /** memory.async_high and async_low; asyncHigh NO_LIMIT: none. */
  asyncHigh: u64;
  asyncLow: u64;
  /** It waits for the asynchronous worker, before `asyncNext`. */
  asyncQueued: bool;
  asyncNext: GroupQos;
  /** memory.alloc_bps: pages a slice; 0: any number. */
  slicePages: u64;
  /** What the latency controller leaves it; 0: any number. */
  latencyPages: u64;
  sliceBegan: u64;
  sliceUsage: u64;
  /** What it charged in the last slice. */
  lastUsage: u64;
  /** memory.pagecache.max_ratio in pages, and what is left after a reclaim; cacheMax NO_LIMIT: none. */
  cacheMax: u64;
  cacheGoal: u64;
  /** What has been taken from it by the worker, by its own tasks that paid, and asynchronously. */
  workerStolen: u64;
  paidPages: u64;
  asyncStolen: u64;
  cacheStolen: u64;
  /** mst_nr_throttled, and sleeps and their length. */
  throttled: u64;
  speedSleeps: u64;
  speedSleepNs: u64;
  /** Fewest free pages of the highest zone, over its min mark, when it had got one there. */
  leastFree: i64;
}

@unmanaged
export class Rue {
  /** Switched-on parts; 0: RUE is off. */
  parts: u32;
  /** vm.qos_highest_reclaim_prio: groups with a smaller number are never reclaimed by priority; 8: none is. */
  highestReclaim: u32;
  /** vm.qos_prio_reclaim_ratio in pages: the reserve. */
  reservePages: u64;
  /** The number from which on groups are reclaimed at present; moved by the controller. */
  level: u32;
  /** Pressure: 0 … 2 in 1024ths. */
  ratio: i64;
  /** Pages charged since the controller's last round, what is to be reclaimed until the next, and what has been. */
  allocated: u64;
  goal: u64;
  reclaimed: u64;
  /** Allocations of the first priorities must not take longer; up to which number, and how many did. */
  latencyTargetNs: u64;
  latencyPriority: u32;
  allocations: u64;
  late: u64;
  /** vm.pagecache_limit_retry_times */
  cacheRetries: u32;
  controller: Task;
  worker: Task;
  asyncWorker: Task;
  latencyController: Task;
}

export const rue: Rue = changetype<Rue>(memory.data(<i32>offsetof<Rue>(), 64));

export function isOn(part: u32): bool {
  return (rue.parts & part) != 0;
}

/** The group's record, or null: RUE is off. */
export function qosOf(group: MemCgroup): GroupQos {
  return changetype<GroupQos>(group.qos);
}

export function priorityOf(group: MemCgroup): u32 {
  return qosOf(group).priority;
}

/** Whether a group may be reclaimed by priority at present. */
export function isVictim(qos: GroupQos): bool {
  return qos.priority >= rue.highestReclaim && qos.priority >= rue.level;
}

/** Some group of this priority has pages. */
export function hasPages(priority: u32): bool {
  for (let i: u32 = 1; i < mm.nrGroups; i++) {
    const group = groupAt(i);
    if (priorityOf(group) == priority && group.usage != 0) return true;
  }
  return false;
}

/** What memory.async_ratio and the ratios of the page cache refer to: memory.high, or memory.max where there is none; NO_LIMIT: neither. */
export function limitOf(group: MemCgroup): u64 {
  return group.high != NO_LIMIT ? group.high : group.max;
}
