/**
 * MST, the speed limit of allocations (memory.alloc_bps), as its posted patches have it: charges are counted in slices of a tenth of a second; who
 * has charged more than his slice sleeps at the end of the charge until his slice is worth it, but only while memory is short.
 *
 * The latency controller limits groups through the same slices, however much is free.
 */
import { startTimer } from '../../machine/hrtimer';
import { machine } from '../../machine/machine';
import { Blocked, traceBlocked } from '../../observe/trace';
import { Rq } from '../../sched/rq';
import { State, Task } from '../../task/task';
import { mm } from '../mm';
import { TaskMm } from '../task_mm';
import { timerWheelExpiry } from '../throttle_high';
import { zoneAt } from '../zone';
import { GroupQos, isOn, Part, qosOf } from './rue';

/** HZ / 10 */
export const SLICE_NS: u64 = 100_000_000;

/** How short memory is, by the free pages of the highest zone. */
namespace Water {
  export const ENOUGH: u32 = 0;
  export const REACH_LOW: u32 = 1;
  export const REACH_MIN: u32 = 2;
}

function water(): u32 {
  const zone = zoneAt(mm.nrZones - 1);
  if (zone.free <= zone.minMark + (zone.lowMark - zone.minMark) / 4) return Water.REACH_MIN;
  return zone.free <= zone.lowMark ? Water.REACH_LOW : Water.ENOUGH;
}

/** Counts pages in the group's present slice. */
export function chargeSlice(qos: GroupQos, pages: u32): void {
  if (machine.now - qos.sliceBegan >= SLICE_NS) {
    qos.sliceBegan = machine.now;
    qos.lastUsage = qos.sliceUsage;
    qos.sliceUsage = 0;
  }
  qos.sliceUsage += pages;
}

/** How long the group's slice must last for what was charged in it, less what of it has passed. */
function owedNs(qos: GroupQos, slicePages: u64): u64 {
  if (slicePages == 0 || qos.sliceUsage < slicePages) return 0;
  const required = (qos.sliceUsage * SLICE_NS) / slicePages;
  const elapsed = machine.now - qos.sliceBegan;
  return required > elapsed ? required - elapsed : 0;
}

/** Sleeps if the group, or one above it, has been too fast. True: it does. */
export function speedSleep(rq: Rq, task: Task, m: TaskMm): bool {
  const level = isOn(Part.SPEED) ? water() : Water.ENOUGH;
  for (let g = m.group; g.parent != null; g = g.parent) {
    const qos = qosOf(g);
    let owed = owedNs(qos, qos.latencyPages);
    if (level != Water.ENOUGH && qos.slicePages != 0) {
      const speed = owedNs(qos, qos.slicePages);
      // Entered, and counted, at the min mark however slow the group is.
      if (speed != 0 || level == Water.REACH_MIN) qos.throttled++;
      owed = max(owed, speed);
    }
    if (owed == 0) continue;
    qos.speedSleeps++;
    qos.speedSleepNs += owed;
    sleepFor(rq, task, owed);
    traceBlocked(task, Blocked.SPEED);
    return true;
  }
  return false;
}

/** schedule_timeout: whole ticks, at least one. */
export function sleepFor(rq: Rq, task: Task, ns: u64): void {
  startTimer(rq, task.timer, timerWheelExpiry((ns + machine.tickPeriodNs - 1) / machine.tickPeriodNs), 0);
  task.state = State.SLEEPING;
  rq.needResched = true;
}
