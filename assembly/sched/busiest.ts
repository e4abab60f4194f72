/**
 * Whom to take load from, and how much (kernel/sched/fair.c find_busiest_group, calculate_imbalance, find_busiest_queue of 6.1).
 */
import { allocate } from '../base/arena';
import { Task } from '../task/task';
import { CAPACITY } from './avg';
import { domainOf, idleScanFor, SchedDomain, setIdleScan, topology } from './domain';
import { gatherStats, GroupStats, GroupType } from './group_stats';
import { Rq, rqOf } from './rq';
import { cpuUtil } from './util_est';

/** What is moved: load, utilisation or a number of tasks (enum migration_type). */
export namespace Migrate {
  export const LOAD: u32 = 0;
  export const UTIL: u32 = 1;
  export const TASK: u32 = 2;
}

/** Who balances: a CPU that has work, one that has none, one that is about to have none (enum cpu_idle_type). */
export namespace Idle {
  export const IDLE: u32 = 0;
  export const NOT_IDLE: u32 = 1;
  export const NEWLY: u32 = 2;
}

/** A balance in progress (struct lb_env). */
@unmanaged
export class LbEnv {
  sd: SchedDomain;
  level: u32;
  dst: Rq;
  src: Rq;
  idle: u32;
  migration: u32;
  imbalance: i64;
  /** Nothing could be moved because of affinity alone; something could not. */
  allPinned: bool;
  somePinned: bool;
}

let local: GroupStats = changetype<GroupStats>(0);
let busiest: GroupStats = changetype<GroupStats>(0);
let candidate: GroupStats = changetype<GroupStats>(0);
let totalLoad: u64 = 0;
let totalCapacity: u64 = 0;

/** Space for the comparison of groups; at set-up. */
export function newBusiestStats(): void {
  local = allocate<GroupStats>();
  busiest = allocate<GroupStats>();
  candidate = allocate<GroupStats>();
}

/** The CPU to take from, with what and how much of it in `env`; null: the domain is balanced. */
export function findBusiest(env: LbEnv): Rq {
  if (!compareGroups(env) || isBalanced(env)) return changetype<Rq>(0);
  calculateImbalance(env);
  return env.imbalance <= 0 ? changetype<Rq>(0) : busiestQueue(env);
}

/** update_sd_lb_stats. False: no other group has anything to give. */
function compareGroups(env: LbEnv): bool {
  const sd = env.sd;
  let found = false;
  let sumUtil: u64 = 0;
  totalLoad = 0;
  totalCapacity = 0;
  for (let begin = sd.begin; begin < sd.end; begin += sd.groupSize) {
    const end = min(begin + sd.groupSize, sd.end);
    const imbalanced = env.level > 0 && domainOf(begin, env.level - 1).imbalance;
    gatherStats(candidate, begin, end, sd.imbalancePct, imbalanced);
    totalLoad += candidate.load;
    totalCapacity += candidate.capacity;
    sumUtil += candidate.util;
    const stats = candidate;
    if (env.dst.id >= begin && env.dst.id < end) {
      candidate = local;
      local = stats;
    } else if (candidate.hNrRunning != 0 && (!found || isBusier(candidate, busiest))) {
      found = true;
      candidate = busiest;
      busiest = stats;
    }
  }
  // The cache's domain also says how far searches for idle CPUs may go.
  const isLlc =
    sd.sharesCache && (env.level + 1 == topology.nrLevels || !domainOf(env.dst.id, env.level + 1).sharesCache);
  if (isLlc && env.idle != Idle.NEWLY) setIdleScan(sd.begin, idleScanFor(sumUtil, sd.weight, sd.imbalancePct));
  return found;
}

/** update_sd_pick_busiest */
function isBusier(a: GroupStats, b: GroupStats): bool {
  if (a.type != b.type) return a.type > b.type;
  if (a.type == GroupType.OVERLOADED) return a.avgLoad > b.avgLoad;
  if (a.type != GroupType.HAS_SPARE) return false;
  return b.idleCpus > a.idleCpus || (a.idleCpus == b.idleCpus && a.nrRunning > b.nrRunning);
}

function averageLoad(): u64 {
  return (totalLoad * CAPACITY) / totalCapacity;
}

/** The reasons of find_busiest_group to leave things as they are. */
function isBalanced(env: LbEnv): bool {
  const sd = env.sd;
  if (busiest.type == GroupType.IMBALANCED) return false;
  if (local.type > busiest.type) return true;
  if (local.type == GroupType.OVERLOADED) {
    if (local.avgLoad >= busiest.avgLoad || local.avgLoad >= averageLoad()) return true;
    if (100 * busiest.avgLoad <= sd.imbalancePct * local.avgLoad) return true;
  }
  if (sd.preferSibling && local.type == GroupType.HAS_SPARE && busiest.nrRunning > local.nrRunning + 1) return false;
  if (busiest.type == GroupType.OVERLOADED) return false;
  if (env.idle == Idle.NOT_IDLE) return true;
  if (busiest.weight > 1 && local.idleCpus <= busiest.idleCpus + 1) return true;
  return busiest.hNrRunning == 1;
}

function calculateImbalance(env: LbEnv): void {
  const sd = env.sd;
  env.migration = Migrate.TASK;
  if (busiest.type == GroupType.IMBALANCED) {
    env.imbalance = 1;
    return;
  }
  if (local.type == GroupType.HAS_SPARE) {
    if (busiest.type > GroupType.FULLY_BUSY && !sd.sharesCache) {
      env.migration = Migrate.UTIL;
      env.imbalance = <i64>max(local.capacity, local.util) - <i64>local.util;
      if (env.idle == Idle.NOT_IDLE || env.imbalance != 0) return;
      env.migration = Migrate.TASK;
      env.imbalance = 1;
      return;
    }
    const byTasks = busiest.weight == 1 || sd.preferSibling;
    const difference = byTasks ? <i64>busiest.nrRunning - local.nrRunning : <i64>local.idleCpus - busiest.idleCpus;
    env.imbalance = max(difference, 0) >> 1;
    return;
  }
  const average = averageLoad();
  env.migration = Migrate.LOAD;
  env.imbalance = 0;
  if (local.type < GroupType.OVERLOADED && (local.avgLoad >= busiest.avgLoad || local.avgLoad >= average)) return;
  const above = (busiest.avgLoad - average) * busiest.capacity;
  const below = (average - local.avgLoad) * local.capacity;
  env.imbalance = <i64>(min(above, below) / CAPACITY);
}

/** The CPU of the busiest group that has most of what is to be moved. */
function busiestQueue(env: LbEnv): Rq {
  let best = changetype<Rq>(0);
  let most: u64 = 0;
  for (let cpu = busiest.begin; cpu < busiest.end; cpu++) {
    const rq = rqOf(cpu);
    const nr = rq.cfs.hNrRunning;
    let amount: u64 = nr;
    if (nr == 0) continue;
    if (env.migration == Migrate.LOAD) {
      amount = rq.cfs.avg.loadAvg;
      if (nr == 1 && <i64>amount > env.imbalance) continue;
    } else if (env.migration == Migrate.UTIL) {
      if (nr <= 1) continue;
      amount = cpuUtil(rq, changetype<Task>(0));
    }
    if (amount <= most) continue;
    most = amount;
    best = rq;
  }
  return best;
}
