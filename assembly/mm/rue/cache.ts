/**
 * Page-cache limit of a group (memory.pagecache.max_ratio, reclaim_ratio; TencentOS 6.6): who brings it above the limit frees file pages of the group
 * until a few percent below it, in steps; without progress it sleeps a tenth of a second, and gives up after so many times.
 */
import { machine } from '../../machine/machine';
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { MemCgroup } from '../memcg';
import { Phase, startReclaim } from '../phase';
import { TaskMm } from '../task_mm';
import { Due } from './charged';
import { qosOf } from './rue';
import { SLICE_NS, sleepFor } from './speed';

const LEAST_STEP: u64 = 32;

function cachePages(group: MemCgroup): u64 {
  return group.lists2 + group.lists3;
}

/** The group, from this one upwards, that has too much page cache, or null. */
export function cacheOver(group: MemCgroup): MemCgroup {
  for (let g = group; g.parent != null; g = g.parent) if (cachePages(g) > qosOf(g).cacheMax) return g;
  return changetype<MemCgroup>(0);
}

/** Frees the next step's pages. */
export function startCacheStep(m: TaskMm): void {
  const qos = qosOf(m.dueGroup);
  const step = max((qos.cacheMax - qos.cacheGoal) / machine.nrCpus, LEAST_STEP);
  startReclaim(m, m.dueGroup, step, Phase.DUE_RECLAIM);
  m.sc.maySwap = false;
}

/** A step is over: another one, or a rest without progress. True: the task sleeps. */
export function endCacheStep(rq: Rq, task: Task, m: TaskMm): bool {
  qosOf(m.dueGroup).cacheStolen += m.sc.nrReclaimed;
  if (cachePages(m.dueGroup) <= qosOf(m.dueGroup).cacheGoal) {
    m.due = Due.PRESSURE;
    return false;
  }
  if (m.sc.nrReclaimed != 0) return false;
  if (m.dueRetries == 0) {
    m.due = Due.PRESSURE;
    return false;
  }
  m.dueRetries--;
  sleepFor(rq, task, SLICE_NS);
  return true;
}
