/**
 * Asynchronous reclaim of a group (memory.async_ratio, async_distance_factor; TencentOS 6.6 kernel/tkernel/memcg_async): above async_high a worker
 * brings it down to async_low, so that its tasks do not meet its limit. The unbound workqueue is one thread here.
 */
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { MemCgroup, NO_LIMIT } from '../memcg';
import { SWAP_CLUSTER_MAX } from '../mm';
import { beginReclaim, ScanControl } from '../scan_control';
import { park, Reclaimer, unpark } from './park';
import { GroupQos, limitOf, qosOf, rue } from './rue';

/** How far the thread has come. */
@unmanaged
class AsyncWorker {
  /** It reclaims from a group. */
  inGroup: bool;
  /** It sleeps as no group waits. */
  idle: bool;
  /** The groups that wait, chained by asyncNext. */
  first: GroupQos;
  last: GroupQos;
}

const self: AsyncWorker = changetype<AsyncWorker>(memory.data(<i32>offsetof<AsyncWorker>(), 8));
const reclaimer: Reclaimer = changetype<Reclaimer>(memory.data(<i32>offsetof<Reclaimer>(), 8));

export function setAsync(sc: ScanControl): void {
  reclaimer.sc = sc;
}

/** memory.async_high and async_low from the ratio (percent of the limit; 0: off) and the distance (millionths of it). */
export function setAsyncMarks(qos: GroupQos, ratio: u64, distanceFactor: u64): void {
  const limit = limitOf(qos.group);
  qos.asyncHigh = NO_LIMIT;
  if (limit == NO_LIMIT || ratio == 0) return;
  qos.asyncHigh = (limit * ratio) / 100;
  const distance = (limit * distanceFactor) / 1_000_000;
  qos.asyncLow = distance >= qos.asyncHigh ? qos.group.low : qos.asyncHigh - distance;
}

/** The group has come above its high mark. */
export function queueAsync(qos: GroupQos): void {
  if (qos.asyncQueued) return;
  qos.asyncQueued = true;
  qos.asyncNext = changetype<GroupQos>(0);
  if (self.first == null) self.first = qos;
  else self.last.asyncNext = qos;
  self.last = qos;
  if (self.idle) unpark(rue.asyncWorker);
}

export function asyncStep(rq: Rq, task: Task): bool {
  self.idle = false;
  while (true) {
    if (self.inGroup) {
      if (reclaimer.step(rq, task)) return true;
      self.inGroup = false;
      qosOf(reclaimer.sc.target).asyncStolen += reclaimer.sc.nrReclaimed;
    }
    const qos = self.first;
    if (qos == null) {
      self.idle = true;
      park(rq, task);
      return true;
    }
    self.first = qos.asyncNext;
    qos.asyncQueued = false;
    begin(qos);
  }
}

function begin(qos: GroupQos): void {
  const group: MemCgroup = qos.group;
  if (group.usage <= qos.asyncHigh) return;
  const pages = min(group.usage - qos.asyncLow, qos.asyncHigh - qos.asyncLow);
  beginReclaim(reclaimer.sc, group, max(pages, <u64>SWAP_CLUSTER_MAX), false);
  reclaimer.over = false;
  self.inGroup = true;
}
