/** Charging a page to a group, and reclaim or the OOM killer when a limit is hit (mm/memcontrol.c try_charge_memcg). */
import { machine } from '../machine/machine';
import { Rq } from '../sched/rq';
import { Task } from '../task/task';
import { CHARGE_BATCH, consumeStock, drainAllStock, marginOf, overHigh, refillStock, tryChargePages } from './memcg';
import { costs, count, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { groupOom } from './oom';
import { endWindow, leaveToExit } from './get_page';
import { freePages } from './page_alloc';
import { endReclaim, Phase, startReclaim } from './phase';
import { noteCharge } from './rue/charged';
import { TaskMm } from './task_mm';

export function charge(rq: Rq, m: TaskMm): void {
  const group = m.group;
  m.phase = Phase.PLACE;
  if (group.parent == null) {
    group.usage++;
    return;
  }
  m.costNs += costs.chargeNs;
  if (consumeStock(rq.id, group)) return;
  let charged = CHARGE_BATCH;
  let limit = tryChargePages(group, CHARGE_BATCH);
  if (limit != null) {
    charged = 1;
    limit = tryChargePages(group, 1);
  } else {
    refillStock(rq.id, group, CHARGE_BATCH - 1);
  }
  if (limit == null) {
    if (overHigh(group) != null) m.overHigh += charged;
    if (group.qos != 0) noteCharge(m, group, charged);
    return;
  }
  m.limit = limit;
  for (let g = limit; g != null; g = g.parent) g.maxEvents++;
  count(Vm.MEMCG_RECLAIMS, 1);
  startReclaim(m, limit, SWAP_CLUSTER_MAX, Phase.MEMCG);
}

export function endMemcg(rq: Rq, task: Task, m: TaskMm): void {
  const progress = endReclaim(m, mm.memcgNs, mm.memcgPages);
  m.phase = Phase.CHARGE;
  if (marginOf(m.limit) >= 1) return;
  if (!m.drained) {
    m.drained = true;
    drainAllStock(m.limit, machine.nrCpus);
    return;
  }
  if (progress != 0) return;
  if (m.retries != 0) {
    m.retries--;
    return;
  }
  if (m.passedOom && m.killed) {
    // It is dying: it does without, and the page goes back (task_is_dying).
    mm.inFlight--;
    freePages(m.zone, rq.id, 1);
    if (m.chain != null) endWindow(m);
    else leaveToExit(m);
    return;
  }
  groupOom(rq, m.limit);
  m.passedOom = true;
  m.retries = MAX_RECLAIM_RETRIES;
}
