/**
 * Priority reclaim, the controller: a thread that looks at the pressure every tenth of a second (every half without any), moves the level from which on
 * groups are reclaimed, and says how much (TencentOS 6.6 mm/memcontrol.c memcg_priod).
 *
 * Accelerated reclaim is ours: below the reserve, the controller comes at once, its goal is what is missing of the reserve, and the worker does not rest.
 */
import { machine } from '../../machine/machine';
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { mm } from '../mm';
import { totalFree } from '../zone';
import { unpark, work } from './park';
import { ONE, positionRatio } from './position';
import { hasPages, isOn, Part, PRIORITIES, rue } from './rue';
import { sleepFor } from './speed';
import { wakeWorker } from './worker';

const PRESSED_NS: u64 = 100_000_000;
const RELAXED_NS: u64 = 500_000_000;
/** Below this distance from 1 the level stays. */
const MARGIN: i64 = 16;
/** After so long what was allocated says nothing. */
const STALE_NS: u64 = 1_000_000_000;
/** Between two rounds at least, however loud the alarm. Assumption. */
const ALARM_NS: u64 = 10_000_000;
/** What a round costs: a walk over the groups. Assumption. */
const ROUND_NS: u64 = 5_000;

/** How far the thread has come. */
@unmanaged
class Controller {
  /** The pressure of the last round, and when that was. */
  lastRatio: i64;
  lastAt: u64;
  /** A round's cost is passing. */
  working: bool;
}

const self: Controller = changetype<Controller>(memory.data(<i32>offsetof<Controller>(), 8));

export function initController(): void {
  rue.level = PRIORITIES - 1;
}

/** Below the reserve nobody waits for the next round. */
export function alarm(): void {
  if (totalFree() >= rue.reservePages || machine.now - self.lastAt < ALARM_NS) return;
  unpark(rue.controller);
}

export function controllerStep(rq: Rq, task: Task): bool {
  if (!self.working) {
    self.working = true;
    work(task, ROUND_NS);
    return true;
  }
  self.working = false;
  round();
  sleepFor(rq, task, rue.ratio > 0 ? PRESSED_NS : RELAXED_NS);
  return true;
}

function round(): void {
  const free = totalFree();
  const ratio = positionRatio(<i64>mm.managed - <i64>free, <i64>mm.managed, <i64>rue.reservePages);
  rue.ratio = ratio;
  moveLevel(ratio);
  const allocated = machine.now - self.lastAt > STALE_NS ? 1 : rue.allocated;
  rue.goal = (allocated * <u64>ratio) / <u64>ONE;
  if (isOn(Part.ACCELERATE) && free < rue.reservePages) rue.goal = max(rue.goal, rue.reservePages - free);
  rue.allocated = 0;
  rue.reclaimed = 0;
  self.lastRatio = ratio;
  self.lastAt = machine.now;
  if (rue.goal != 0 && isOn(Part.ACCELERATE) && ratio > ONE) wakeWorker();
}

/** Under rising pressure the next priority that has pages may be reclaimed, too; under falling pressure one less. */
function moveLevel(ratio: i64): void {
  if (ratio > ONE + MARGIN && ratio > self.lastRatio) {
    for (let level = rue.level; level > rue.highestReclaim; ) {
      level--;
      if (!hasPages(level)) continue;
      rue.level = level;
      return;
    }
  } else if (ratio < ONE - MARGIN && ratio < self.lastRatio && rue.level < PRIORITIES - 1) {
    rue.level++;
  }
}
