/**
 * What RUE does when pages have been charged to a group, once a batch of 64, and what the task that charged them pays on its way back to
 * user mode: first for the page cache above its limit, then in direct reclaim for the pressure, last in sleep for its speed.
 *
 * In the original the priority part may undo the charge and send the task to reclaim first; here the page is kept and paid for at once.
 */
import { psiMemstallLeave } from '../../sched/psi';
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { MemCgroup } from '../memcg';
import { SWAP_CLUSTER_MAX } from '../mm';
import { Phase, startReclaim } from '../phase';
import { TaskMm } from '../task_mm';
import { queueAsync } from './async';
import { cacheOver, endCacheStep, startCacheStep } from './cache';
import { alarm } from './controller';
import { ONE } from './position';
import { isOn, isVictim, Part, qosOf, rue } from './rue';
import { chargeSlice, speedSleep } from './speed';

/** What is still to be paid for a charge. */
export namespace Due {
  export const NOTHING: u32 = 0;
  export const CACHE: u32 = 1;
  export const CACHE_STEP: u32 = 2;
  export const PRESSURE: u32 = 3;
  export const SPEED: u32 = 4;
}

/** Pages have been charged to a group. */
export function noteCharge(m: TaskMm, group: MemCgroup, pages: u32): void {
  m.due = Due.CACHE;
  for (let g = group; g.parent != null; g = g.parent) {
    const qos = qosOf(g);
    if (g.usage > qos.asyncHigh) queueAsync(qos);
    chargeSlice(qos, pages);
  }
  if (!isOn(Part.RECLAIM)) return;
  rue.allocated += pages;
  if (isVictim(qosOf(group))) m.debt += pages * <u64>rue.ratio;
  if (isOn(Part.ACCELERATE)) alarm();
}

/** Begins the next thing that is due. True: the task sleeps. */
export function payDue(rq: Rq, task: Task, m: TaskMm): bool {
  if (m.killed) m.due = Due.NOTHING;
  while (true) {
    switch (m.due) {
      case Due.CACHE:
        m.dueGroup = cacheOver(m.group);
        m.dueRetries = rue.cacheRetries;
        m.due = m.dueGroup == null ? Due.PRESSURE : Due.CACHE_STEP;
        break;
      case Due.CACHE_STEP:
        startCacheStep(m);
        return false;
      case Due.PRESSURE: {
        m.due = Due.SPEED;
        const pages = m.debt / <u64>ONE;
        if (pages < SWAP_CLUSTER_MAX) break;
        m.debt = 0;
        startReclaim(m, m.group, pages, Phase.DUE_RECLAIM);
        return false;
      }
      case Due.SPEED:
        m.due = Due.NOTHING;
        m.phase = Phase.HIGH;
        return speedSleep(rq, task, m);
      default:
        m.phase = Phase.HIGH;
        return false;
    }
  }
}

/** A reclaim that was due is over. True: the task sleeps. */
export function endDue(rq: Rq, task: Task, m: TaskMm): bool {
  psiMemstallLeave(m.task);
  m.phase = Phase.DUE;
  if (m.due == Due.CACHE_STEP) return endCacheStep(rq, task, m);
  const qos = qosOf(m.group);
  qos.paidPages += m.sc.nrReclaimed;
  rue.reclaimed += m.sc.nrReclaimed;
  return false;
}

/** An allocation of a first priority has taken this long. */
export function noteAllocations(group: MemCgroup, ns: u64, count: u32): void {
  if (!isOn(Part.LATENCY) || qosOf(group).priority > rue.latencyPriority) return;
  rue.allocations += count;
  if (ns > rue.latencyTargetNs) rue.late += count;
}
