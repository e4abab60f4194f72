/**
 * Whom to take BT load from, and how much (kernel/sched/batch.c find_busiest_group_bt, calculate_imbalance_bt, find_busiest_queue_bt of
 * TencentOS 4.14).
 *
 * A CPU's BT load is its weight, doubled for every 8 ms that its queue has not been empty, up to 4096-fold. That was meant as "kept
 * waiting", but a queue that does run ages just as well: after 96 ms all CPUs count the same again, equal weights look balanced, and a
 * BT task on a CPU whose fair tasks never sleep is left there (recorded cases B05, B17, B26).
 */
import { allocate } from '../base/arena';
import { CAPACITY } from './avg';
import { Idle } from './busiest';
import { fairLoad, LoadIdx, sourceBtLoad, sourceLoad, targetBtLoad, targetLoad } from './cpu_load';
import { domainOf, SchedDomain } from './domain';
import { isIsolated } from './ht_isolate';
import { idleCpu, Rq, rqOf } from './rq';
import { tunables } from './tunables';
import { NICE_0_LOAD } from './weight';

/** sched_bt_granularity_ns. */
const GRANULARITY_NS: u64 = 4_000_000;
/** The age counts up to a factor of 2¹². */
const MAX_FACTOR: u64 = 12;

/**
 * What a CPU has for BT (capacity_bt): a little always goes to real-time tasks. Assumption; with not even that, the rounding of averages would
 * leave one of two waiting tasks behind, while recorded kernels take both (B26c).
 */
const BT_CAPACITY: u64 = 1020;

/** A BT balance in progress. */
@unmanaged
export class BtEnv {
  sd: SchedDomain;
  level: u32;
  dst: Rq;
  idle: u32;
  imbalance: u64;
  /** Another CPU of the group balances for it, or none can run BT. */
  notOurs: bool;
  /** The queue that was found has aged (LBF_BT_LB). */
  aged: bool;
}

@unmanaged
class BtStats {
  begin: u32;
  end: u32;
  /** Fair load and aged BT load; the same with BT's as it is. */
  load: u64;
  btLoad: u64;
  avgLoad: u64;
  avgBtLoad: u64;
  weighted: u64;
  nrRunning: u64;
  idleCpus: u32;
  /** CPUs on which BT can run. */
  weight: u32;
  capacityBt: u64;
  /** How many tasks that is room for. */
  room: u64;
  hasRoom: bool;
  imbalanced: bool;
}

let local: BtStats = changetype<BtStats>(0);
let busiest: BtStats = changetype<BtStats>(0);
let candidate: BtStats = changetype<BtStats>(0);

/** Space for the comparison of groups; at set-up. */
export function newBtStats(): void {
  local = allocate<BtStats>();
  busiest = allocate<BtStats>();
  candidate = allocate<BtStats>();
}

/** BT tasks that count for the CPU: a throttled queue's do not. */
function btRunning(rq: Rq): u32 {
  return rq.bt.throttled ? 0 : rq.bt.hNrRunning;
}

/** Something stronger than BT wants the CPU. */
export function hasStronger(rq: Rq): bool {
  return rq.nrRunning > btRunning(rq);
}

export function mayHoldBt(rq: Rq): bool {
  return !rq.bt.throttled && rq.bt.runtime != 0 && !isIsolated(rq);
}

/** log₂ of what the age of a CPU's BT queue multiplies its weight with (bt_load_factor). */
export function ageFactor(rq: Rq): u64 {
  const since = rq.bt.blockedSince;
  if (since == 0 || rq.clock < since) return 0;
  return min((rq.clock - since + GRANULARITY_NS / 2) / GRANULARITY_NS / 2, MAX_FACTOR);
}

/** get_sd_load_idx_bt; within a cache also an idle CPU looks at the present. */
function loadIdx(env: BtEnv): u32 {
  if (env.idle == Idle.NOT_IDLE) return LoadIdx.HALVED;
  return env.idle == Idle.IDLE && !env.sd.sharesCache ? LoadIdx.LAST_TICK : LoadIdx.PRESENT;
}

/** The CPU to take BT tasks from, with how much in `env`; null: the domain is balanced, or not ours to balance. */
export function findBusiestBt(env: BtEnv): Rq {
  if (!compareGroups(env) || busiest.nrRunning == 0) return changetype<Rq>(0);
  if (!isUneven(env)) return changetype<Rq>(0);
  return busiestQueue(env);
}

let totalLoad: u64 = 0;
let totalBtLoad: u64 = 0;
let totalCapacity: u64 = 0;

/** update_sd_lb_stats_bt. False: nobody has anything to give, or this CPU is not to take it. */
function compareGroups(env: BtEnv): bool {
  const sd = env.sd;
  const idx = loadIdx(env);
  const own = sd.begin + ((env.dst.id - sd.begin) / sd.groupSize) * sd.groupSize;
  let found = false;
  totalLoad = 0;
  totalBtLoad = 0;
  totalCapacity = 0;
  let begin = own;
  do {
    const isLocal = begin == own;
    const stats = isLocal ? local : candidate;
    gather(stats, env, begin, min(begin + sd.groupSize, sd.end), idx, isLocal);
    if (env.notOurs) return false;
    totalLoad += stats.load;
    totalBtLoad += stats.btLoad;
    totalCapacity += stats.capacityBt;
    if (!isLocal) {
      // Threads of one core rather than of two, while there are cores without any.
      if (env.level > 0 && domainOf(env.dst.id, env.level - 1).isSmt && local.hasRoom) stats.room = min(stats.room, 1);
      if (isBusier(stats, found)) {
        found = true;
        candidate = busiest;
        busiest = stats;
      }
    }
    begin = begin + sd.groupSize < sd.end ? begin + sd.groupSize : sd.begin;
  } while (begin != own);
  return found;
}

/** update_sd_pick_busiest_bt */
function isBusier(stats: BtStats, found: bool): bool {
  if (stats.avgLoad <= (found ? busiest.avgLoad : 0)) return false;
  return stats.nrRunning > stats.room || stats.imbalanced || stats.load > stats.btLoad;
}

/** update_sg_lb_stats_bt */
function gather(stats: BtStats, env: BtEnv, begin: u32, end: u32, idx: u32, isLocal: bool): void {
  memory.fill(changetype<usize>(stats), 0, offsetof<BtStats>());
  stats.begin = begin;
  stats.end = end;
  let balancer = isLocal ? balanceCpu(env, begin) : 0;
  let idleFound = false;
  let used: u64 = 0;
  let most: u64 = 0;
  let least: u64 = u64.MAX_VALUE >> 1;
  let mostRunning: u32 = 0;
  let leastRunning: u32 = u32.MAX_VALUE >> 1;
  for (let cpu = begin; cpu < end; cpu++) {
    const rq = rqOf(cpu);
    const stronger = hasStronger(rq);
    const blocked = stronger || !mayHoldBt(rq);
    const idle = idleCpu(rq);
    if (!blocked) stats.weight++;
    if (isLocal && idle && rq.bt.runtime != 0 && !idleFound) {
      idleFound = true;
      balancer = cpu;
    }
    const fair: u64 = !tunables.btLoadFair ? 0 : isLocal ? targetLoad(rq, idx) : sourceLoad(rq, idx);
    const weight = isLocal ? targetBtLoad(rq, idx) : sourceBtLoad(rq, idx);
    const load = fair + (weight << ageFactor(rq));
    stats.btLoad += fair + weight;
    stats.load += load;
    if (load != 0 || stronger) used += CAPACITY;
    stats.nrRunning += rq.bt.hNrRunning;
    stats.weighted += rq.bt.weight;
    if (idle) stats.idleCpus++;
    const nr = rq.nrRunning - btRunning(rq) + rq.bt.hNrRunning;
    most = max(most, load);
    mostRunning = max(mostRunning, nr);
    if (blocked) continue;
    least = min(least, load);
    leastRunning = min(leastRunning, nr);
  }
  if (isLocal) env.notOurs = stats.weight == 0 || (env.idle != Idle.NEWLY && balancer != env.dst.id);
  stats.avgLoad = (stats.load * CAPACITY) / max(used, CAPACITY);
  stats.avgBtLoad = (stats.btLoad * CAPACITY) / max(used, CAPACITY);
  stats.capacityBt = max(BT_CAPACITY * <u64>stats.weight, 1);
  if (stats.weight == 0) return;
  const perTask = stats.nrRunning != 0 ? stats.weighted / stats.nrRunning : 0;
  stats.imbalanced = !isLocal && most >= least + perTask && mostRunning > leastRunning + 1;
  stats.room = stats.weight;
  stats.hasRoom = stats.room > stats.nrRunning;
}

/** The CPU that balances for a group, as long as BT can run there (bt_group_balance_cpu). */
function balanceCpu(env: BtEnv, begin: u32): u32 {
  const group = domainOf(begin, env.level);
  const known = group.btBalanceCpu;
  if (known >= 0 && mayHoldBt(rqOf(known)) && !hasStronger(rqOf(known))) return <u32>known;
  group.btBalanceCpu = <i32>env.dst.id;
  return env.dst.id;
}

/** The conditions of find_busiest_group_bt; fills in the imbalance. */
function isUneven(env: BtEnv): bool {
  const average = (CAPACITY * totalLoad) / (totalCapacity + 1);
  const averageBt = (CAPACITY * totalBtLoad) / (totalCapacity + 1);
  const forced = busiest.imbalanced || (env.idle == Idle.NEWLY && local.hasRoom && !busiest.hasRoom);
  if (!forced) {
    if (local.avgLoad >= busiest.avgLoad || local.avgBtLoad >= averageBt || local.avgLoad >= average) return false;
    if (env.idle == Idle.IDLE) {
      if (local.idleCpus <= busiest.idleCpus + 1 && busiest.nrRunning <= busiest.weight) return false;
    } else if (100 * busiest.avgLoad <= env.sd.imbalancePct * local.avgLoad) {
      return false;
    }
  }
  calculateImbalance(env, averageBt);
  return true;
}

/** calculate_imbalance_bt: the average is that over CPUs on which BT can run. Differences wrap round as the kernel's do. */
function calculateImbalance(env: BtEnv, averageBt: u64): void {
  let perTask = busiest.weighted / busiest.nrRunning;
  if (busiest.imbalanced) perTask = min(perTask, averageBt);
  const busiestPower = max(busiest.capacityBt, CAPACITY);
  const power = max(local.capacityBt, CAPACITY);
  const middle = (busiest.avgBtLoad + busiest.avgLoad) >> 1;
  env.imbalance = 0;
  if (busiest.avgLoad >= averageBt) {
    let above = u64.MAX_VALUE;
    if (!busiest.imbalanced) above = ((busiest.nrRunning - busiest.room) * NICE_0_LOAD * CAPACITY) / busiestPower;
    const pull = min(middle - averageBt, above);
    env.imbalance = min(pull * busiestPower, (averageBt - local.avgBtLoad) * power) / CAPACITY;
    if (env.imbalance >= perTask) return;
  }
  fixSmallImbalance(env, perTask, middle, busiestPower, power);
}

/** fix_small_imbalance_bt: is it worth moving one task? */
function fixSmallImbalance(env: BtEnv, perTask: u64, middle: u64, busiestPower: u64, power: u64): void {
  let least: u64 = 2;
  let localPerTask: u64 = 0;
  if (local.nrRunning != 0) {
    localPerTask = local.weighted / local.nrRunning;
    if (perTask > localPerTask) least = 1;
  }
  const scaled = (perTask * CAPACITY) / busiestPower;
  if (middle - local.avgLoad + scaled >= scaled * least) {
    env.imbalance = perTask;
    return;
  }
  const now = (busiestPower * min(perTask, middle) + power * min(localPerTask, local.avgBtLoad)) / CAPACITY;
  let moved: u64 = middle > scaled ? busiestPower * min(perTask, middle - scaled) : 0;
  const added = min(middle * busiestPower, perTask * CAPACITY) / power;
  moved = (moved + power * min(localPerTask, local.avgBtLoad + added)) / CAPACITY;
  if (moved > now) env.imbalance = perTask;
}

/** find_busiest_queue_bt */
function busiestQueue(env: BtEnv): Rq {
  let best = changetype<Rq>(0);
  let most: u64 = 0;
  env.aged = false;
  for (let cpu = busiest.begin; cpu < busiest.end; cpu++) {
    const rq = rqOf(cpu);
    const factor = ageFactor(rq);
    const load = (rq.bt.weight << factor) + (tunables.btLoadFair ? fairLoad(rq) : 0);
    if ((rq.nrRunning == 1 || rq.bt.hNrRunning == 0) && load > env.imbalance) continue;
    if (load <= most) continue;
    most = load;
    best = rq;
    env.aged = factor != 0;
  }
  return best;
}
