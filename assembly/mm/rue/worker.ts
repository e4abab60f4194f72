/**
 * Priority reclaim, the worker: a thread that takes the controller's goal from the groups at and below the level, one after another
 * (TencentOS 6.6 mm/memcontrol.c). What tasks paid in the meantime counts.
 */
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { groupAt } from '../memcg';
import { DEF_PRIORITY, mm, SWAP_CLUSTER_MAX } from '../mm';
import { beginReclaim, ScanControl } from '../scan_control';
import { Reclaimer, unpark } from './park';
import { ONE } from './position';
import { isOn, isVictim, Part, qosOf, rue } from './rue';
import { sleepFor } from './speed';

const DONE_NS: u64 = 500_000_000;
const IDLE_NS: u64 = 1_000_000_000;
/** A pass over all groups that freed nothing: it waits for the devices and then as for nothing to do, so many times; after that it only waits for the devices. */
const CONGESTED_NS: u64 = 100_000_000;
const MAX_RETRIES: u32 = 5;
/** Accelerated: lists are looked at in 64ths from the begin, not in 4096ths. Ours. */
const FAST_PRIORITY: i32 = DEF_PRIORITY / 2;

/** How far the thread has come. */
@unmanaged
class Worker {
  /** It reclaims from a group. */
  inGroup: bool;
  resting: bool;
  /** The group that comes next, how many were looked at in this pass, and what it has freed. */
  cursor: u32;
  looked: u32;
  progress: u64;
  retries: u32;
}

const self: Worker = changetype<Worker>(memory.data(<i32>offsetof<Worker>(), 8));
const reclaimer: Reclaimer = changetype<Reclaimer>(memory.data(<i32>offsetof<Reclaimer>(), 8));

export function setWorker(sc: ScanControl): void {
  reclaimer.sc = sc;
}

/** Accelerated: there is work. */
export function wakeWorker(): void {
  if (self.resting) unpark(rue.worker);
}

export function workerStep(rq: Rq, task: Task): bool {
  self.resting = false;
  while (true) {
    if (self.inGroup) {
      if (reclaimer.step(rq, task)) return true;
      endGroup();
      if (rue.reclaimed > rue.goal) return rest(rq, task, DONE_NS);
    }
    if (rue.reclaimed >= rue.goal) return rest(rq, task, IDLE_NS);
    if (!nextGroup()) return rest(rq, task, afterPass());
  }
}

/** Begins with the next victim. False: the pass is over. */
function nextGroup(): bool {
  while (self.looked < mm.nrGroups) {
    self.looked++;
    self.cursor = self.cursor + 1 < mm.nrGroups ? self.cursor + 1 : 0;
    const group = groupAt(self.cursor);
    if (group.parent == null || group.usage == 0 || !isVictim(qosOf(group))) continue;
    beginReclaim(reclaimer.sc, group, max(rue.goal, <u64>SWAP_CLUSTER_MAX), false);
    if (isOn(Part.ACCELERATE) && rue.ratio > ONE) {
      reclaimer.sc.priority = FAST_PRIORITY;
      reclaimer.sc.forceDeactivate = true;
    }
    reclaimer.over = false;
    self.inGroup = true;
    return true;
  }
  return false;
}

function endGroup(): void {
  self.inGroup = false;
  const freed = reclaimer.sc.nrReclaimed;
  rue.reclaimed += freed;
  self.progress += freed;
  qosOf(reclaimer.sc.target).workerStolen += freed;
}

/** How long it rests after a pass over all groups that did not reach the goal; 0: not at all. */
function afterPass(): u64 {
  const freed = self.progress;
  self.looked = 0;
  self.progress = 0;
  if (freed != 0) {
    self.retries = 0;
    return 0;
  }
  if (self.retries < MAX_RETRIES) {
    self.retries++;
    return CONGESTED_NS + IDLE_NS;
  }
  self.retries = 0;
  return CONGESTED_NS;
}

function rest(rq: Rq, task: Task, ns: u64): bool {
  if (ns == 0) return workerStep(rq, task);
  self.looked = 0;
  self.progress = 0;
  self.resting = true;
  sleepFor(rq, task, ns);
  return true;
}
