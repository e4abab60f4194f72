/**
 * BT's load balance (kernel/sched/batch.c load_balance_bt, rebalance_domains_bt, idle_balance_bt of TencentOS 4.14), beside and after CFS's.
 *
 * What it takes from is nearly always a queue that has aged, after which it looks again at the very next tick: BT tasks among themselves
 * are moved about ten times as often as fair ones (recorded case B15).
 *
 * Simplified: tasks that may not come to this CPU are not offered to another of its group. Ours: an idle CPU without a tick is kicked when
 * BT tasks wait; the source shows its balance, but not who would start it.
 */
import { allocate } from '../base/arena';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { busyInterval, idleInterval, jiffies } from './balance';
import { BtEnv, findBusiestBt, hasStronger, mayHoldBt, newBtStats } from './bt_busiest';
import { Idle } from './busiest';
import { domainOf, SchedDomain, topology } from './domain';
import { CfsRq } from './entity';
import { clearBit, firstCommon, firstIn, masks } from './masks';
import { idleCpu, Rq, rqOf, updateRqClock } from './rq';
import { pushRunningTask } from './stop';
import { moveToFront } from './task_list';
import { moveQueuedTask, sendIpi } from './wake';

/** At most so many tasks of a queue are looked at (sysctl_sched_nr_migrate). */
const NR_MIGRATE: u32 = 32;
/** sched_idle_balance_bt_ns: a CPU that expects to sleep for less does not pull. */
const IDLE_BALANCE_NS: u64 = 300_000;
/** Pinned tasks double a domain's interval up to this (MAX_PINNED_INTERVAL_BT). */
const MAX_PINNED_INTERVAL_MS: u32 = 512;

let env: BtEnv = changetype<BtEnv>(0);

/** Space for balancing; at set-up. */
export function newBtBalance(): void {
  env = allocate<BtEnv>();
  newBtStats();
}

/** From the tick of a CPU that has BT tasks (trigger_load_balance). */
export function triggerBtBalance(rq: Rq): void {
  if (topology.nrLevels == 0) return;
  if (mayHoldBt(rq) && jiffies() >= rq.nextBalanceBt) rebalance(rq, idleCpu(rq) ? Idle.IDLE : Idle.NOT_IDLE);
  kickIdle(rq);
}

/** rebalance_domains_bt: nothing where fair tasks want the CPU. */
function rebalance(rq: Rq, idleType: u32): void {
  if (hasStronger(rq) || rq.bt.throttled) return;
  const now = jiffies();
  let idle = idleType;
  let next = now + 60_000_000_000 / machine.tickPeriodNs;
  for (let level: u32 = 0; level < topology.nrLevels; level++) {
    const sd = domainOf(rq.id, level);
    // As it was before the balance: a first pull comes into its own only once this is over.
    const rest = idle == Idle.IDLE ? idleInterval(sd.balanceIntervalBtMs) : busyInterval(sd.balanceIntervalBtMs);
    if (now >= sd.lastBalanceBt + rest) {
      if (balance(rq, sd, level, idle) != 0) idle = idleCpu(rq) ? Idle.IDLE : Idle.NOT_IDLE;
      sd.lastBalanceBt = now;
    }
    next = min(next, sd.lastBalanceBt + rest);
    if (env.notOurs) break;
  }
  rq.nextBalanceBt = next;
}

/** load_balance_bt; returns how many tasks came. */
function balance(rq: Rq, sd: SchedDomain, level: u32, idle: u32): u32 {
  env.sd = sd;
  env.level = level;
  env.dst = rq;
  env.idle = idle;
  env.notOurs = false;
  env.aged = false;
  const src = findBusiestBt(env);
  if (src == null) return balanced(sd, false);
  let moved: u32 = 0;
  if ((src.nrRunning > 1 || !mayHoldBt(src)) && src.bt.hNrRunning != 0) {
    updateRqClock(src);
    const allowed = pull(src, rq);
    if (allowed < 0) return balanced(sd, true);
    moved = <u32>allowed;
  }
  let pushed = false;
  if (moved != 0) {
    sd.nrBalanceFailedBt = 0;
  } else {
    if (idle != Idle.NEWLY) sd.nrBalanceFailedBt++;
    if (sd.nrBalanceFailedBt > sd.cacheNiceTries + 2) {
      pushed = push(src, rq);
      sd.nrBalanceFailedBt = sd.cacheNiceTries + 1;
    }
  }
  if (!pushed) sd.balanceIntervalBtMs = sd.minIntervalMs;
  else if (sd.balanceIntervalBtMs < sd.maxIntervalMs) sd.balanceIntervalBtMs *= 2;
  if (env.aged) sd.balanceIntervalBtMs = 0;
  return moved;
}

/** Nothing to do, or nothing that can be done: the domain rests longer. */
function balanced(sd: SchedDomain, pinned: bool): u32 {
  sd.nrBalanceFailedBt = 0;
  const most = pinned ? max(sd.maxIntervalMs, MAX_PINNED_INTERVAL_MS) : sd.maxIntervalMs;
  if (sd.balanceIntervalBtMs < most) sd.balanceIntervalBtMs *= 2;
  if (env.aged) sd.balanceIntervalBtMs = 0;
  return 0;
}

/** Moves tasks, those longest on the queue first, until the imbalance is gone (move_tasks_bt). −1: none may come here. */
function pull(src: Rq, dst: Rq): i32 {
  snapshotHLoad(src);
  let moved = 0;
  let pinned = true;
  const most = min(NR_MIGRATE, src.bt.hNrRunning);
  for (let looked: u32 = 0; looked < most && src.btTasks != null && env.imbalance > 0; looked++) {
    const task = src.btTasks.runPrev;
    const allowed = task.mayRunOn(dst.id);
    if (allowed) pinned = false;
    const load = hLoadOf(task);
    if (!allowed || task == src.curr || load / 2 > env.imbalance) {
      moveToFront(src, task);
      continue;
    }
    moveQueuedTask(src, task, dst);
    moved++;
    env.imbalance -= min(load, env.imbalance);
  }
  return pinned && moved == 0 ? -1 : moved;
}

/**
 * What each queue of a CPU weighs of its whole, once a jiffy (update_h_bt_load). It stands while tasks are moved, so that those that are left
 * seem to weigh the more: of three tasks two go, and the last is stranded (recorded in B05c and B05n).
 */
function snapshotHLoad(src: Rq): void {
  if (src.hLoadBtAt == jiffies()) return;
  src.hLoadBtAt = jiffies();
  let task = src.btTasks;
  do {
    snapshotQueue(task.cfsRq);
    task = task.runNext;
  } while (task != src.btTasks);
}

function snapshotQueue(q: CfsRq): u64 {
  const se = q.entity;
  if (se == null) q.hLoad = q.weight;
  else q.hLoad = (snapshotQueue(se.cfsRq) * se.weight) / (se.cfsRq.weight + 1);
  return q.hLoad;
}

/** task_h_bt_load */
function hLoadOf(task: Task): u64 {
  return (task.weight * task.cfsRq.hLoad) / (task.cfsRq.weight + 1);
}

/** A CPU's stopper pushes the first task that may go (active_bt_load_balance_cpu_stop). */
function push(src: Rq, dst: Rq): bool {
  const head = src.btTasks;
  if (head == null || src.nrRunning <= 1) return false;
  let task = head;
  do {
    task = task.runPrev;
    if (task.mayRunOn(dst.id)) {
      pushRunningTask(src, task, dst.id);
      return true;
    }
  } while (task != head);
  return false;
}

/** The CPU would go idle: it pulls BT tasks from others, if it is likely to stay idle for long enough (idle_balance_bt). True if some came. */
export function newidleBt(rq: Rq): bool {
  if (!mayHoldBt(rq) || rq.avgIdle < IDLE_BALANCE_NS || !someWait()) return false;
  const now = jiffies();
  let next = now + 1_000_000_000 / machine.tickPeriodNs;
  let moved: u32 = 0;
  for (let level: u32 = 0; level < topology.nrLevels && moved == 0; level++) {
    const sd = domainOf(rq.id, level);
    moved = balance(rq, sd, level, Idle.NEWLY);
    next = min(next, sd.lastBalanceBt + idleInterval(sd.balanceIntervalBtMs));
  }
  if (moved != 0 || now > rq.nextBalanceBt) rq.nextBalanceBt = next;
  return moved != 0;
}

/** Whether BT tasks wait somewhere (rd->overload_bt). CPUs where they no longer do are forgotten. */
function someWait(): bool {
  for (let cpu = firstIn(masks.bt, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.bt, cpu + 1, machine.nrCpus)) {
    const rq = rqOf(cpu);
    if (rq.bt.hNrRunning != 0 && (rq.nrRunning > 1 || !mayHoldBt(rq))) return true;
    clearBit(masks.bt, cpu);
  }
  return false;
}

/** An idle CPU on which a BT task may run now, or null. */
export function idleRqFor(task: Task): Rq {
  let cpu = firstCommon(masks.idle, task.cpusAllowed, 0, machine.nrCpus);
  while (cpu >= 0 && !(idleCpu(rqOf(cpu)) && mayHoldBt(rqOf(cpu)))) {
    cpu = firstCommon(masks.idle, task.cpusAllowed, cpu + 1, machine.nrCpus);
  }
  return cpu < 0 ? changetype<Rq>(0) : rqOf(cpu);
}

/** BT tasks wait here and some CPU is idle, so that one is kicked. */
function kickIdle(rq: Rq): void {
  if (masks.nrIdle == 0) return;
  const task = rq.btTasks.runPrev;
  if (task == rq.curr) return;
  const idle = idleRqFor(task);
  if (idle == null) return;
  idle.balanceDue = true;
  sendIpi(idle);
}

/** An idle CPU was kicked. */
export function idleBalanceBt(rq: Rq): void {
  if (rq.nrRunning != 0 || topology.nrLevels == 0 || !someWait()) return;
  updateRqClock(rq);
  rebalance(rq, Idle.IDLE);
}
