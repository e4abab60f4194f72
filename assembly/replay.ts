/**
 * Replay: drives the scheduling classes through a recorded history, operation by operation at the recorded times. No program runs and no
 * event is handled but the period timers of throttling. At every chance the classes are asked what they would do, and are then
 * made to do what the recorded kernel did, so that one wrong decision does not spoil the next.
 */
import { HrTimer, TimerKind } from './machine/timer';
import { EventKind, machine } from './machine/machine';
import { BtClass } from './sched/bt';
import { classAt, classOf, Flags, Rank } from './sched/class';
import { fairServerTimer } from './sched/fair_server';
import { Rq, rqOf, updateRqClock } from './sched/rq';
import { RtClass } from './sched/rt';
import { periodTimer, slackTimer } from './sched/throttle';
import { setScheduler } from './sched/setscheduler';
import { activateTask, checkPreemptCurr, deactivateTask } from './sched/wake';
import { State, Task } from './task/task';

/** How the previous task of a switch leaves the CPU. */
namespace Prev {
  export const RUNNABLE: u32 = 0;
  export const DEAD: u32 = 2;
}

/** Time goes on to `now`: quotas and budgets are refilled on the way. */
function advanceTo(now: u64): void {
  const wheel = machine.wheel;
  let event = wheel.pop(now);
  while (event != null) {
    if (event.kind == EventKind.TIMER_NEAR) {
      const timer = changetype<HrTimer>(<usize>event.index);
      machine.thisCpu = event.cpu;
      machine.now = exact ? rqOf(event.cpu).clock : timer.soft;
      expire(timer);
    }
    event = wheel.pop(now);
  }
  machine.now = now;
}

function expire(timer: HrTimer): void {
  switch (timer.kind) {
    case TimerKind.RT_PERIOD:
      (classAt(Rank.RT) as RtClass).periodTimer();
      break;
    case TimerKind.BT_PERIOD:
      (classAt(Rank.BT) as BtClass).periodTimer();
      break;
    case TimerKind.FAIR_SERVER:
      fairServerTimer(changetype<Rq>(timer.target));
      break;
    case TimerKind.CFS_PERIOD:
      periodTimer(timer);
      break;
    case TimerKind.CFS_SLACK:
      slackTimer(timer);
      break;
    default:
      break;
  }
}

/** The recording holds every charge: between them no time passes for a runqueue. */
let exact: bool = false;

export function setExact(value: bool): void {
  exact = value;
}

function enter(cpu: u32, now: u64): Rq {
  advanceTo(now);
  machine.thisCpu = cpu;
  const rq = rqOf(cpu);
  if (exact) machine.now = rq.clock;
  else updateRqClock(rq);
  return rq;
}

/** The CPU that a class would wake a task on, or start a new one on, seen from `waker`. */
export function choose(task: Task, waker: u32, fork: bool, now: u64): u32 {
  enter(waker, now);
  if (task.nrCpusAllowed == 1) return task.cpu;
  return classOf(task).selectTaskRq(task, task.cpu, fork ? Flags.FORK : Flags.WAKEUP);
}

/** A task is forked: it is placed beside its parent. */
export function fork(task: Task, cpu: u32, now: u64): void {
  const rq = enter(cpu, now);
  task.cpu = cpu;
  classOf(task).taskFork(rq, task);
}

/** A task wakes, or starts, on a CPU. */
export function wake(task: Task, cpu: u32, isNew: bool, now: u64): void {
  const rq = enter(cpu, now);
  task.state = State.RUNNING;
  if (task.onRq) {
    if (task.delayed) classOf(task).enqueueTask(rq, task, Flags.DELAYED);
  } else if (isNew) {
    task.cpu = cpu;
    classOf(task).initTask(rq, task);
    activateTask(rq, task, Flags.INITIAL);
  } else {
    let flags = Flags.WAKEUP;
    if (task.cpu != cpu) {
      classOf(task).migrateTaskRq(task);
      task.cpu = cpu;
      flags |= Flags.MIGRATED;
    }
    activateTask(rq, task, flags);
  }
  checkPreemptCurr(rq, task, Flags.WAKEUP);
}

/** A runnable task that waits is moved to another CPU. */
export function migrate(task: Task, cpu: u32, now: u64): void {
  if (task.cpu == cpu) return;
  const from = enter(task.cpu, now);
  if (!task.onRq || from.curr == task) return;
  deactivateTask(from, task, Flags.MIGRATED);
  task.cpu = cpu;
  const to = enter(cpu, now);
  activateTask(to, task, Flags.MIGRATED);
  checkPreemptCurr(to, task, 0);
}

/** A scheduler tick. */
export function tick(cpu: u32, now: u64): void {
  const rq = enter(cpu, now);
  rq.ticks++;
  classOf(rq.curr).taskTick(rq, rq.curr);
}

/** The running task is charged up to its last accounting plus `ran`, whatever the time: the recorded clock is exact. */
export function charge(cpu: u32, ran: u64): void {
  const rq = rqOf(cpu);
  const task = rq.curr;
  rq.clock = task.execStart + ran;
  machine.now = rq.clock;
  classOf(task).updateCurr(rq);
}

/** The running task gives way. */
export function giveWay(cpu: u32, now: u64): void {
  const rq = enter(cpu, now);
  classOf(rq.curr).yieldTask(rq);
}

/** The running task changes its policy, nice value or priority. */
export function changePolicy(cpu: u32, policy: u8, nice: i8, prio: u8, now: u64): void {
  const rq = enter(cpu, now);
  setScheduler(rq, rq.curr, policy, nice, prio);
}

/** Whether a class has asked for a reschedule since the last switch. */
export function asked(cpu: u32): bool {
  return rqOf(cpu).needResched;
}

/** The running task leaves the CPU: whom would the classes choose? They stand as if they had had their way. */
export function pick(cpu: u32, prevState: u32, now: u64): Task {
  const rq = enter(cpu, now);
  const prev = rq.curr;
  if (prevState != Prev.RUNNABLE && prev != rq.idle) {
    prev.state = prevState == Prev.DEAD ? State.DEAD : State.SLEEPING;
    deactivateTask(rq, prev, prevState == Prev.DEAD ? Flags.SLEEP | Flags.SPECIAL : Flags.SLEEP);
  }
  let next = changetype<Task>(0);
  if (rq.fairBoosted && !rq.stop.queued) next = changetype<Task>(classAt(Rank.FAIR).pickNextTask(rq, prev));
  for (let rank: u8 = 0; rank <= Rank.IDLE && next == null; rank++) {
    next = changetype<Task>(classAt(rank).pickNextTask(rq, prev));
  }
  // Last, for what is put back is charged, which may ask for it.
  rq.needResched = false;
  rq.curr = next;
  return next;
}

/** After a pick: the recorded kernel chose another. */
export function force(cpu: u32, next: Task): void {
  const rq = rqOf(cpu);
  if (next == rq.curr) return;
  classOf(rq.curr).putPrevTask(rq, rq.curr);
  if (next != rq.idle && !next.onRq) activateTask(rq, next, Flags.WAKEUP);
  rq.curr = next;
  next.state = State.RUNNING;
  classOf(next).setNextTask(rq, next);
}

/** A queue that has a history: its virtual time as the recording shows it. */
export function placeQueue(task: Task, minVruntime: u64): void {
  task.cfsRq.minVruntime = minVruntime;
}
