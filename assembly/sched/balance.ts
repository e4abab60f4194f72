/**
 * Load balance of the fair class: an idle CPU pulls what waits elsewhere, at once when it becomes idle (newidle_balance) and when a
 * busy CPU's tick kicks it (nohz_balancer_kick); busy CPUs even out their weights now and then (rebalance_domains).
 *
 * Simplified against 6.1: two levels (cache domain, machine) and present weights; the aim is that no CPU idles while work that it
 * may run waits for longer than a tick.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Rank } from './class';
import { clearBit, firstCommon, firstIn, llcBegin, llcEnd, masks } from './masks';
import { idleCpu, Rq, rqOf } from './rq';
import { tunables } from './tunables';
import { moveQueuedTask, sendIpi } from './wake';

/** At most so many tasks of a queue are looked at (sysctl_sched_nr_migrate). */
const NR_MIGRATE: u32 = 32;
/** A busy CPU balances every 16 × its domain's weight in ms (busy_factor, balance_interval). */
const BUSY_FACTOR: u64 = 16;
/** Weights this close in percent are even (imbalance_pct within a cache domain). */
const IMBALANCE_PCT: u64 = 117;

/** Fair tasks on a queue that wait. */
function waiting(rq: Rq): u32 {
  return rq.cfs.hNrRunning - (rq.curr.rank == Rank.FAIR && rq.curr.onRq ? 1 : 0);
}

/** A task that waits on `src` and may run on `dst`, least recently picked first, no heavier than `maxWeight`; or null. */
function detachable(src: Rq, dst: Rq, maxWeight: u64, evenIfHot: bool): Task {
  const head = src.cfsTasks;
  if (head == null) return changetype<Task>(0);
  let task = head.runPrev;
  for (let i: u32 = 0; i < NR_MIGRATE; i++) {
    if (task != src.curr && task.mayRunOn(dst.id) && task.weight <= maxWeight) {
      const hot = !task.idle && <i64>(src.clock - task.execStart) < <i64>tunables.migrationCostNs;
      if (evenIfHot || !hot) return task;
    }
    if (task == head) break;
    task = task.runPrev;
  }
  return changetype<Task>(0);
}

/** Pulls one waiting task from the CPU in [begin, end) with most of them. */
function pullFrom(rq: Rq, begin: u32, end: u32, evenIfHot: bool): bool {
  let most: u32 = 0;
  let found = changetype<Task>(0);
  for (let cpu = firstIn(masks.fair, begin, end); cpu >= 0; cpu = firstIn(masks.fair, cpu + 1, end)) {
    const src = rqOf(cpu);
    const nr = waiting(src);
    if (nr == 0) clearBit(masks.fair, cpu);
    if (nr <= most || src == rq) continue;
    const task = detachable(src, rq, u64.MAX_VALUE, evenIfHot);
    if (task == null) continue;
    found = task;
    most = nr;
  }
  if (found == null) return false;
  moveQueuedTask(rqOf(found.cpu), found, rq);
  return true;
}

function pullAnywhere(rq: Rq, evenIfHot: bool): bool {
  const begin = llcBegin(rq.id);
  const end = llcEnd(rq.id);
  if (pullFrom(rq, begin, end, evenIfHot)) return true;
  return pullFrom(rq, 0, begin, evenIfHot) || pullFrom(rq, end, machine.nrCpus, evenIfHot);
}

/** The CPU is about to run out of fair work. True if something was pulled. */
export function newidleBalance(rq: Rq): bool {
  return rq.ttwuPending == 0 && pullAnywhere(rq, false);
}

/** An idle CPU was kicked because work waits somewhere. */
export function idleBalance(rq: Rq): void {
  if (rq.nrRunning == 0) pullAnywhere(rq, true);
}

/** From the tick of a busy CPU: kicks an idle CPU for each of its waiting tasks that has one. */
export function kickIdleCpus(rq: Rq): void {
  if (masks.nrIdle == 0 || waiting(rq) == 0) return;
  let task = rq.cfsTasks.runPrev;
  for (let i: u32 = 0; i < NR_MIGRATE; i++) {
    if (task != rq.curr) {
      const cpu = kickableCpu(task);
      if (cpu >= 0) {
        rqOf(cpu).balanceDue = true;
        sendIpi(rqOf(cpu));
      }
    }
    if (task == rq.cfsTasks) return;
    task = task.runPrev;
  }
}

/** An idle CPU that the task may use and that has not been kicked, or −1. */
function kickableCpu(task: Task): i32 {
  let cpu = firstCommon(masks.idle, task.cpusAllowed, 0, machine.nrCpus);
  while (cpu >= 0 && (rqOf(cpu).balanceDue || !idleCpu(rqOf(cpu)))) {
    cpu = firstCommon(masks.idle, task.cpusAllowed, cpu + 1, machine.nrCpus);
  }
  return cpu;
}

/** From the tick of a busy CPU, when its interval is over: pulls from the CPU with the greatest weight until they are even. */
export function periodicBalance(rq: Rq): void {
  const span = llcEnd(rq.id) - llcBegin(rq.id);
  rq.nextBalance = machine.now + BUSY_FACTOR * <u64>span * 1_000_000;
  let busiest = rq;
  for (let cpu = firstIn(masks.fair, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.fair, cpu + 1, machine.nrCpus)) {
    const other = rqOf(cpu);
    if (waiting(other) == 0) clearBit(masks.fair, cpu);
    else if (other.cfs.weight > busiest.cfs.weight) busiest = other;
  }
  if (busiest == rq) return;
  for (let i: u32 = 0; i < NR_MIGRATE; i++) {
    if (busiest.cfs.weight * 100 <= rq.cfs.weight * IMBALANCE_PCT) return;
    const task = detachable(busiest, rq, (busiest.cfs.weight - rq.cfs.weight) >> 1, i > 0);
    if (task == null) return;
    moveQueuedTask(busiest, task, rq);
  }
}
