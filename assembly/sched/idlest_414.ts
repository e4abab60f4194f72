/**
 * Which group of CPUs a new task or program goes to before 5.7 rewrote it (kernel/sched/fair.c find_idlest_group of 4.14; 5.4 has the same):
 * the one with clearly less runnable load, or, where that is alike, clearly less load in all; a program that begins first looks for room.
 */
import { Task } from '../task/task';
import { CAPACITY } from './avg';
import { fairLoad } from './cpu_load';
import { SchedDomain } from './domain';
import { subPositive } from './load_avg';
import { firstCommon } from './masks';
import { rqOf } from './rq';
import { cpuUtil, taskUtil } from './util_est';

/** The first CPU of the idlest group of a domain seen from `here`; −1: the own one. */
export function idlestGroup414(sd: SchedDomain, task: Task, here: u32, isNew: bool): i32 {
  const imbalance = (1024 * (sd.imbalancePct - 100)) / 100;
  const scale = 100 + (sd.imbalancePct - 100) / 2;
  let idlest = -1;
  let roomiest = -1;
  let leastRunnable = u64.MAX_VALUE - imbalance;
  let leastLoad = u64.MAX_VALUE / 100;
  let mostRoom: u64 = 0;
  let ownRunnable: u64 = 0;
  let ownLoad: u64 = 0;
  let ownRoom: u64 = 0;
  for (let begin = sd.begin; begin < sd.end; begin += sd.groupSize) {
    const end = min(begin + sd.groupSize, sd.end);
    if (firstCommon(task.cpusAllowed, task.cpusAllowed, begin, end) < 0) continue;
    let runnable: u64 = 0;
    let load: u64 = 0;
    let room: u64 = 0;
    for (let cpu = begin; cpu < end; cpu++) {
      const rq = rqOf(cpu);
      runnable += fairLoad(rq);
      load += rq.cfs.avg.loadAvg;
      room = max(room, subPositive(CAPACITY, cpuUtil(rq, task.cpu == cpu && !isNew ? task : changetype<Task>(0))));
    }
    runnable /= end - begin;
    load /= end - begin;
    if (here >= begin && here < end) {
      ownRunnable = runnable;
      ownLoad = load;
      ownRoom = room;
      continue;
    }
    if (leastRunnable > runnable + imbalance) {
      leastRunnable = runnable;
      leastLoad = load;
      idlest = begin;
    } else if (runnable < leastRunnable + imbalance && 100 * leastLoad > scale * load) {
      leastLoad = load;
      idlest = begin;
    }
    if (mostRoom < room) {
      mostRoom = room;
      roomiest = begin;
    }
  }
  // What a new task will use is not known yet.
  if (!isNew) {
    const half = taskUtil(task) / 2;
    if (ownRoom > half && scale * ownRoom > 100 * mostRoom) return -1;
    if (mostRoom > half) return roomiest;
  }
  if (idlest < 0 || leastRunnable > ownRunnable + imbalance) return -1;
  if (ownRunnable < leastRunnable + imbalance && 100 * ownLoad < scale * leastLoad) return -1;
  return idlest;
}
