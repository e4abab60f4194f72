/**
 * BT's hyper-thread isolation (kernel/sched/ht_isolate.c of the 6.6 line): where a thread of a core runs an online task, its siblings run
 * no BT. Who is kicked and when is public; the pick that then leaves BT out is not, nor what the placement of BT does about it, which is
 * ours: BT goes to cores without online tasks. Every task above BT counts as sensitive (cpu.ht_sensi_type of 1 everywhere).
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { kickIdleForBt } from './bt_balance';
import { Rank } from './class';
import { noteForcedIdle } from './forced_idle';
import { coreBegin, coreEnd, masks, setBit } from './masks';
import { Rq, rqOf } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

function isOnline(task: Task): bool {
  return task.rank > Rank.STOP && task.rank < Rank.BT;
}

/** Whether a sibling of the CPU runs an online task, which keeps BT from this one (sensitive_running_on_sibling). */
export function isIsolated(rq: Rq): bool {
  if (!tunables.htIsolate) return false;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++)
    if (cpu != rq.id && isOnline(rqOf(cpu).curr)) return true;
  return false;
}

/** The CPU has picked: siblings that must leave BT, or may now run it, reschedule (kick_sibling_offline_task, kick_sibling_offline_run). */
export function isolate(rq: Rq): void {
  const online = isOnline(rq.curr);
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) {
    const sibling = rqOf(cpu);
    if (sibling == rq) continue;
    const rank = sibling.curr.rank;
    if (online ? rank == Rank.BT : rank == Rank.IDLE && sibling.bt.nrRunning != 0) reschedCurr(sibling);
  }
  const forced = rq.curr == rq.idle && rq.nrRunning != 0;
  noteForcedIdle(rq, forced);
  if (!forced || rq.bt.nrRunning == 0) return;
  // Others may pull what waits here; an idle CPU that suits it does so now.
  setBit(masks.bt, rq.id);
  kickIdleForBt(rq);
}
