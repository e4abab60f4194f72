/**
 * Where BT tasks run (kernel/sched/batch.c select_task_rq_bt, load_balance_bt of TencentOS 4.14): on CPUs that fair tasks leave alone.
 *
 * A CPU's BT load is its weight, doubled for every 8 ms that its queue has not been empty, up to 4096-fold. That was meant as "kept
 * waiting", but a queue that does run ages just as well: after 96 ms all CPUs count the same again, equal weights look balanced, and a
 * BT task on a CPU whose fair tasks never sleep is left there (recorded cases B05, B17, B26).
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { clearBit, firstCommon, firstIn, llcBegin, llcEnd, masks } from './masks';
import { BtRq, idleCpu, Rq, rqOf } from './rq';
import { tunables } from './tunables';
import { moveQueuedTask, sendIpi } from './wake';

/** sched_bt_granularity_ns. */
const GRANULARITY_NS: u64 = 4_000_000;
/** The age counts up to a factor of 2¹². */
const MAX_FACTOR: u64 = 12;
/** sched_idle_balance_bt_ns: a CPU that expects to sleep for less does not pull. */
const IDLE_BALANCE_NS: u64 = 300_000;
/** How often a CPU that runs BT looks for more: the pace of case B15, where the source's intervals are reset at every pull. */
const INTERVAL_TICKS: u64 = 4;
/** Loads this close in percent are even (imbalance_pct of a cache domain). */
const IMBALANCE_PCT: u64 = 117;

function mayHoldBt(bt: BtRq): bool {
  return !bt.throttled && bt.runtime != 0;
}

/** Idle, and BT may run there now. */
function isOpen(task: Task, cpu: u32): bool {
  const rq = rqOf(cpu);
  return task.mayRunOn(cpu) && idleCpu(rq) && mayHoldBt(rq.bt);
}

function firstOpen(task: Task, begin: u32, end: u32): i32 {
  let cpu = firstCommon(masks.idle, task.cpusAllowed, begin, end);
  while (cpu >= 0 && !isOpen(task, cpu)) cpu = firstCommon(masks.idle, task.cpusAllowed, cpu + 1, end);
  return cpu;
}

/** The previous CPU if it is idle, an idle one of its cache domain, any idle one, or the previous one even if CFS runs there. */
export function selectBtRq(task: Task, prevCpu: u32, forked: bool): u32 {
  if (isOpen(task, prevCpu)) return prevCpu;
  let cpu = firstOpen(task, llcBegin(prevCpu), llcEnd(prevCpu));
  if (cpu < 0) cpu = firstOpen(task, 0, machine.nrCpus);
  if (cpu >= 0) return cpu;
  return forked ? leastLoaded(task, prevCpu) : prevCpu;
}

/** log₂ of what the age of the BT queue multiplies its weight with (bt_load's factor). */
function ageFactor(rq: Rq): u64 {
  const since = rq.bt.blockedSince;
  if (since == 0 || rq.clock < since) return 0;
  const units = (rq.clock - since + GRANULARITY_NS / 2) / GRANULARITY_NS;
  return min(units / 2, MAX_FACTOR);
}

function agedLoad(rq: Rq): u64 {
  return rq.bt.weight << ageFactor(rq);
}

/** For a new task when no CPU is idle: the least load where no fair task runs. */
function leastLoaded(task: Task, prevCpu: u32): u32 {
  let best = prevCpu;
  let least = u64.MAX_VALUE;
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    if (!task.mayRunOn(cpu) || !mayHoldBt(rq.bt) || rq.cfs.hNrRunning != 0) continue;
    // sched_bt_load_fair: the fair load beside it counts, too.
    const load = agedLoad(rq) + (tunables.btLoadFair ? rq.cfs.weight : 0);
    if (load >= least) continue;
    least = load;
    best = cpu;
  }
  return best;
}

/** The BT task that has waited longest here and may run on `cpu`, or null. */
function detachable(src: Rq, cpu: u32): Task {
  const head = src.btTasks;
  if (head == null) return head;
  let task = head;
  do {
    task = task.runPrev;
    if (task != src.curr && task.mayRunOn(cpu)) return task;
  } while (task != head);
  return changetype<Task>(0);
}

/** The CPU would go idle: it pulls a BT task that waits on another one, if it is likely to stay idle for long enough. */
export function newidleBt(rq: Rq): bool {
  return rq.avgIdle >= IDLE_BALANCE_NS && pullAny(rq);
}

function pullAny(rq: Rq): bool {
  if (!mayHoldBt(rq.bt)) return false;
  for (let cpu = firstIn(masks.bt, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.bt, cpu + 1, machine.nrCpus)) {
    const src = rqOf(cpu);
    if (src.bt.hNrRunning == 0) clearBit(masks.bt, cpu);
    if (src == rq) continue;
    const task = detachable(src, rq.id);
    if (task == null) continue;
    moveQueuedTask(src, task, rq);
    return true;
  }
  return false;
}

/** From the tick: a CPU without fair tasks pulls BT weight from the one that has most, if that is out of proportion. */
export function periodicBt(rq: Rq): void {
  // CPUs take turns: at one and the same tick they would only swap.
  const turn = machine.now / machine.tickPeriodNs + (rq.id * INTERVAL_TICKS) / machine.nrCpus;
  if (turn % INTERVAL_TICKS != 0 || rq.cfs.hNrRunning != 0 || !mayHoldBt(rq.bt)) return;
  const own = agedLoad(rq);
  let most = own;
  let busiest = rq;
  for (let cpu = firstIn(masks.bt, 0, machine.nrCpus); cpu >= 0; cpu = firstIn(masks.bt, cpu + 1, machine.nrCpus)) {
    const other = rqOf(cpu);
    const load = agedLoad(other);
    if (other.bt.hNrRunning == 0) clearBit(masks.bt, cpu);
    if (other.bt.hNrRunning < 2 || load <= most) continue;
    most = load;
    busiest = other;
  }
  if (busiest == rq || most * 100 <= own * IMBALANCE_PCT) return;
  const task = detachable(busiest, rq.id);
  if (task != null) moveQueuedTask(busiest, task, rq);
}

/** From the tick: BT work waits here and some CPU is idle, so that one is kicked. */
export function kickIdleForBt(rq: Rq): void {
  if (masks.nrIdle == 0 || rq.bt.nrRunning == 0) return;
  const task = rq.btTasks.runPrev;
  if (task == rq.curr) return;
  const cpu = firstOpen(task, 0, machine.nrCpus);
  if (cpu < 0) return;
  rqOf(cpu).balanceDue = true;
  sendIpi(rqOf(cpu));
}

/** An idle CPU was kicked. */
export function idleBalanceBt(rq: Rq): void {
  if (rq.nrRunning == 0) pullAny(rq);
}
