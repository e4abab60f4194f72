/**
 * Load balance (kernel/sched/fair.c load_balance, rebalance_domains, newidle_balance, nohz_balancer_kick of 6.1): every CPU now and
 * then, one that runs out of work at once, and an idle one for all idle ones when a busy one asks for it.
 */
import { allocate } from '../base/arena';
import { nextBits } from '../base/random';
import { machine } from '../machine/machine';
import { OWN, Part } from '../machine/own';
import { Task } from '../task/task';
import { findBusiest, Idle, LbEnv, Migrate, newBusiestStats } from './busiest';
import { Rank } from './class';
import { domainOf, SchedDomain, topology } from './domain';
import { newIdlestStats } from './idlest';
import { taskHLoad } from './load_avg';
import { clearBit, firstIn, masks } from './masks';
import { availableToFair } from './place';
import { idleCpu, Rq, rqOf, updateRqClock } from './rq';
import { pushRunningTask } from './stop';
import { moveToFront } from './task_list';
import { throttledPair } from './throttle';
import { tunables } from './tunables';
import { taskUtil } from './util_est';
import { moveQueuedTask, sendIpi } from './wake';

/** At most so many tasks of a queue are looked at (sysctl_sched_nr_migrate). */
const NR_MIGRATE: u32 = 32;
/** Pinned tasks double a domain's interval up to this (MAX_PINNED_INTERVAL). */
const MAX_PINNED_INTERVAL_MS: u32 = 512;
/** NI_RANDOM counts in rounds of so many calls. */
const NEWIDLE_ROUND: u32 = 1024;
/** What looking at a CPU in a newidle balance takes, for its decision whether it is worth while; assumption. */
const NEWIDLE_COST_NS: u64 = 100;

let env: LbEnv = changetype<LbEnv>(0);
@unmanaged
export class Balance {
  /** No idle CPU is kicked before this jiffy (nohz.next_balance). */
  nohzNextBalance: u64;
  /** State of NI_RANDOM's stream. */
  stream: usize;
}

const balance: Balance = changetype<Balance>(OWN + Part.BALANCE);

/** Space for balancing, which all kernels share, as none is ever in the middle of it when another goes on; at set-up. */
export function newBalance(): void {
  env = allocate<LbEnv>();
  newBusiestStats();
  newIdlestStats();
}

/** `state`: where the state of the kernel's random stream lies. */
export function setBalanceStream(state: usize): void {
  balance.stream = state;
}

function jiffies(): u64 {
  return machine.now / machine.tickPeriodNs;
}

/** How long a domain rests between two balances, in jiffies (get_sd_balance_interval). */
function restOf(sd: SchedDomain, busy: bool): u64 {
  const ms = <u64>sd.balanceIntervalMs * (busy ? tunables.busyFactor : 1);
  const ticks = (ms * 1_000_000 + machine.tickPeriodNs - 1) / machine.tickPeriodNs;
  const most = ((1_000_000_000 / machine.tickPeriodNs) * machine.nrCpus) / 10;
  return min(max(busy ? ticks - 1 : ticks, 1), max(most, 1));
}

/** From the tick (trigger_load_balance). */
export function triggerBalance(rq: Rq): void {
  if (topology.nrLevels == 0) return;
  if (jiffies() >= rq.nextBalance) rebalanceDomains(rq, rq.curr == rq.idle ? Idle.IDLE : Idle.NOT_IDLE);
  kickNohz(rq);
}

/** Balances those domains of a CPU that are due, from the inside (rebalance_domains). */
function rebalanceDomains(rq: Rq, idleType: u32): void {
  const now = jiffies();
  let idle = idleType;
  let busy = idle != Idle.IDLE && !availableToFair(rq);
  let next = now + 60_000_000_000 / machine.tickPeriodNs;
  for (let level: u32 = 0; level < topology.nrLevels; level++) {
    const sd = domainOf(rq.id, level);
    if (now >= sd.lastBalance + restOf(sd, busy)) {
      if (!shouldBalance(rq, sd)) {
        sd.lastBalance = now;
        next = min(next, now + restOf(sd, busy));
        break;
      }
      if (loadBalance(rq, sd, level, idle)) {
        idle = rq.nrRunning == 0 ? Idle.IDLE : Idle.NOT_IDLE;
        busy = idle != Idle.IDLE && !availableToFair(rq);
      }
      sd.lastBalance = now;
    }
    next = min(next, sd.lastBalance + restOf(sd, busy));
  }
  rq.nextBalance = next;
}

/** One CPU balances for its group: the first idle one, or the first of all (should_we_balance). */
function shouldBalance(rq: Rq, sd: SchedDomain): bool {
  const begin = sd.begin + ((rq.id - sd.begin) / sd.groupSize) * sd.groupSize;
  const end = min(begin + sd.groupSize, sd.end);
  for (let cpu = begin; cpu < end; cpu++) if (idleCpu(rqOf(cpu))) return cpu == rq.id;
  return begin == rq.id;
}

/** Pulls from the busiest CPU of a domain; returns how many tasks came. */
function loadBalance(rq: Rq, sd: SchedDomain, level: u32, idle: u32): u32 {
  env.sd = sd;
  env.level = level;
  env.dst = rq;
  env.idle = idle;
  env.allPinned = false;
  env.somePinned = false;
  const src = findBusiest(env);
  if (src == null || src == rq) return balanced(sd, idle);
  env.src = src;
  let moved: u32 = 0;
  if (src.nrRunning > 1) {
    env.allPinned = true;
    updateRqClock(src);
    moved = pullTasks();
    // The level above learns that affinity keeps tasks where they are.
    domainOf(sd.begin, level).imbalance = env.somePinned && env.imbalance > 0;
    if (env.allPinned) return balanced(sd, idle);
  }
  if (moved != 0) {
    sd.nrBalanceFailed = 0;
  } else {
    if (idle != Idle.NEWLY) sd.nrBalanceFailed++;
    if (env.migration == Migrate.TASK && sd.nrBalanceFailed > sd.cacheNiceTries + 2) pushToUs(rq, src);
  }
  sd.balanceIntervalMs = sd.minIntervalMs;
  return moved;
}

/** Nothing to do, or nothing that can be done: the domain rests longer. */
function balanced(sd: SchedDomain, idle: u32): u32 {
  if (!env.allPinned) domainOf(sd.begin, env.level).imbalance = false;
  sd.nrBalanceFailed = 0;
  if (idle == Idle.NEWLY) return 0;
  const pinned = env.allPinned && sd.balanceIntervalMs < MAX_PINNED_INTERVAL_MS;
  if (pinned || sd.balanceIntervalMs < sd.maxIntervalMs) sd.balanceIntervalMs *= 2;
  return 0;
}

/** The running task is what has to move: its CPU's stopper pushes it here (active balance). */
function pushToUs(rq: Rq, src: Rq): void {
  const task = src.curr;
  if (task.rank == Rank.FAIR && task.mayRunOn(rq.id)) pushRunningTask(src, task, rq.id);
}

/** Moves tasks, those not run for longest first, until the imbalance is gone (detach_tasks, attach_tasks). */
function pullTasks(): u32 {
  const src = env.src;
  let moved: u32 = 0;
  let looked: u32 = 0;
  const most = min(NR_MIGRATE, src.cfs.hNrRunning);
  while (src.cfsTasks != null && env.imbalance > 0) {
    if (env.idle != Idle.NOT_IDLE && src.nrRunning <= 1) break;
    if (++looked > most) break;
    const task = src.cfsTasks.runPrev;
    if (!canMigrate(task) || !fitsImbalance(task)) {
      moveToFront(src, task);
      continue;
    }
    moveQueuedTask(src, task, env.dst);
    moved++;
    // A preemptible kernel takes no more than one while a CPU waits for it.
    if (env.idle == Idle.NEWLY) break;
  }
  return moved;
}

/** Takes the task off the imbalance, if it is not too much. */
function fitsImbalance(task: Task): bool {
  if (env.migration == Migrate.TASK) {
    env.imbalance--;
    return true;
  }
  if (env.migration == Migrate.UTIL) {
    const util = taskUtil(task);
    if (<i64>(util >> min(env.sd.nrBalanceFailed, 63)) > env.imbalance) return false;
    env.imbalance -= util;
    return true;
  }
  const load = max(taskHLoad(task), 1);
  if (<i64>(load >> min(env.sd.nrBalanceFailed, 63)) > env.imbalance) return false;
  env.imbalance -= load;
  return true;
}

/** Affinity, running, cache heat (can_migrate_task). */
function canMigrate(task: Task): bool {
  if (throttledPair(task, env.dst.id)) return false;
  if (!task.mayRunOn(env.dst.id)) {
    env.somePinned = true;
    return false;
  }
  env.allPinned = false;
  if (task == env.src.curr) return false;
  return !isHot(task) || env.sd.nrBalanceFailed > env.sd.cacheNiceTries;
}

/** Has it run so lately that its cache lines are still there? (task_hot) */
function isHot(task: Task): bool {
  if (task.idle || env.sd.isSmt) return false;
  if (env.dst.nrRunning != 0 && (task.cfsRq.next == task || task.cfsRq.last == task)) return true;
  return <i64>(env.src.clock - task.execStart) < <i64>tunables.migrationCostNs;
}

/** Whether some CPU has more than one task (rd->overload). CPUs that no longer have are forgotten. */
function overloaded(): bool {
  for (let cpu = firstIn(masks.fair, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.fair, cpu + 1, machine.nrCpus)) {
    if (rqOf(cpu).nrRunning > 1 && rqOf(cpu).cfs.hNrRunning != 0) return true;
    clearBit(masks.fair, cpu);
  }
  return false;
}

/** The CPU is about to run out of fair work (newidle_balance). True if something came. */
export function newidleBalance(rq: Rq): bool {
  if (rq.ttwuPending != 0 || topology.nrLevels == 0 || !overloaded()) return false;
  let cost: u64 = 0;
  for (let level: u32 = 0; level < topology.nrLevels; level++) {
    const sd = domainOf(rq.id, level);
    cost += NEWIDLE_COST_NS * sd.weight;
    if (rq.avgIdle < cost) return false;
    let success: u32 = 1;
    if (tunables.niRandom) {
      const chance = sd.newidleRatio + 1;
      const draw = <u32>(nextBits(balance.stream) >> 54);
      if (draw > chance) {
        countNewidle(sd, 0);
        continue;
      }
      success = (NEWIDLE_ROUND + chance / 2) / chance;
    }
    const pulled = loadBalance(rq, sd, level, Idle.NEWLY) != 0;
    countNewidle(sd, pulled ? success : 0);
    if (pulled || rq.cfs.nrRunning != 0) return true;
  }
  return false;
}

/** update_newidle_stats */
function countNewidle(sd: SchedDomain, success: u32): void {
  sd.newidleCalls++;
  sd.newidleSuccesses += success;
  if (sd.newidleCalls < NEWIDLE_ROUND) return;
  sd.newidleRatio = sd.newidleSuccesses;
  sd.newidleCalls >>= 1;
  sd.newidleSuccesses >>= 1;
}

/** A busy CPU's tick wakes an idle CPU to balance for all that sleep without ticks (nohz_balancer_kick, kick_ilb). */
function kickNohz(rq: Rq): void {
  if (rq.curr == rq.idle || masks.nrIdle == 0 || jiffies() < balance.nohzNextBalance) return;
  if (rq.nrRunning < 2 && !othersBusy(rq)) return;
  const cpu = firstIn(masks.idle, 0, machine.nrCpus);
  if (cpu < 0) return;
  balance.nohzNextBalance = jiffies() + 1;
  const ilb = rqOf(cpu);
  ilb.balanceDue = true;
  sendIpi(ilb);
}

/** Some other CPU of the cache is busy, so that tasks might be spread (sd_llc_shared nr_busy_cpus > 1). */
function othersBusy(rq: Rq): bool {
  if (machine.cpusPerLlc == 1) return false;
  const begin = (rq.id / machine.cpusPerLlc) * machine.cpusPerLlc;
  const end = min(begin + machine.cpusPerLlc, machine.nrCpus);
  for (let cpu = begin; cpu < end; cpu++) if (cpu != rq.id && rqOf(cpu).curr != rqOf(cpu).idle) return true;
  return false;
}

/** The kicked CPU balances for every idle CPU that is due, itself last (_nohz_idle_balance). */
export function nohzIdleBalance(rq: Rq): void {
  if (rq.nrRunning != 0 || topology.nrLevels == 0) return;
  for (let i: u32 = 1; i <= machine.nrCpus; i++) {
    const other = rqOf((rq.id + i) % machine.nrCpus);
    if (!idleCpu(other) || jiffies() < other.nextBalance) continue;
    updateRqClock(other);
    rebalanceDomains(other, Idle.IDLE);
  }
}
