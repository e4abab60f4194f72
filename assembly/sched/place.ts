/**
 * Where a fair task wakes (kernel/sched/fair.c select_task_rq_fair, wake_affine, select_idle_sibling): near its waker or where it ran,
 * on an idle CPU of that cache if one is found cheaply. How far the search goes before 5.19 is in sched/sis_prop.ts. New tasks and new programs are placed by sched/idlest.ts.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Flags, Rank } from './class';
import { cpuSuits } from './cookie';
import { fairLoad } from './cpu_load';
import { hasIdleCore, idleScan, setIdleCore } from './domain';
import { idlestCpu } from './idlest';
import { taskHLoad } from './load_avg';
import { coreBegin, coreEnd, llcBegin, llcEnd, masks } from './masks';
import { idleCpu, Rq, rqOf, shareCache } from './rq';
import { selectIdleProp } from './sis_prop';
import { tunables } from './tunables';

/** wake_wide: flips are halved once a second. */
const SECOND_NS: u64 = 1_000_000_000;
/** imbalance_pct of a cache's domain: half of its excess favours staying (WA_BIAS). */
const BIAS: u64 = 100 + (117 - 100) / 2;

/** Idle, or running nothing but BT or SCHED_IDLE tasks: as good as idle for a fair task (idle_bt_cpu, sched_idle_cpu). */
export function availableToFair(rq: Rq): bool {
  if (rq.ttwuPending != 0) return false;
  if (rq.nrRunning == 0) return rq.curr == rq.idle;
  if (masks.nrYielding == 0) return false;
  const bt = rq.bt.throttled ? 0 : rq.bt.hNrRunning;
  // 4.14 makes no difference between SCHED_IDLE tasks and others here.
  const idle = tunables.loadHistory ? 0 : rq.cfs.idleHNrRunning;
  return rq.curr.rank >= Rank.FAIR && rq.nrRunning == bt + idle;
}

export function selectFairRq(task: Task, prevCpu: u32, flags: u32): u32 {
  const here = machine.thisCpu;
  if ((flags & (Flags.FORK | Flags.EXEC)) != 0) return idlestCpu(task, here, prevCpu, (flags & Flags.FORK) != 0);
  const waker = rqOf(here).curr;
  recordWakee(waker, task);
  const affine = here != prevCpu && task.mayRunOn(here) && !wakeWide(waker, task);
  const target = affine ? wakeAffine(task, here, prevCpu, (flags & Flags.SYNC) != 0) : prevCpu;
  return selectIdleSibling(task, prevCpu, target);
}

/** Counts how often the waker wakes somebody else than last time (record_wakee). */
function recordWakee(waker: Task, wakee: Task): void {
  const jiffies = <u32>(machine.now / machine.tickPeriodNs);
  if (jiffies > waker.wakeeDecayAt + <u32>(SECOND_NS / machine.tickPeriodNs)) {
    waker.wakeeFlips >>= 1;
    waker.wakeeDecayAt = jiffies;
  }
  if (waker.lastWakee == wakee) return;
  waker.lastWakee = wakee;
  waker.wakeeFlips++;
}

/** One that wakes many, and a wakee that wakes some itself, do not fit into one cache (wake_wide). */
function wakeWide(waker: Task, wakee: Task): bool {
  const master = max(waker.wakeeFlips, wakee.wakeeFlips);
  const slave = min(waker.wakeeFlips, wakee.wakeeFlips);
  const size = machine.cpusPerLlc;
  return slave >= size && master >= slave * size;
}

function wakeAffine(task: Task, here: u32, prevCpu: u32, sync: bool): u32 {
  const hereRq = rqOf(here);
  const prevRq = rqOf(prevCpu);
  const prevIdle = idleCpu(prevRq);
  if (sync && hereRq.nrRunning == 1) return here;
  if (tunables.loadHistory) {
    if (idleCpu(hereRq)) return here;
  } else {
    if (idleCpu(hereRq) && shareCache(here, prevCpu)) return prevIdle ? prevCpu : here;
    if (prevIdle) return prevCpu;
  }
  let load = <i64>fairLoad(hereRq);
  if (sync && hereRq.curr.rank == Rank.FAIR) {
    const own = <i64>taskHLoad(hereRq.curr);
    if (own > load) return here;
    load -= own;
  }
  const wakee = <i64>taskHLoad(task);
  const hereLoad = (load + wakee) * 100;
  const prevLoad = (<i64>fairLoad(prevRq) - wakee) * BIAS;
  // In 4.14 a draw is for the waker, later only if that is about to sleep.
  return hereLoad < prevLoad + (sync || tunables.loadHistory ? 1 : 0) ? here : prevCpu;
}

export function isFree(task: Task, cpu: u32): bool {
  return availableToFair(rqOf(cpu)) && task.mayRunOn(cpu);
}

function selectIdleSibling(task: Task, prevCpu: u32, target: u32): u32 {
  if (masks.nrIdle == 0 && masks.nrYielding == 0 && !tunables.sisProp) {
    task.recentUsedCpu = <u16>prevCpu;
    return target;
  }
  if (isFree(task, target)) return target;
  if (prevCpu != target && shareCache(prevCpu, target) && isFree(task, prevCpu)) return prevCpu;
  if (tunables.sisProp) return selectIdleProp(task, target);
  const recent = task.recentUsedCpu;
  task.recentUsedCpu = <u16>prevCpu;
  if (recent != prevCpu && recent != target && shareCache(recent, target) && isFree(task, recent)) return recent;
  const smt = machine.threadsPerCore > 1;
  const wholeCore = smt && hasIdleCore(target);
  if (smt && !wholeCore && shareCache(prevCpu, target)) {
    for (let cpu = coreBegin(prevCpu); cpu < coreEnd(prevCpu); cpu++) if (isFree(task, cpu)) return cpu;
  }
  const cpu = selectIdleCpu(task, target, wholeCore);
  return cpu < 0 ? target : cpu;
}

/** Looks round the cache from the CPU behind the target on (select_idle_cpu). */
function selectIdleCpu(task: Task, target: u32, wholeCore: bool): i32 {
  const begin = llcBegin(target);
  const size = llcEnd(target) - begin;
  let left = tunables.sisUtil ? idleScan(target) : size;
  if (left == 0) return -1;
  let found = -1;
  for (let i: u32 = 1; i <= size; i++) {
    const cpu = begin + ((target - begin + i) % size);
    if (!task.mayRunOn(cpu)) continue;
    if (!wholeCore && left-- == 0) return -1;
    if (!availableToFair(rqOf(cpu))) continue;
    if (!wholeCore && tunables.coreSched && !cpuSuits(rqOf(cpu), task)) continue;
    if (!wholeCore || coreIsIdle(cpu)) return cpu;
    if (found < 0) found = cpu;
  }
  if (wholeCore) setIdleCore(target, false);
  return found;
}

function coreIsIdle(thread: u32): bool {
  for (let cpu = coreBegin(thread); cpu < coreEnd(thread); cpu++) if (!idleCpu(rqOf(cpu))) return false;
  return true;
}

/** A CPU goes idle: its core may now be wholly idle (update_idle_core). */
export function noteIdleCore(cpu: u32): void {
  if (machine.threadsPerCore > 1 && !hasIdleCore(cpu) && coreIsIdle(cpu)) setIdleCore(cpu, true);
}
