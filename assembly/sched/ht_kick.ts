/**
 * What BT's hyper-thread isolation (sched/ht_isolate.ts) does when a CPU has picked: siblings are kicked (kernel/sched/ht_isolate.c of the 6.6
 * line).
 */
import { idleRqFor } from './bt_balance';
import { Rank } from './class';
import { noteForcedIdle } from './forced_idle';
import { isOnline } from './ht_isolate';
import { coreBegin, coreEnd, masks, setBit } from './masks';
import { Rq, rqOf } from './rq';
import { moveQueuedTask, reschedCurr } from './wake';

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
  // What waits here goes to an idle core at once; others may pull the rest.
  const task = rq.btTasks.runPrev;
  const idle = idleRqFor(task);
  if (idle == null) setBit(masks.bt, rq.id);
  else moveQueuedTask(rq, task, idle);
}
