/**
 * Whom to take load from, and how much, before 5.5 rewrote it (kernel/sched/fair.c find_busiest_group, calculate_imbalance,
 * fix_small_imbalance, find_busiest_queue of 4.14; 5.4 has the same): everything is load, and a task is moved if half of its load fits.
 */
import { allocate } from '../base/arena';
import { CAPACITY } from './avg';
import { Idle, LbEnv, Migrate } from './busiest';
import { fairLoad, LoadIdx, sourceLoad, targetLoad } from './cpu_load';
import { domainOf, SchedDomain } from './domain';
import { GroupType } from './group_stats';
import { Rq, rqOf } from './rq';
import { availableToFair } from './place';
import { scaleLoadDown, NICE_0_LOAD } from './weight';

@unmanaged
class LoadStats {
  begin: u32;
  end: u32;
  type: u32;
  load: u64;
  avgLoad: u64;
  weighted: u64;
  perTask: u64;
  util: u64;
  capacity: u64;
  nrRunning: u32;
  idleCpus: u32;
  /** More tasks than it can handle (group_no_capacity). */
  full: bool;

  get weight(): u32 {
    return this.end - this.begin;
  }
}

let local: LoadStats = changetype<LoadStats>(0);
let busiest: LoadStats = changetype<LoadStats>(0);
let candidate: LoadStats = changetype<LoadStats>(0);
let totalLoad: u64 = 0;
let totalCapacity: u64 = 0;

/** Space for the comparison of groups; at set-up. */
export function newLoadStats(): void {
  local = allocate<LoadStats>();
  busiest = allocate<LoadStats>();
  candidate = allocate<LoadStats>();
}

/** The CPU to take from, with how much load in `env`; null: the domain is balanced. */
export function findBusiest414(env: LbEnv): Rq {
  env.migration = Migrate.LOAD;
  env.imbalance = 0;
  if (!compareGroups(env) || busiest.nrRunning == 0 || isBalanced(env)) return changetype<Rq>(0);
  return busiestQueue(env);
}

/** get_sd_load_idx; within a cache also an idle CPU looks at the present. */
function loadIdx(env: LbEnv): u32 {
  if (env.idle == Idle.NOT_IDLE) return LoadIdx.HALVED;
  return env.idle == Idle.IDLE && !env.sd.sharesCache ? LoadIdx.LAST_TICK : LoadIdx.PRESENT;
}

/** Only a core's threads are a child that prefers tasks on its siblings (sd_init of 4.14). */
function prefersSibling(env: LbEnv): bool {
  return env.level > 0 && domainOf(env.dst.id, env.level - 1).isSmt;
}

/** update_sd_lb_stats. False: no other group has anything to give. */
function compareGroups(env: LbEnv): bool {
  const sd = env.sd;
  const idx = loadIdx(env);
  const own = sd.begin + ((env.dst.id - sd.begin) / sd.groupSize) * sd.groupSize;
  gather(local, env, own, idx, true);
  totalLoad = local.load;
  totalCapacity = local.capacity;
  let found = false;
  for (let begin = own + sd.groupSize; ; begin += sd.groupSize) {
    if (begin >= sd.end) begin = sd.begin;
    if (begin == own) break;
    gather(candidate, env, begin, idx, false);
    if (prefersSibling(env) && hasRoom(local, sd) && candidate.nrRunning > local.nrRunning + 1) {
      candidate.full = true;
      candidate.type = GroupType.OVERLOADED;
    }
    totalLoad += candidate.load;
    totalCapacity += candidate.capacity;
    if (found ? !isBusier(candidate, busiest) : candidate.type == GroupType.HAS_SPARE && candidate.avgLoad == 0)
      continue;
    found = true;
    const stats = candidate;
    candidate = busiest;
    busiest = stats;
  }
  return found;
}

/** update_sd_pick_busiest */
function isBusier(a: LoadStats, b: LoadStats): bool {
  return a.type != b.type ? a.type > b.type : a.avgLoad > b.avgLoad;
}

/** update_sg_lb_stats; types are HAS_SPARE for "other", IMBALANCED and OVERLOADED. */
function gather(stats: LoadStats, env: LbEnv, begin: u32, idx: u32, isLocal: bool): void {
  const sd = env.sd;
  memory.fill(changetype<usize>(stats), 0, offsetof<LoadStats>());
  stats.begin = begin;
  stats.end = min(begin + sd.groupSize, sd.end);
  for (let cpu = begin; cpu < stats.end; cpu++) {
    const rq = rqOf(cpu);
    stats.load += isLocal ? targetLoad(rq, idx) : sourceLoad(rq, idx);
    stats.util += min(rq.cfs.avg.utilAvg, CAPACITY);
    stats.nrRunning += rq.cfs.hNrRunning;
    stats.weighted += fairLoad(rq);
    if (availableToFair(rq)) stats.idleCpus++;
  }
  stats.capacity = CAPACITY * <u64>stats.weight;
  stats.avgLoad = (stats.load * CAPACITY) / stats.capacity;
  if (stats.nrRunning != 0) stats.perTask = stats.weighted / stats.nrRunning;
  stats.full = stats.nrRunning > stats.weight && stats.capacity * 100 < stats.util * sd.imbalancePct;
  stats.type = stats.full
    ? GroupType.OVERLOADED
    : env.level > 0 && domainOf(begin, env.level - 1).imbalance
      ? GroupType.IMBALANCED
      : GroupType.HAS_SPARE;
}

/** group_has_capacity */
function hasRoom(stats: LoadStats, sd: SchedDomain): bool {
  return stats.nrRunning < stats.weight || stats.capacity * 100 > stats.util * sd.imbalancePct;
}

/** The reasons of find_busiest_group to leave things as they are; otherwise fills in the imbalance. */
function isBalanced(env: LbEnv): bool {
  const average = (CAPACITY * totalLoad) / totalCapacity;
  const forced =
    busiest.type == GroupType.IMBALANCED || (env.idle == Idle.NEWLY && hasRoom(local, env.sd) && busiest.full);
  if (!forced) {
    if (local.avgLoad >= busiest.avgLoad || local.avgLoad >= average) return true;
    if (env.idle == Idle.IDLE) {
      if (busiest.type != GroupType.OVERLOADED && local.idleCpus <= busiest.idleCpus + 1) return true;
    } else if (100 * busiest.avgLoad <= env.sd.imbalancePct * local.avgLoad) {
      return true;
    }
  }
  calculateImbalance(env, average);
  return false;
}

function calculateImbalance(env: LbEnv, average: u64): void {
  if (busiest.type == GroupType.IMBALANCED) busiest.perTask = min(busiest.perTask, average);
  if (busiest.avgLoad <= average || local.avgLoad >= average) {
    fixSmallImbalance(env);
    return;
  }
  let above = u64.MAX_VALUE;
  // Without idle CPUs none should be made.
  if (busiest.type == GroupType.OVERLOADED && local.type == GroupType.OVERLOADED) {
    const load = <u64>busiest.nrRunning * CAPACITY;
    if (load > busiest.capacity) above = ((load - busiest.capacity) * scaleLoadDown(NICE_0_LOAD)) / busiest.capacity;
  }
  const pull = min(busiest.avgLoad - average, above);
  env.imbalance = <i64>(min(pull * busiest.capacity, (average - local.avgLoad) * local.capacity) / CAPACITY);
  if (env.imbalance < <i64>busiest.perTask) fixSmallImbalance(env);
}

/** Less than a task: would the CPUs do more if one were moved all the same? */
function fixSmallImbalance(env: LbEnv): void {
  let least: u64 = 2;
  if (local.nrRunning == 0) {
    const nr = env.dst.cfs.hNrRunning;
    local.perTask = nr != 0 ? fairLoad(env.dst) / nr : 0;
  } else if (busiest.perTask > local.perTask) {
    least = 1;
  }
  const scaled = (busiest.perTask * CAPACITY) / busiest.capacity;
  if (busiest.avgLoad + scaled >= local.avgLoad + scaled * least) {
    env.imbalance = <i64>busiest.perTask;
    return;
  }
  const now =
    (busiest.capacity * min(busiest.perTask, busiest.avgLoad) + local.capacity * min(local.perTask, local.avgLoad)) /
    CAPACITY;
  let moved: u64 = busiest.avgLoad > scaled ? busiest.capacity * min(busiest.perTask, busiest.avgLoad - scaled) : 0;
  const added = min(busiest.avgLoad * busiest.capacity, busiest.perTask * CAPACITY) / local.capacity;
  moved = (moved + local.capacity * min(local.perTask, local.avgLoad + added)) / CAPACITY;
  if (moved > now) env.imbalance = <i64>busiest.perTask;
}

/** The CPU of the busiest group with most load; one with a single task that is too much does not count. */
function busiestQueue(env: LbEnv): Rq {
  let best = changetype<Rq>(0);
  let most: u64 = 0;
  for (let cpu = busiest.begin; cpu < busiest.end; cpu++) {
    const rq = rqOf(cpu);
    const load = fairLoad(rq);
    if (rq.nrRunning == 1 && <i64>load > env.imbalance) continue;
    if (load <= most) continue;
    most = load;
    best = rq;
  }
  return best;
}
