/**
 * Load balance (kernel/sched/fair.c load_balance, rebalance_domains, newidle_balance, nohz_balancer_kick of 6.1): every CPU now and
 * then, one that runs out of work at once, and an idle one for all idle ones when a busy one asks for it. `loadHistory`: as 4.14 does it.
 */
import { allocate } from '../base/arena';
import { nextBits } from '../base/random';
import { machine } from '../machine/machine';
import { OWN, Part } from '../machine/own';
import { decayIdle, updateBlocked } from './blocked';
import { findBusiest, Idle, LbEnv, Migrate, newBusiestStats } from './busiest';
import { findBusiest414, newLoadStats } from './busiest_414';
import { Rank } from './class';
import { pullTasks } from './detach';
import { domainOf, SchedDomain, topology } from './domain';
import { newIdlestStats } from './idlest';
import { clearBit, firstIn, masks } from './masks';
import { availableToFair } from './place';
import { idleCpu, Rq, rqOf, updateRqClock } from './rq';
import { pushRunningTask } from './stop';
import { tunables } from './tunables';
import { sendIpi } from './wake';

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
  /** When the averages of idle CPUs decay next (nohz.next_blocked). */
  nextIdleDecay: u64;
  /** State of NI_RANDOM's stream. */
  stream: usize;
}

export const balance: Balance = changetype<Balance>(OWN + Part.BALANCE);

/** Space for balancing, which all kernels share, as none is ever in the middle of it when another goes on; at set-up. */
export function newBalance(): void {
  env = allocate<LbEnv>();
  newBusiestStats();
  newLoadStats();
  newIdlestStats();
}

/** `state`: where the state of the kernel's random stream lies. */
export function setBalanceStream(state: usize): void {
  balance.stream = state;
}

export function jiffies(): u64 {
  return machine.now / machine.tickPeriodNs;
}

/** How long a domain rests between two balances, in jiffies, `early` less than its interval; a tenth of a second a CPU at most. */
function clampTicks(ms: u64, early: u64): u64 {
  const ticks = (ms * 1_000_000 + machine.tickPeriodNs - 1) / machine.tickPeriodNs;
  const most = ((1_000_000_000 / machine.tickPeriodNs) * machine.nrCpus) / 10;
  return min(max(ticks, early + 1) - early, max(most, 1));
}

export function idleInterval(ms: u64): u64 {
  return clampTicks(ms, 0);
}

export function busyInterval(ms: u64): u64 {
  return clampTicks(ms * tunables.busyFactor, 0);
}

/** get_sd_balance_interval; from 5.10 on a busy CPU looks a jiffy earlier, so that domains get out of step. */
function restOf(sd: SchedDomain, busy: bool): u64 {
  if (!busy) return idleInterval(sd.balanceIntervalMs);
  return clampTicks(<u64>sd.balanceIntervalMs * tunables.busyFactor, tunables.loadHistory ? 0 : 1);
}

/** From the tick (trigger_load_balance). */
export function triggerBalance(rq: Rq): void {
  if (topology.nrLevels == 0) return;
  decayIdle();
  if (jiffies() >= rq.nextBalance) {
    updateBlocked(rq);
    const idle = rq.curr == rq.idle || (tunables.loadHistory && availableToFair(rq));
    rebalanceDomains(rq, idle ? Idle.IDLE : Idle.NOT_IDLE);
  }
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
  const src = tunables.loadHistory ? findBusiest414(env) : findBusiest(env);
  if (src == null || src == rq) return balanced(sd, idle);
  env.src = src;
  let moved: u32 = 0;
  if (src.nrRunning > 1) {
    env.allPinned = true;
    updateRqClock(src);
    moved = pullTasks(env);
    // The level above learns that affinity keeps tasks where they are.
    domainOf(sd.begin, level).imbalance = env.somePinned && env.imbalance > 0;
    if (env.allPinned) return balanced(sd, idle);
  }
  if (moved != 0) {
    sd.nrBalanceFailed = 0;
  } else {
    if (idle != Idle.NEWLY) sd.nrBalanceFailed++;
    const may = tunables.loadHistory || env.migration == Migrate.TASK;
    if (may && sd.nrBalanceFailed > sd.cacheNiceTries + 2) {
      pushToUs(rq, src);
      if (tunables.loadHistory) return backOff(sd);
    }
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

/** 4.14 has a task pushed, and rests longer. */
function backOff(sd: SchedDomain): u32 {
  sd.nrBalanceFailed = sd.cacheNiceTries + 1;
  if (sd.balanceIntervalMs < sd.maxIntervalMs) sd.balanceIntervalMs *= 2;
  return 0;
}

/** The running task is what has to move: its CPU's stopper pushes it here (active balance). */
function pushToUs(rq: Rq, src: Rq): void {
  const task = src.curr;
  if (task.rank == Rank.FAIR && task.mayRunOn(rq.id)) pushRunningTask(src, task, rq.id);
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
  updateBlocked(rq);
  if (tunables.loadHistory && rq.avgIdle < tunables.migrationCostNs) return false;
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
  let cpu = firstIn(masks.idle, 0, machine.nrCpus);
  // One that is forced to be idle has work of its own (find_new_ilb).
  while (tunables.coreSched && cpu >= 0 && !idleCpu(rqOf(cpu))) cpu = firstIn(masks.idle, cpu + 1, machine.nrCpus);
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
    if (!idleCpu(other)) continue;
    updateBlocked(other);
    if (jiffies() < other.nextBalance) continue;
    rebalanceDomains(other, Idle.IDLE);
  }
}
