/**
 * memory.high: what a task that returns to user mode pays for its group's excess, and the timer wheel that rounds its sleep
 * (mm/memcontrol.c mem_cgroup_handle_over_high, calculate_high_delay; kernel/time/timer.c calc_wheel_index).
 */
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { wheelExpiry } from '../machine/timer_wheel';
import { Blocked, traceBlocked } from '../observe/trace';
import { psiMemstallEnter, psiMemstallLeave } from '../sched/psi';
import { Rq } from '../sched/rq';
import { State, Task } from '../task/task';
import { hz } from './jiffies';
import { CHARGE_BATCH, MemCgroup, overHigh } from './memcg';
import { count, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { endReclaim, Phase, startReclaim } from './phase';
import { TaskMm } from './task_mm';

const PRECISION_SHIFT: u64 = 20;
const SCALING_SHIFT: u64 = 14;

/** Jiffies that a task sleeps for `pages` charged while a group above it is over its high mark; 0: so few that it does not. */
export function highDelay(group: MemCgroup, pages: u64): u64 {
  let most: u64 = 0;
  for (let g = group; g.parent != null; g = g.parent) {
    if (g.usage <= g.high) continue;
    most = max(most, ((g.usage - g.high) << PRECISION_SHIFT) / max(g.high, 1));
  }
  if (most == 0) return 0;
  const penalty = ((most * most * hz()) >> PRECISION_SHIFT) >> SCALING_SHIFT;
  const delay = min((penalty * pages) / CHARGE_BATCH, 2 * hz());
  return delay <= hz() / 100 ? 0 : delay;
}

/** When schedule_timeout(jiffies) ends. */
export function timerWheelExpiry(jiffies: u64): u64 {
  return wheelExpiry(machine.now, jiffies);
}

/** On the way to user mode: whether there is something to pay for. */
export function beginHigh(m: TaskMm): bool {
  if (m.overHigh == 0) return false;
  m.highPages = m.overHigh;
  m.overHigh = 0;
  m.retries = MAX_RECLAIM_RETRIES;
  m.highReclaimed = 0;
  m.highGroup = m.group;
  return reclaimHigh(m, m.highPages);
}

/** Reclaims from the next group upwards that is over its high mark (reclaim_high). False: there is none. */
function reclaimHigh(m: TaskMm, pages: u64): bool {
  const group = m.highGroup == null ? m.highGroup : overHigh(m.highGroup);
  if (group == null) return false;
  m.highGroup = group.parent;
  for (let g = group; g != null; g = g.parent) g.highEvents++;
  count(Vm.HIGH_RECLAIMS, 1);
  startReclaim(m, group, max(pages, <u64>SWAP_CLUSTER_MAX), Phase.HIGH_RECLAIM);
  return true;
}

/** A reclaim for memory.high is over: another one, a sleep, or nothing more. True: the task sleeps. */
export function endHigh(rq: Rq, task: Task, m: TaskMm): bool {
  m.highReclaimed += endReclaim(m, mm.memcgNs, mm.memcgPages);
  if (reclaimHigh(m, SWAP_CLUSTER_MAX)) return false;
  const jiffies = highDelay(m.group, m.highPages);
  m.phase = Phase.FINISH;
  if (jiffies == 0) return false;
  if (m.highReclaimed != 0 || m.retries != 0) {
    if (m.highReclaimed == 0) m.retries--;
    m.highReclaimed = 0;
    m.highGroup = m.group;
    if (reclaimHigh(m, SWAP_CLUSTER_MAX)) return false;
  }
  count(Vm.HIGH_SLEEPS, 1);
  psiMemstallEnter(m.task);
  m.stallOpen = true;
  startTimer(rq, task.timer, timerWheelExpiry(jiffies), 0);
  task.state = State.SLEEPING;
  traceBlocked(task, Blocked.HIGH);
  rq.needResched = true;
  return true;
}

export function closeStall(m: TaskMm): void {
  m.stallOpen = false;
  psiMemstallLeave(m.task);
}
