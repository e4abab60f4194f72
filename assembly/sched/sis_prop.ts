/**
 * How a task that wakes finds an idle CPU in a cache before SIS_UTIL (kernel/sched/fair.c select_idle_sibling of 4.14): an idle core, then
 * any idle CPU, looking at no more of them than the waker's average idle time is worth, then the target's hyper-thread (SIS_PROP).
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { hasIdleCore, setIdleCore } from './domain';
import { coreBegin, coreEnd, llcBegin, llcEnd } from './masks';
import { availableToFair, isFree } from './place';
import { rqOf } from './rq';

/** What looking at a CPU takes, as the search measures itself; assumption: a line from the cache that they share. */
const SCAN_NS: u64 = 50;
/** The average idle time varies so much that only this part of it counts. */
const FUZZ: u64 = 512;
/** Never fewer steps than these; the first is the target itself, the last looks at nothing. */
const LEAST: u64 = 4;

/** An idle CPU in the target's cache, or the target. */
export function selectIdleProp(task: Task, target: u32): u32 {
  let cpu = machine.threadsPerCore > 1 && hasIdleCore(target) ? idleCore(task, target) : -1;
  if (cpu < 0) cpu = scanCache(task, target);
  if (cpu < 0) cpu = idleThread(task, target);
  return cpu < 0 ? target : <u32>cpu;
}

/** select_idle_core */
function idleCore(task: Task, target: u32): i32 {
  const begin = llcBegin(target);
  const size = llcEnd(target) - begin;
  for (let i: u32 = 0; i < size; i++) {
    const cpu = begin + ((target - begin + i) % size);
    if (task.mayRunOn(cpu) && coreIsFree(cpu)) return cpu;
  }
  setIdleCore(target, false);
  return -1;
}

function coreIsFree(thread: u32): bool {
  for (let cpu = coreBegin(thread); cpu < coreEnd(thread); cpu++) if (!availableToFair(rqOf(cpu))) return false;
  return true;
}

/** How many steps a search may take: the idle time that all of the cache has to lose, in units of what a search has taken. */
function scanSteps(size: u64, avgIdle: u64, avgScanCost: u64): u64 {
  const cost = avgScanCost + 1;
  const idle = size * (avgIdle / FUZZ);
  return idle > LEAST * cost ? idle / cost : LEAST;
}

/** select_idle_cpu; a search that is given up teaches nothing of what one takes. */
function scanCache(task: Task, target: u32): i32 {
  const here = rqOf(machine.thisCpu);
  const begin = llcBegin(target);
  const size = llcEnd(target) - begin;
  let steps = scanSteps(size, here.avgIdle, here.avgScanCost);
  let found = -1;
  let looked: u64 = 0;
  for (let i: u32 = 0; i < size && found < 0; i++) {
    if (--steps == 0) return -1;
    const cpu = begin + ((target - begin + i) % size);
    looked++;
    if (isFree(task, cpu)) found = cpu;
  }
  here.avgScanCost += <i64>(looked * SCAN_NS - here.avgScanCost) / 8;
  return found;
}

/** select_idle_smt */
function idleThread(task: Task, target: u32): i32 {
  for (let cpu = coreBegin(target); cpu < coreEnd(target); cpu++) if (isFree(task, cpu)) return cpu;
  return -1;
}
