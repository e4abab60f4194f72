/**
 * Where a fair task wakes or is born (kernel/sched/fair.c select_task_rq_fair, wake_affine, select_idle_sibling).
 *
 * Simplified against 6.1: loads are present weights, not decaying averages; a search for an idle CPU covers the whole cache domain.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Flags, Rank } from './class';
import { firstCommon, llcBegin, llcEnd, masks } from './masks';
import { idleCpu, Rq, rqOf, shareCache } from './rq';

/** Idle, or running nothing but BT or SCHED_IDLE tasks: as good as idle for a fair task (idle_bt_cpu, sched_idle_cpu). */
export function availableToFair(rq: Rq): bool {
  if (rq.ttwuPending != 0) return false;
  if (rq.nrRunning == 0) return rq.curr == rq.idle;
  const bt = rq.bt.throttled ? 0 : rq.bt.hNrRunning;
  return rq.curr.rank >= Rank.FAIR && rq.nrRunning == bt + rq.cfs.idleHNrRunning;
}

export function selectFairRq(task: Task, prevCpu: u32, flags: u32): u32 {
  if ((flags & Flags.FORK) != 0) return idlestCpu(task, machine.thisCpu);
  const here = machine.thisCpu;
  const target = here != prevCpu && task.mayRunOn(here) ? wakeAffine(task, here, prevCpu, flags) : prevCpu;
  return selectIdleSibling(task, prevCpu, target);
}

function wakeAffine(task: Task, here: u32, prevCpu: u32, flags: u32): u32 {
  const hereRq = rqOf(here);
  const prevRq = rqOf(prevCpu);
  const prevIdle = idleCpu(prevRq);
  if (idleCpu(hereRq) && shareCache(here, prevCpu)) return prevIdle ? prevCpu : here;
  const sync = (flags & Flags.SYNC) != 0;
  if (sync && hereRq.nrRunning == 1) return here;
  if (prevIdle) return prevCpu;
  const currWeight = sync && hereRq.curr.rank == Rank.FAIR ? hereRq.curr.weight : 0;
  const hereLoad = (hereRq.cfs.weight - min(currWeight, hereRq.cfs.weight) + task.weight) * 100;
  // imbalance_pct 117 of a domain that shares its cache: half of the excess favours staying.
  const prevLoad = prevRq.cfs.weight * 108;
  return hereLoad < prevLoad ? here : prevCpu;
}

function selectIdleSibling(task: Task, prevCpu: u32, target: u32): u32 {
  if (availableToFair(rqOf(target))) return target;
  if (prevCpu != target && shareCache(prevCpu, target) && availableToFair(rqOf(prevCpu))) return prevCpu;
  const begin = llcBegin(target);
  const end = llcEnd(target);
  if (masks.nrIdle != 0) {
    let cpu = firstIdle(task, target + 1, end);
    if (cpu < 0) cpu = firstIdle(task, begin, target);
    if (cpu >= 0) return cpu;
  }
  if (masks.nrYielding == 0) return target;
  for (let i: u32 = 1; i < end - begin; i++) {
    const other = begin + ((target - begin + i) % (end - begin));
    if (task.mayRunOn(other) && availableToFair(rqOf(other))) return other;
  }
  return target;
}

/** First idle CPU in [begin, end) that the task may use and nobody is on the way to, or −1. */
function firstIdle(task: Task, begin: u32, end: u32): i32 {
  let cpu = firstCommon(masks.idle, task.cpusAllowed, begin, end);
  while (cpu >= 0 && !idleCpu(rqOf(cpu))) cpu = firstCommon(masks.idle, task.cpusAllowed, cpu + 1, end);
  return cpu;
}

/** For a new task: an idle CPU, nearest first, or the one with the least load (find_idlest_cpu). */
export function idlestCpu(task: Task, near: u32): u32 {
  if (task.mayRunOn(near) && idleCpu(rqOf(near))) return near;
  let cpu = firstIdle(task, llcBegin(near), llcEnd(near));
  if (cpu < 0) cpu = firstIdle(task, 0, machine.nrCpus);
  if (cpu >= 0) return cpu;
  let best = task.cpu;
  let least = u64.MAX_VALUE;
  for (let i: u32 = 0; i < machine.nrCpus; i++) {
    const candidate = (near + i) % machine.nrCpus;
    if (!task.mayRunOn(candidate)) continue;
    const rq = rqOf(candidate);
    const load = rq.cfs.weight + ((<u64>rq.nrRunning) << 10);
    if (load < least) {
      least = load;
      best = candidate;
    }
  }
  return best;
}
