/**
 * BT's hyper-thread isolation (kernel/sched/ht_isolate.c of the 6.6 line): where a thread of a core runs an online task, its siblings run
 * no BT; sched/ht_kick.ts tells them. Who is kicked and when is public; the pick that then leaves BT out is not, nor what the placement of BT does about it, which is
 * ours: BT goes to cores without online tasks. Every task above BT counts as sensitive (cpu.ht_sensi_type of 1 everywhere).
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Rank } from './class';
import { coreBegin, coreEnd } from './masks';
import { Rq, rqOf } from './rq';
import { tunables } from './tunables';

export function isOnline(task: Task): bool {
  return task.rank > Rank.STOP && task.rank < Rank.BT;
}

/** Whether a sibling of the CPU runs an online task, which keeps BT from this one (sensitive_running_on_sibling). */
export function isIsolated(rq: Rq): bool {
  if (!tunables.htIsolate) return false;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++)
    if (cpu != rq.id && isOnline(rqOf(cpu).curr)) return true;
  return false;
}
