/**
 * Replay: drives the scheduling classes through a recorded history, operation by operation at the recorded times. No program runs and no
 * event is handled but the period timers of throttling. At every chance the classes are asked what they would do, and are then
 * made to do what the recorded kernel did, so that one wrong decision does not spoil the next.
 */
import { timerOf } from './machine/timer';
import { EventKind, machine } from './machine/machine';
import { classAt, classOf, Flags, Rank } from './sched/class';
import { schedSlice } from './sched/cfs';
import { CfsRq, SchedEntity, TaskGroup } from './sched/entity';
import { setShares } from './sched/group';
import { Rq, rqOf, updateRqClock } from './sched/rq';
import { setScheduler } from './sched/setscheduler';
import { expire } from './sched/timers';
import { tunables } from './sched/tunables';
import { calcDeltaFair } from './sched/virtual_time';
import { activateTask, checkPreemptCurr, deactivateTask } from './sched/wake';
import { State, Task } from './task/task';
import { runtimeLeft } from './unknowns';

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
      const timer = timerOf(event);
      const rq = rqOf(event.cpu);
      machine.thisCpu = rq.id;
      machine.now = exact ? rq.clock : timer.soft;
      expire(rq, timer);
    }
    event = wheel.pop(now);
  }
  machine.now = now;
}

/** The recording holds every charge: between them no time passes for a runqueue. */
let exact: bool = false;

export function setExact(value: bool): void {
  exact = value;
}

/** What happens next happens on this CPU, now. */
export function enter(cpu: u32, now: u64): Rq {
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

/** Whether the question of a tick that comes at `now` would be answered otherwise `slack` ns earlier or later. */
export function hangs(cpu: u32, now: u64, slack: u64): bool {
  // A refill so near may have come before or after it.
  if (now > machine.now + slack) enter(cpu, now - slack);
  const before = rqOf(cpu).nrRunning;
  const rq = enter(cpu, now);
  if (rq.nrRunning != before) return true;
  const task = rq.curr;
  if (task.rank != Rank.FAIR && task.rank != Rank.BT) return false;
  for (let se = changetype<SchedEntity>(task); se != null; se = se.parent_) {
    const ran = rq.clock - se.execStart;
    const left = runtimeLeft(se.cfsRq) - <i64>ran;
    if (left < <i64>slack && left > -(<i64>slack)) return true;
    if (se.cfsRq.nrRunning < 2) continue;
    if (expires(se, ran + slack) != expires(se, ran > slack ? ran - slack : 0)) return true;
  }
  return false;
}

/** Whether a tick would want the running entity to give way after `ran` ns more. */
function expires(se: SchedEntity, ran: u64): bool {
  const q = se.cfsRq;
  const vruntime = se.vruntime + calcDeltaFair(ran, se);
  if (q.eevdf) return <i64>(vruntime - se.deadline) >= 0;
  const ideal = schedSlice(q, se);
  const sum = se.sumExec + ran - se.prevSumExec;
  if (sum > ideal) return true;
  const lead = <i64>(vruntime - changetype<SchedEntity>(q.leftmost).vruntime);
  return sum >= tunables.minGranularityNs && lead >= 0 && <u64>lead > ideal;
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

/**
 * The running task exits: it is taken off its queue and put back, as if it changed its group (sched_autogroup_exit_task, sched_move_task).
 * min_vruntime does not wait for it meanwhile, and takes it along.
 */
export function rejoin(cpu: u32): void {
  const rq = rqOf(cpu);
  const task = rq.curr;
  const sched = classOf(task);
  sched.dequeueTask(rq, task, 0);
  sched.putPrevTask(rq, task);
  sched.enqueueTask(rq, task, 0);
  sched.setNextTask(rq, task);
}

/** A group's cpu.weight is written, in load units. */
export function reshare(group: TaskGroup, cpu: u32, shares: u64, now: u64): void {
  enter(cpu, now);
  setShares(group, cpu, shares);
}

/** Whether a class has asked for a reschedule since the last switch, timers up to `now` included. */
export function asked(cpu: u32, now: u64): bool {
  if (now != 0) enter(cpu, now);
  return rqOf(cpu).needResched;
}

/** The running task leaves the CPU: whom would the classes choose? They stand as if they had had their way. */
export function pick(cpu: u32, prevState: u32, now: u64): Task {
  const rq = enter(cpu, now);
  const prev = rq.curr;
  keepTurn(prev);
  if (prevState != Prev.RUNNABLE && prev != rq.idle) {
    prev.state = prevState == Prev.DEAD ? State.DEAD : State.SLEEPING;
    deactivateTask(rq, prev, prevState == Prev.DEAD ? Flags.SLEEP | Flags.SPECIAL : Flags.SLEEP);
  }
  let next = changetype<Task>(0);
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
  if (next == kept) restoreTurn();
}

/** Groups may be nested so deep in a recording. */
const MAX_DEPTH: u32 = 8;
/** The task that ran before the last pick, and where its turn stood: each level's slice and protection. */
let kept: Task = changetype<Task>(0);
const keptTurn = new StaticArray<u64>(2 * MAX_DEPTH);

function keepTurn(task: Task): void {
  kept = task;
  let se = changetype<SchedEntity>(task);
  for (let i: u32 = 0; se != null && i < MAX_DEPTH; i++, se = se.parent_) {
    keptTurn[2 * i] = se.prevSumExec;
    keptTurn[2 * i + 1] = <u64>se.vlag;
  }
}

/** It was not interrupted after all. */
function restoreTurn(): void {
  let se = changetype<SchedEntity>(kept);
  for (let i: u32 = 0; se != null && i < MAX_DEPTH; i++, se = se.parent_) {
    se.prevSumExec = keptTurn[2 * i];
    se.vlag = <i64>keptTurn[2 * i + 1];
  }
}

/** A queue that has a history: its virtual time as the recording shows it. */
export function placeQueue(task: Task, minVruntime: u64): void {
  task.cfsRq.minVruntime = minVruntime;
}
