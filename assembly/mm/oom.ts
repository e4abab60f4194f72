/**
 * The OOM killer: which task goes when nothing can be freed, in the machine or in a group (mm/oom_kill.c oom_badness, select_bad_process,
 * oom_kill_process; mm/memcontrol.c mem_cgroup_oom).
 *
 * Who is chosen is decided by `badness` alone. Simplified: every task is a process, and a victim exits by itself; the reaper, which comes
 * two seconds later, has nothing left to do.
 */
import { cancelTimer } from '../machine/hrtimer';
import { Rq, rqOf } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { programs } from '../task/instruction';
import { State, Task } from '../task/task';
import { removeWaiter } from '../task/wait';
import { isBelow, MemCgroup, NO_LIMIT } from './memcg';
import { count, mm, Vm } from './mm';
import { leaveFolio, Phase } from './phase';
import { oomScope } from './rue/oom';
import { rssOf, TaskMm, taskMmAt } from './task_mm';
import { traceOom } from '../observe/trace';

/** No task with this adjustment is killed (OOM_SCORE_ADJ_MIN). */
const NEVER: i32 = -1000;

/** The points of a task: what it holds, and a thousandth of all memory for each point of its adjustment. */
function badness(m: TaskMm, totalPages: u64): i64 {
  return <i64>rssOf(m) + m.oomScoreAdj * <i64>(totalPages / 1000);
}

/** The worst task in the machine (group null) or in a group: of equals, the later one; one that is dying already before all. Null: there is none. */
function selectBadProcess(group: MemCgroup, totalPages: u64): TaskMm {
  let chosen = changetype<TaskMm>(0);
  let most = i64.MIN_VALUE;
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) {
    const m = taskMmAt(i);
    if (m.task.state == State.DEAD || m.oomScoreAdj == NEVER || rssOf(m) == 0) continue;
    if (group != null && !isBelow(m.group, group)) continue;
    if (m.killed) return m;
    const points = badness(m, totalPages);
    if (points < most) continue;
    most = points;
    chosen = m;
  }
  return chosen;
}

/** Kills the worst task, and with it its group if that asks for it. */
export function outOfMemory(rq: Rq, limit: MemCgroup): void {
  const total = limit == null || limit.max == NO_LIMIT ? mm.managed + mm.swapTotal : limit.max;
  const victim = selectBadProcess(oomScope(limit), total);
  if (victim == null) {
    mm.hopeless = true;
    return;
  }
  if (victim.killed) return;
  const group = oomGroupOf(victim, limit);
  kill(rq, victim);
  if (group == null) return;
  for (let g = group; g != null; g = g.parent) g.oomGroupKills++;
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) {
    const m = taskMmAt(i);
    // The victim is counted again, as the kernel does.
    if (isBelow(m.group, group) && m.task.state != State.DEAD && m.oomScoreAdj != NEVER) kill(rq, m);
  }
}

/** A charge failed after all its attempts: memory.events counts it, and a task of the group goes. */
export function groupOom(rq: Rq, limit: MemCgroup): void {
  for (let g = limit; g != null; g = g.parent) g.oomEvents++;
  outOfMemory(rq, limit);
}

/** The highest group, up to the one that hit its limit, that dies as a whole (mem_cgroup_get_oom_group). */
function oomGroupOf(victim: TaskMm, limit: MemCgroup): MemCgroup {
  let found = changetype<MemCgroup>(0);
  for (let g = victim.group; g != null && g.parent != null; g = g.parent) {
    if (g.oomGroup) found = g;
    if (g == limit) break;
  }
  return found;
}

/** SIGKILL: whatever the task waits for, it goes on with its exit. */
function kill(rq: Rq, m: TaskMm): void {
  count(Vm.OOM_KILL, 1);
  for (let g = m.group; g != null; g = g.parent) g.oomKills++;
  if (m.killed) return;
  m.killed = true;
  const task = m.task;
  traceOom(task);
  m.batchLeft = 0;
  task.busyUntil = 0;
  // In the kernel for a page it comes out first: its step sends it to its exit (step.ts).
  if (m.phase == Phase.IDLE) {
    task.pc = programs.exitPc;
    task.remaining = 0;
  }
  if (task.state != State.SLEEPING || m.chain != null) return;
  if (task.timer.started) cancelTimer(rqOf(task.cpu), task.timer);
  removeWaiter(task);
  leaveFolio(task, m);
  tryToWakeUp(task, 0);
}
