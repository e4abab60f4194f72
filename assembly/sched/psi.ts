/**
 * Pressure stall information: how long tasks of a group, and of the groups above it, were kept waiting for memory, devices and CPUs, counted on each CPU
 * from the states of its tasks (kernel/sched/psi.c psi_group_change, psi_task_change, psi_task_switch; kernel/sched/stats.h). What the CPUs have counted
 * becomes totals and averages in psi_avgs.ts. A kernel whose pressure is not observed pays a test of a null.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { Flags } from './class';
import { runClock, startClock } from './psi_avgs';
import { NEVER, Psi, PsiGroup, PsiGroupCpu, psiCpuOf } from './psi_group';
import { Rq, rqOf } from './rq';

/** What a task counts as (TSK_IOWAIT, …). */
export namespace Tsk {
  export const IOWAIT: u32 = 1;
  export const MEMSTALL: u32 = 2;
  export const RUNNING: u32 = 4;
  export const MEMSTALL_RUNNING: u32 = 8;
  export const ONCPU: u32 = 16;
}

function psiGroupOf(task: Task): PsiGroup {
  return task.group != null ? task.group.psi : machine.psi;
}

/** A task has come onto a queue (psi_enqueue). */
export function psiEnqueue(task: Task, flags: u32): void {
  let clear: u32 = 0;
  let set: u32 = 0;
  if (task.delayed) {
    // Asleep, and moved all the same.
    if (task.inMemstall) set |= Tsk.MEMSTALL;
    if (task.inIowait) set |= Tsk.IOWAIT;
  } else {
    set = Tsk.RUNNING;
    if (task.inMemstall) set |= Tsk.MEMSTALL_RUNNING;
    const wakes = (flags & (Flags.WAKEUP | Flags.DELAYED)) != 0 && (flags & Flags.MIGRATED) == 0;
    if (wakes) clear = task.psiFlags & Tsk.IOWAIT;
    else if (task.inMemstall) set |= Tsk.MEMSTALL;
  }
  psiTaskChange(task, clear, set);
}

/** A task leaves a queue: of one that goes to sleep the switch takes care (psi_dequeue). */
export function psiDequeue(task: Task, flags: u32): void {
  if ((flags & Flags.SLEEP) == 0) psiForget(task);
}

/** It wakes on another CPU: what it counted as in its sleep leaves the old one (psi_ttwu_dequeue). */
export function psiForget(task: Task): void {
  if (task.psiFlags != 0) psiTaskChange(task, task.psiFlags, 0);
}

/** The running task begins to work on, or wait for, memory that it would have had with more of it (psi_memstall_enter). */
export function psiMemstallEnter(task: Task): void {
  if (machine.psi == null) return;
  task.inMemstall = true;
  psiTaskChange(task, 0, Tsk.MEMSTALL | Tsk.MEMSTALL_RUNNING);
}

export function psiMemstallLeave(task: Task): void {
  if (machine.psi == null) return;
  task.inMemstall = false;
  psiTaskChange(task, Tsk.MEMSTALL | Tsk.MEMSTALL_RUNNING, 0);
}

function psiTaskChange(task: Task, clear: u32, set: u32): void {
  changeFlags(task, clear, set);
  const rq = rqOf(task.cpu);
  for (let group = psiGroupOf(task); group != null; group = group.parent) psiGroupChange(group, rq, clear, set);
}

function changeFlags(task: Task, clear: u32, set: u32): void {
  assert((task.psiFlags & clear) == clear && (task.psiFlags & set) == 0);
  task.psiFlags = <u8>((task.psiFlags & ~clear) | set);
}

/** A switch from one task to the next, up to the first group that both are in (psi_task_switch). */
export function psiTaskSwitch(rq: Rq, prev: Task, next: Task, sleeps: bool): void {
  let common = changetype<PsiGroup>(0);
  if (next != rq.idle) {
    changeFlags(next, 0, Tsk.ONCPU);
    next.inIowait = false;
    for (let group = psiGroupOf(next); group != null; group = group.parent) {
      if (psiCpuOf(group, rq.id).stateMask & (1 << Psi.ONCPU)) {
        common = group;
        break;
      }
      psiGroupChange(group, rq, 0, Tsk.ONCPU);
    }
  }
  if (prev == rq.idle) return;
  let clear = Tsk.ONCPU;
  let set: u32 = 0;
  if (sleeps) {
    clear |= Tsk.RUNNING;
    if (prev.inMemstall) clear |= Tsk.MEMSTALL_RUNNING;
    if (prev.inIowait) set = Tsk.IOWAIT;
  }
  changeFlags(prev, clear, set);
  let group = psiGroupOf(prev);
  for (; group != null && group != common; group = group.parent) psiGroupChange(group, rq, clear, set);
  // The groups of both go on being on the CPU; whatever else differs goes all the way up.
  if (((prev.psiFlags ^ next.psiFlags) & ~Tsk.ONCPU) == 0) return;
  clear &= ~Tsk.ONCPU;
  for (; group != null; group = group.parent) psiGroupChange(group, rq, clear, set);
}

/** A CPU's tasks of a group count otherwise from now on. */
function psiGroupChange(group: PsiGroup, rq: Rq, clear: u32, set: u32): void {
  const now = machine.now;
  if (now >= group.clockAt) runClock(group, now);
  const cpu = psiCpuOf(group, rq.id);
  recordTimes(cpu, now);
  cpu.nrIowait += (set & Tsk.IOWAIT ? 1 : 0) - (clear & Tsk.IOWAIT ? 1 : 0);
  cpu.nrMemstall += (set & Tsk.MEMSTALL ? 1 : 0) - (clear & Tsk.MEMSTALL ? 1 : 0);
  cpu.nrRunning += (set & Tsk.RUNNING ? 1 : 0) - (clear & Tsk.RUNNING ? 1 : 0);
  cpu.nrMemstallRunning += (set & Tsk.MEMSTALL_RUNNING ? 1 : 0) - (clear & Tsk.MEMSTALL_RUNNING ? 1 : 0);
  assert(<i32>cpu.nrIowait >= 0 && <i32>cpu.nrMemstall >= 0 && <i32>cpu.nrRunning >= 0);
  let onCpu = (cpu.stateMask >> Psi.ONCPU) & 1;
  if (clear & Tsk.ONCPU) onCpu = 0;
  else if (set & Tsk.ONCPU) onCpu = 1;
  cpu.stateMask = statesOf(cpu, onCpu, onCpu != 0 && rq.curr.inMemstall);
  if (group.clockAt == NEVER) startClock(group, rq.id, now);
}

/** test_state of all states. `reclaims`: the task on the CPU works on memory, so that nobody of the group could do anything useful there. */
function statesOf(cpu: PsiGroupCpu, onCpu: u32, reclaims: bool): u32 {
  let mask = onCpu << Psi.ONCPU;
  const running = cpu.nrRunning;
  if (cpu.nrIowait != 0) {
    mask |= 1 << Psi.IO_SOME;
    if (running == 0) mask |= 1 << Psi.IO_FULL;
  }
  if (cpu.nrMemstall != 0) {
    mask |= 1 << Psi.MEM_SOME;
    if (running == cpu.nrMemstallRunning || reclaims) mask |= 1 << Psi.MEM_FULL;
  }
  if (running > onCpu) {
    mask |= 1 << Psi.CPU_SOME;
    if (onCpu == 0) mask |= 1 << Psi.CPU_FULL;
  }
  if ((cpu.nrIowait | cpu.nrMemstall | running) != 0) mask |= 1 << Psi.NONIDLE;
  return mask;
}

/** Time in the present states is booked (record_times). CPUs' local times may cross, but none goes back. */
function recordTimes(cpu: PsiGroupCpu, now: u64): void {
  if (now <= cpu.stateStart) return;
  const delta = now - cpu.stateStart;
  cpu.stateStart = now;
  for (let states = cpu.stateMask & ((1 << Psi.COUNT) - 1); states != 0; states &= states - 1) {
    const time = cpu.times + ((<usize>ctz(states)) << 3);
    store<u64>(time, load<u64>(time) + delta);
  }
}
