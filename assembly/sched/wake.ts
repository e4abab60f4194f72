/**
 * Waking, activating and rescheduling (kernel/sched/core.c: try_to_wake_up, activate_task, resched_curr, check_preempt_curr).
 */
import { machine, spend } from '../machine/machine';
import { traceMigrate, traceWakeup, traceWaking } from '../observe/trace';
import { Mode, State, Task } from '../task/task';
import { classOf, Flags, Rank } from './class';
import { leftCore } from './core_sched';
import { pushWoken } from './later_cpu';
import { psiDequeue, psiEnqueue, psiForget } from './psi';
import { Rq, rqOf, shareCache, updateRqClock } from './rq';
import { tunables } from './tunables';

/** Asks a CPU to reschedule: at its interrupt exit if it is this one, through an interrupt if it is another. */
export function reschedCurr(rq: Rq): void {
  if (rq.needResched) return;
  rq.needResched = true;
  if (rq.id != machine.thisCpu) sendIpi(rq);
}

/**
 * Asks a CPU that runs a fair task to reschedule for another fair one: under preempt=lazy at its next return to user mode, to which
 * it is not hurried (resched_curr_lazy, __resched_curr of 6.13).
 */
export function reschedCurrLazy(rq: Rq): void {
  if (tunables.lazyPreemption && rq.curr != rq.idle) rq.needReschedLazy = true;
  else reschedCurr(rq);
}

/** From the tick: what was asked for lazily has waited long enough (sched_tick). */
export function promoteLazy(rq: Rq): void {
  if (rq.needReschedLazy) reschedCurr(rq);
}

/** Sends a reschedule interrupt to another CPU, unless one is on the way. */
export function sendIpi(rq: Rq): void {
  if (rq.ipi.pending) return;
  rq.ipi.index = machine.firstCpu + machine.thisCpu;
  machine.wheel.insert(rq.ipi, machine.now + machine.ipiNs);
  spend(machine.sendIpiNs);
}

/** A task became runnable on `rq`: does it go before the one that runs? */
export function checkPreemptCurr(rq: Rq, task: Task, flags: u32): void {
  const curr = rq.curr;
  if (task.rank == curr.rank) classOf(curr).wakeupPreempt(rq, task, flags);
  else if (task.rank < curr.rank && preemptsByWakeup(rq, task)) reschedCurr(rq);
}

/** What keeps a CPU from rescheduling at once. */
export namespace Held {
  export const NOTHING: u32 = 0;
  /** Its task is in kernel code that it must finish first. */
  export const KERNEL: u32 = 1;
  /** Kernel work on top of its task: softirq. */
  export const SECTION: u32 = 2;
}

export function heldBy(rq: Rq): u32 {
  if (rq.sectionRemaining != 0) return Held.SECTION;
  const curr = rq.curr;
  if (curr.mode == Mode.USER || curr.remaining == 0 || curr.state != State.RUNNING) return Held.NOTHING;
  if (curr.mode == Mode.TOUCH) return Held.NOTHING;
  const leaves = curr.mode == Mode.KERNEL && tunables.fullPreemption && (rq.needResched || !rq.needReschedLazy);
  return leaves ? Held.NOTHING : Held.KERNEL;
}

/** A stronger class preempts at once, unless VM First is simulated without that (an ablation). */
function preemptsByWakeup(rq: Rq, task: Task): bool {
  return task.rank != Rank.VMF || tunables.vmfWakeupPreemption || rq.curr == rq.idle;
}

export function activateTask(rq: Rq, task: Task, flags: u32): void {
  classOf(task).enqueueTask(rq, task, flags);
  task.onRq = true;
  if (tunables.notesQueues) noteQueue(rq, task, flags, true);
}

export function deactivateTask(rq: Rq, task: Task, flags: u32): void {
  if (classOf(task).dequeueTask(rq, task, flags)) task.onRq = false;
  if (tunables.notesQueues) noteQueue(rq, task, flags, false);
}

/** Pressure and cores notice who comes and goes. */
function noteQueue(rq: Rq, task: Task, flags: u32, comes: bool): void {
  if (machine.psi != null) {
    if (comes) psiEnqueue(task, flags);
    else psiDequeue(task, flags);
  }
  if (!tunables.coreSched && !tunables.htIsolate) return;
  if (comes) rq.core.taskSeq++;
  else leftCore(rq, flags);
}

/** Notes that a task will run elsewhere from now on (set_task_cpu). */
export function setTaskCpu(task: Task, cpu: u32): void {
  traceMigrate(task, cpu);
  task.cpu = cpu;
  task.migrated = true;
  task.spec.migrations++;
  rqOf(cpu).migrationsIn++;
}

/** Moves a runnable task that does not run from one queue to another (move_queued_task). */
export function moveQueuedTask(from: Rq, task: Task, to: Rq): void {
  updateRqClock(from);
  deactivateTask(from, task, Flags.MIGRATED);
  setTaskCpu(task, to.id);
  updateRqClock(to);
  activateTask(to, task, Flags.MIGRATED);
  checkPreemptCurr(to, task, 0);
}

/** Wakes a task if it sleeps. `flags` may hold SYNC. */
export function tryToWakeUp(task: Task, flags: u32): void {
  if (task.state != State.SLEEPING) return;
  traceWaking(task);
  task.spec.wakeups++;
  if (task.onRq) {
    // It has decided to sleep but is still on its CPU, or its dequeue was delayed: it simply does not sleep (ttwu_runnable).
    task.state = State.RUNNING;
    task.inIowait = false;
    const rq = rqOf(task.cpu);
    updateRqClock(rq);
    if (rq.curr != task) {
      task.woken = true;
      task.runnableSince = machine.now;
    }
    if (task.delayed) activateTask(rq, task, Flags.DELAYED);
    checkPreemptCurr(rq, task, flags);
    spend(machine.wakeupNs);
    traceWakeup(task, heldBy(rq));
    return;
  }
  const free = task.nrCpusAllowed > 1 && !task.placed;
  const cpu = free ? classOf(task).selectTaskRq(task, task.cpu, flags | Flags.WAKEUP) : task.cpu;
  task.placed = false;
  let enqueueFlags = Flags.WAKEUP;
  if (cpu != task.cpu) {
    if (machine.psi != null) psiForget(task);
    classOf(task).migrateTaskRq(task);
    setTaskCpu(task, cpu);
    enqueueFlags |= Flags.MIGRATED;
  }
  spend(machine.wakeupNs);
  const rq = rqOf(cpu);
  // TTWU_QUEUE: a CPU that shares no cache with this one puts the task on its queue itself; from 5.8 on an idle one, too.
  const lists = rq.nrRunning == 0 && !tunables.loadHistory;
  if (cpu != machine.thisCpu && (lists || !shareCache(cpu, machine.thisCpu))) {
    task.state = State.WAKING;
    queueWakeup(rq, task, enqueueFlags);
  } else {
    ttwuActivate(rq, task, enqueueFlags);
  }
}

/** Puts a new task on its first CPU (wake_up_new_task); its class has placed it by taskFork. */
export function wakeUpNewTask(task: Task): void {
  if (task.nrCpusAllowed > 1) {
    const cpu = classOf(task).selectTaskRq(task, task.cpu, Flags.FORK);
    task.cpu = cpu;
  }
  spend(machine.wakeupNs);
  const rq = rqOf(task.cpu);
  classOf(task).initTask(rq, task);
  ttwuActivate(rq, task, Flags.INITIAL);
}

/** The CPU's wake list, on its reschedule interrupt (sched_ttwu_pending). */
export function ttwuPending(rq: Rq): void {
  while (rq.wakeHead != null) {
    const task = rq.wakeHead;
    rq.wakeHead = task.waitNext;
    task.waitNext = changetype<Task>(0);
    rq.ttwuPending--;
    ttwuActivate(rq, task, task.wakeFlags);
  }
}

function queueWakeup(rq: Rq, task: Task, flags: u32): void {
  task.wakeFlags = <u16>flags;
  task.waitNext = changetype<Task>(0);
  if (rq.wakeHead == null) rq.wakeHead = task;
  else rq.wakeTail.waitNext = task;
  rq.wakeTail = task;
  rq.ttwuPending++;
  sendIpi(rq);
}

function ttwuActivate(rq: Rq, task: Task, flags: u32): void {
  updateRqClock(rq);
  task.state = State.RUNNING;
  task.woken = true;
  task.runnableSince = machine.now;
  activateTask(rq, task, flags);
  checkPreemptCurr(rq, task, flags);
  if (rq.idleStamp != 0 && (flags & Flags.INITIAL) == 0) noteIdleEnd(rq);
  traceWakeup(task, heldBy(rq));
  if (task.rank == Rank.DEADLINE) pushWoken(rq, task);
}

/** A wakeup ends the CPU's idle time, which is averaged over the last ones (ttwu_do_wakeup). */
function noteIdleEnd(rq: Rq): void {
  const length = rq.clock - rq.idleStamp;
  rq.avgIdle = min(rq.avgIdle + (<i64>(length - rq.avgIdle) >> 3), maxAvgIdle());
  rq.idleStamp = 0;
}

/** Twice what a balance is taken to cost at least (max_idle_balance_cost). */
export function maxAvgIdle(): u64 {
  return 2 * tunables.migrationCostNs;
}
