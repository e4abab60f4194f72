/**
 * Changing a running task's policy (kernel/sched/syscalls.c __sched_setscheduler): it leaves its old class and comes into the new one.
 */
import { Policy, Task } from '../task/task';
import { setReservation } from './cbs';
import { classAt, classOf, Flags, Rank } from './class';
import { rescaleOff } from './eevdf';
import { Rq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';
import { weightOf, wmultOf } from './weight';

/** The class that serves a policy. */
export function rankOf(policy: u8): u8 {
  switch (policy) {
    case Policy.DEADLINE:
      return Rank.DEADLINE;
    case Policy.FIFO:
    case Policy.RR:
      return Rank.RT;
    case Policy.VMF:
      return Rank.VMF;
    case Policy.BT:
      return Rank.BT;
    default:
      return Rank.FAIR;
  }
}

/** Gives a task that is on no queue its policy, nice value and priority. */
export function setParams(task: Task, policy: u8, nice: i8, prio: u8): void {
  task.policy = policy;
  task.rank = rankOf(policy);
  task.nice = nice;
  task.prio = prio;
  task.idle = policy == Policy.IDLE;
  task.weight = weightOf(nice, task.idle);
  task.invWeight = wmultOf(nice, task.idle);
  task.yields = yields(task);
  task.timeSlice = <u16>tunables.rrTicks;
  if (!task.ownSlack) task.timerSlackNs = task.rank < Rank.FAIR ? 0 : DEFAULT_SLACK;
}

/** Whether fair tasks may take a CPU that it runs on as idle: BT, SCHED_IDLE, or in a group with cpu.idle. */
export function yields(task: Task): bool {
  if (task.idle || task.rank == Rank.BT) return true;
  for (let group = task.group; group != null; group = group.parent) if (group.idle) return true;
  return false;
}

/** Default timer slack (init_task.timer_slack_ns); the real-time classes, and ours, have none. */
const DEFAULT_SLACK: u64 = 50_000;

/** The running task changes its own policy. `runtime`, `deadline`, `period`: its reservation, if that is SCHED_DEADLINE. */
export function setScheduler(
  rq: Rq,
  task: Task,
  policy: u8,
  nice: i8,
  prio: u8,
  runtime: u64 = 0,
  deadline: u64 = 0,
  period: u64 = 0,
): void {
  updateRqClock(rq);
  const old = classOf(task);
  old.dequeueTask(rq, task, Flags.SAVE);
  old.putPrevTask(rq, task);
  if (rankOf(policy) != task.rank) {
    old.switchedFrom(rq, task);
    // BT is a CFS: it has no lag to take along.
    if (task.rank == Rank.BT) task.vlag = 0;
  }
  const weight = <i64>task.weight;
  setParams(task, policy, nice, prio);
  if (policy == Policy.DEADLINE) setReservation(task.dl, runtime, deadline, period);
  if (tunables.eevdf) rescaleOff(task, weight, <i64>task.weight);
  const now = classAt(task.rank);
  now.enqueueTask(rq, task, Flags.SAVE);
  now.setNextTask(rq, task);
  if (tunables.coreSched) rq.core.taskSeq++;
  // Whether it is still the one to run, the next pick decides.
  reschedCurr(rq);
}
