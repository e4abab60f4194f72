/**
 * Latency QoS, ours: what TencentOS does under this name is not public beyond its histograms. A thread looks every tenth of a second whether more than one
 * in a hundred allocations of the first priorities took longer than the target, that is, whether their p99 is above it. Then every group of a later
 * priority may allocate half as fast as it just did; otherwise those that are limited may allocate an eighth faster, until the limit is as
 * good as none (multiplicative decrease and increase, so that one late slice is answered at once and the way back takes about a second).
 */
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { CHARGE_BATCH, groupAt } from '../memcg';
import { mm } from '../mm';
import { work } from './park';
import { GroupQos, qosOf, rue } from './rue';
import { SLICE_NS, sleepFor } from './speed';

/** What a round costs. Assumption. */
const ROUND_NS: u64 = 2_000;

@unmanaged
class LatencyController {
  /** A round's cost is passing. */
  working: bool;
}

const self: LatencyController = changetype<LatencyController>(memory.data(<i32>offsetof<LatencyController>(), 8));

export function latencyStep(rq: Rq, task: Task): bool {
  if (!self.working) {
    self.working = true;
    work(task, ROUND_NS);
    return true;
  }
  self.working = false;
  const isLate = rue.late * 100 > rue.allocations;
  for (let i: u32 = 1; i < mm.nrGroups; i++) {
    const qos = qosOf(groupAt(i));
    if (qos.priority > rue.latencyPriority) adjust(qos, isLate);
  }
  rue.late = 0;
  rue.allocations = 0;
  sleepFor(rq, task, SLICE_NS);
  return true;
}

function adjust(qos: GroupQos, isLate: bool): void {
  if (isLate) {
    const speed = max(qos.sliceUsage, qos.lastUsage);
    if (speed != 0) qos.latencyPages = max(speed / 2, <u64>CHARGE_BATCH);
  } else if (qos.latencyPages != 0 && rue.allocations != 0) {
    qos.latencyPages += max(qos.latencyPages / 8, <u64>CHARGE_BATCH);
    // Faster than a CPU can take pages: it is no limit any more.
    if (qos.latencyPages > mm.managed) qos.latencyPages = 0;
  }
}
