/**
 * The stretch of work that a CPU is in: how much of it is done, and when it ends.
 *
 * The threads of a core slow each other down while more than one of them runs a task. Work is counted in ns of a thread that has its core
 * for itself; time, which is all that the scheduler knows, goes on as ever. Slowed is what programs compute, in user mode or in the kernel;
 * not slowed are stretches with interrupts off, noise, and what the kernel's own operations cost.
 */
import { enterIdle } from './machine/cpu';
import { programClockevent } from './machine/hrtimer';
import { FULL_SPEED, machine } from './machine/machine';
import { coreBegin, coreEnd } from './sched/masks';
import { Rq, rqOf } from './sched/rq';
import { Mode, Task } from './task/task';
import { enterGuest } from './virt/guest_mode';

/** `busy` steps end at their time, however fast the thread. */
function isSlowed(rq: Rq, task: Task): bool {
  return rq.speed != FULL_SPEED && task.mode != Mode.IRQ_OFF && task.busyUntil == 0;
}

/** The task has been on its CPU from the segment's begin to `time`. */
export function accountWork(rq: Rq, time: u64): void {
  const task = rq.curr;
  let done = time - rq.segmentBegin;
  if (isSlowed(rq, task)) done = (done * rq.speed) / FULL_SPEED;
  task.remaining -= min(done, task.remaining);
}

/** The CPU has been in its stretch until `time`, however that is to be accounted for. */
export function accountSegment(rq: Rq, time: u64): void {
  if (rq.sectionRemaining != 0) rq.sectionRemaining -= min(time - rq.segmentBegin, rq.sectionRemaining);
  else if (rq.curr != rq.idle) accountWork(rq, time);
}

/** How long the task needs for what is left of its run step. */
function timeLeft(rq: Rq, task: Task): u64 {
  if (!isSlowed(rq, task)) return task.remaining;
  return (task.remaining * FULL_SPEED + rq.speed - 1) / rq.speed;
}

/** The CPU goes back to work, or to sleep. */
export function armSegment(rq: Rq): void {
  const now = machine.now;
  rq.segmentBegin = now;
  rq.kernelUntil = now;
  if (rq.curr == rq.idle && rq.sectionRemaining == 0) {
    if (rq.segmentEnd.pending) machine.wheel.remove(rq.segmentEnd);
    enterIdle(rq, now);
  } else {
    armEnd(rq);
  }
  programClockevent(rq, now);
}

/** Arms the end of the stretch that has begun. */
export function armEnd(rq: Rq): void {
  const task = rq.curr;
  const inSection = rq.sectionRemaining != 0;
  const end = rq.segmentBegin + (inSection ? rq.sectionRemaining : timeLeft(rq, task));
  if (end < rq.tick.soft || task.mode == Mode.IRQ_OFF || inSection) {
    machine.wheel.move(rq.segmentEnd, end);
    if (task.mode == Mode.IRQ_OFF && !inSection) rq.kernelUntil = end;
  } else {
    // The tick comes first, and arms it then if it is near.
    if (rq.segmentEnd.pending) machine.wheel.remove(rq.segmentEnd);
    if (task.vcpu != null) enterGuest(rq, task.vcpu);
  }
}

/** A thread of a core begins or stops to run tasks: from this instant on all its threads go at another speed. */
export function shareCore(rq: Rq): void {
  let busy: u64 = 0;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) if (rqOf(cpu).curr != rqOf(cpu).idle) busy++;
  const speed = speedOf(busy);
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++)
    if (rqOf(cpu).speed != speed) setSpeed(rqOf(cpu), speed);
}

/** Speed of each of `busy` threads. The machine says it for two; that every further one slows the others by as much is an assumption. */
function speedOf(busy: u64): u64 {
  if (busy < 2) return FULL_SPEED;
  const speed = machine.smtSpeed;
  return (FULL_SPEED * speed) / (speed + (busy - 1) * (FULL_SPEED - speed));
}

function setSpeed(rq: Rq, speed: u64): void {
  // A CPU that is in its kernel has accounted already, and arms when it leaves.
  const works = !rq.touched && rq.curr != rq.idle && rq.sectionRemaining == 0 && rq.curr.mode != Mode.IRQ_OFF;
  if (works) {
    const now = max(machine.lastEventAt, rq.segmentBegin);
    accountWork(rq, now);
    rq.segmentBegin = now;
  }
  rq.speed = speed;
  if (works) armEnd(rq);
  if (rq.guest != null) setSpeed(rq.guest.rq, speed);
}
