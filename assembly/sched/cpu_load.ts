/**
 * Loads as 4.14 and 5.4 compare them (kernel/sched/fair.c cpu_load_update, source_load, target_load; batch.c's twins): each CPU keeps what it
 * weighed at its ticks, halved with each; where load would be taken from it counts as little, where it would go as much as either says.
 *
 * Assumption: BT's history (cpu_bt_load) is kept as CFS's; the public sources read it only.
 */
import { allocate } from '../base/arena';
import { machine } from '../machine/machine';
import { CfsRq, SchedEntity } from './entity';
import { updateLoadAvg } from './load_avg';
import { Rq } from './rq';
import { tunables } from './tunables';

/** Which of its loads a CPU is judged by, by who asks (busy_idx, idle_idx, newidle_idx). */
export namespace LoadIdx {
  export const PRESENT: u32 = 0;
  export const LAST_TICK: u32 = 1;
  export const HALVED: u32 = 2;
}

/** cpu_load[0] and cpu_load[1]. */
@unmanaged
export class LoadHistory {
  lastTick: u64;
  halved: u64;
  /** Jiffy of the last update. */
  updatedAt: u64;
}

export function newLoadHistory(): LoadHistory {
  return allocate<LoadHistory>();
}

/** A tick; those that the CPU slept through count as without load. */
function update(history: LoadHistory, load: u64, jiffies: u64): void {
  const missed = jiffies > history.updatedAt + 1 ? min(jiffies - history.updatedAt - 1, 63) : 0;
  const old = history.halved >> missed;
  history.updatedAt = jiffies;
  history.lastTick = load;
  history.halved = (old + load + (load > old ? 1 : 0)) >> 1;
}

/** From the tick. */
export function updateCpuLoad(rq: Rq): void {
  const jiffies = machine.now / machine.tickPeriodNs;
  if (tunables.loadHistory) update(rq.fairHistory, fairLoad(rq), jiffies);
  if (rq.bt.weight != 0 || rq.btHistory.halved != 0) update(rq.btHistory, rq.bt.weight, jiffies);
}

/** Load of the runnable entities of a CPU's root queue; of all of them before it (weighted_cpuload). */
export function fairLoad(rq: Rq): u64 {
  const q = rq.cfs;
  if (!tunables.loadHistory) return q.avg.loadAvg;
  if (q.nrRunning == 0) return 0;
  let sum = subtreeLoad(q, changetype<SchedEntity>(q.root));
  if (q.curr != null && q.curr.onRq) sum += entityLoad(q, q.curr);
  return sum;
}

function entityLoad(q: CfsRq, se: SchedEntity): u64 {
  updateLoadAvg(q, se, 0);
  return se.avg.loadAvg;
}

function subtreeLoad(q: CfsRq, se: SchedEntity): u64 {
  if (se == null) return 0;
  return (
    entityLoad(q, se) +
    subtreeLoad(q, changetype<SchedEntity>(se.left)) +
    subtreeLoad(q, changetype<SchedEntity>(se.right))
  );
}

function remembered(history: LoadHistory, idx: u32): u64 {
  return idx == LoadIdx.LAST_TICK ? history.lastTick : history.halved;
}

/** Fair load of a CPU that load would be taken from. */
export function sourceLoad(rq: Rq, idx: u32): u64 {
  const load = fairLoad(rq);
  return idx == LoadIdx.PRESENT || !tunables.loadHistory ? load : min(load, remembered(rq.fairHistory, idx));
}

/** Fair load of a CPU that it would go to. */
export function targetLoad(rq: Rq, idx: u32): u64 {
  const load = fairLoad(rq);
  return idx == LoadIdx.PRESENT || !tunables.loadHistory ? load : max(load, remembered(rq.fairHistory, idx));
}

/** The same of the BT class, whose loads are weights. */
export function sourceBtLoad(rq: Rq, idx: u32): u64 {
  return idx == LoadIdx.PRESENT ? rq.bt.weight : min(rq.bt.weight, remembered(rq.btHistory, idx));
}

export function targetBtLoad(rq: Rq, idx: u32): u64 {
  return idx == LoadIdx.PRESENT ? rq.bt.weight : max(rq.bt.weight, remembered(rq.btHistory, idx));
}
