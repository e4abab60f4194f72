/**
 * What BT's hyper-thread isolation (sched/ht_isolate.ts) does when a CPU has picked: siblings are kicked (kernel/sched/ht_isolate.c of the 6.6
 * line).
 */
import { kickIdle } from './bt_balance';
import { Rank } from './class';
import { noteForcedIdle } from './forced_idle';
import { isOnline } from './ht_isolate';
import { coreBegin, coreEnd, masks, setBit } from './masks';
import { Rq, rqOf } from './rq';
import { reschedCurr } from './wake';

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
  kickIdle(rq);
}
