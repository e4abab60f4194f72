/**
 * Memory pressure is reported to user space by a work in a kworker of the reclaimer's CPU, whenever 512 pages have been scanned and
 * at every pass of the last priorities (mm/vmpressure.c vmpressure, vmpressure_prio, vmpressure_work_fn).
 *
 * Nobody listens, but the work takes the CPU from whoever reclaims, who is then not stalled, and in whose place it is chosen anew who runs. Simplified:
 * these kworkers do nothing else.
 */
import { allocateArray, at } from '../base/arena';
import { machine } from '../machine/machine';
import { Rq } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { Mode, State, Task, taskAt } from '../task/task';
import { MemCgroup } from './memcg';
import { costs, mm } from './mm';

/** vmpressure_win: SWAP_CLUSTER_MAX * 16. */
const WINDOW_PAGES: u64 = 512;
/** vmpressure_level_critical_prio */
const CRITICAL_PRIORITY: i32 = 3;

/** A CPU's kworker, and the groups whose work is queued. */
@unmanaged
class Worker {
  task: Task;
  waits: bool;
  first: MemCgroup;
  last: MemCgroup;
}

/** `firstTask`: the first CPU's kworker, behind which the others' come. */
export function setPressureWorkers(firstTask: u32): void {
  mm.pressureWorkers = allocateArray<Worker>(machine.nrCpus);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++)
    at<Worker>(mm.pressureWorkers, cpu).task = taskAt(firstTask + cpu);
}

/** So much of a group and those below it has been scanned (vmpressure with tree). */
export function vmpressure(rq: Rq, group: MemCgroup, scanned: u64): void {
  group.pressureScanned += scanned;
  if (scanned != 0 && group.pressureScanned >= WINDOW_PAGES) scheduleWork(rq, group);
}

/** A pass begins: reclaim that has come this far is in trouble. */
export function vmpressurePrio(rq: Rq, group: MemCgroup, priority: i32): void {
  if (priority <= CRITICAL_PRIORITY) vmpressure(rq, group, WINDOW_PAGES);
}

function scheduleWork(rq: Rq, group: MemCgroup): void {
  if (group.pressureQueued) return;
  group.pressureQueued = true;
  group.pressureNext = changetype<MemCgroup>(0);
  const worker = at<Worker>(mm.pressureWorkers, rq.id);
  if (worker.first == null) worker.first = group;
  else worker.last.pressureNext = group;
  worker.last = group;
  if (!worker.waits) return;
  worker.waits = false;
  tryToWakeUp(worker.task, 0);
}

/** Does what is queued, one after another, and sleeps. */
export function pressureStep(rq: Rq, task: Task): bool {
  const worker = at<Worker>(mm.pressureWorkers, rq.id);
  while (worker.first != null) {
    const group = worker.first;
    worker.first = group.pressureNext;
    group.pressureQueued = false;
    group.pressureScanned = 0;
    task.mode = Mode.KERNEL;
    task.remaining = costs.vmpressureNs;
    if (task.remaining != 0) return true;
  }
  worker.waits = true;
  task.state = State.SLEEPING;
  rq.needResched = true;
  return true;
}
