/**
 * The interpreter of task programs: a task's steps between two points where time passes. A step either takes time (run), ends in
 * sleep, or is done at once; src/kernel/compile.ts writes the instructions.
 */
import { at } from '../base/arena';
import { Distribution, sample } from '../base/random';
import { startTimer } from '../machine/hrtimer';
import { machine, spend } from '../machine/machine';
import { record } from '../observe/recorder';
import { classOf, Flags } from '../sched/class';
import { Rq } from '../sched/rq';
import { setScheduler } from '../sched/setscheduler';
import { tryToWakeUp } from '../sched/wake';
import { runVcpu } from '../virt/halt';
import { notify } from '../virt/virtio';
import { execTask, forkTask } from './fork';
import { Mode, State, Task } from './task';
import { addWaiter, WaitQueue, wakeAll, wakeOne } from './wait';

/** Operation codes: the table format of src/kernel/tables.ts. */
export namespace Op {
  export const EXIT: u32 = 0;
  /** a: mode, duration. */
  export const RUN: u32 = 1;
  /** duration */
  export const BUSY: u32 = 2;
  /** duration */
  export const SLEEP: u32 = 3;
  /** a: timer, b: Missed, c: 1 shared, x: period, y: phase or −1, z: distance. */
  export const TIMER: u32 = 4;
  export const STAMP: u32 = 5;
  /** a: recorder, b: 1 since the stamp, 0 since the timer. */
  export const RECORD: u32 = 6;
  /** a: wait queue; b: mutex to release, +1. A LOCK of it follows. */
  export const WAIT: u32 = 7;
  /** a: wait queue, b: 1 all. */
  export const SIGNAL: u32 = 8;
  /** a: wait queue */
  export const LOCK: u32 = 9;
  export const UNLOCK: u32 = 10;
  /** a: wait queue; b: guests that have one like it each, of which the task's instance takes its own (0: there is but one). */
  export const SEND: u32 = 11;
  /** a, b: as SEND. */
  export const RECEIVE: u32 = 12;
  export const BARRIER: u32 = 13;
  /** a: spec */
  export const FORK: u32 = 14;
  export const YIELD: u32 = 15;
  /** a: policy, b: nice + 20, c: prio; SCHED_DEADLINE: x: runtime, y: deadline, z: period. */
  export const POLICY: u32 = 16;
  /** a: loop counter, b: times. */
  export const LOOP: u32 = 17;
  /** a: loop counter, b: begin of the body. */
  export const REPEAT: u32 = 18;
  /** a: target. */
  export const JUMP: u32 = 19;
  export const EXEC: u32 = 20;
  export const VCPU: u32 = 21;
}

/** What a timer does with periods that are already past. */
namespace Missed {
  export const SKIP: u32 = 0;
  export const KEEP: u32 = 1;
  export const REBASE: u32 = 2;
  export const RUN: u32 = 3;
}

@unmanaged
export class Instruction {
  op: u32;
  a: u32;
  b: u32;
  c: u32;
  duration: Distribution;
  x: u64;
  y: i64;
  z: u64;
}

@unmanaged
export class Programs {
  /** Address of Instruction[]. */
  instructions: usize;
  /** Address of WaitQueue[]. */
  waitQueues: usize;
  /** Address of u64[]: next expiry of the timers that tasks share. */
  sharedTimers: usize;
}

export const programs: Programs = changetype<Programs>(memory.data(<i32>offsetof<Programs>(), 8));

/** So many steps without time going on are a program that makes no progress. */
const MAX_STEPS: u32 = 1_000_000;

/**
 * Runs the task's program until it has work to do, sleeps, ends or gives way. False: it makes no progress.
 */
export function advance(rq: Rq, task: Task): bool {
  for (let steps: u32 = 0; steps < MAX_STEPS; steps++) {
    const step = at<Instruction>(programs.instructions, task.pc);
    task.pc++;
    switch (step.op) {
      case Op.RUN:
        task.mode = <u8>step.a;
        task.remaining = sample(step.duration, task.streamState);
        if (task.remaining != 0) return true;
        break;
      case Op.BUSY:
        task.mode = Mode.USER;
        task.remaining = sample(step.duration, task.streamState);
        task.busyUntil = machine.now + task.remaining;
        if (task.remaining != 0) return true;
        break;
      case Op.SLEEP:
        sleepUntil(rq, task, machine.now + sample(step.duration, task.streamState));
        return true;
      case Op.TIMER:
        if (timer(rq, task, step)) return true;
        break;
      case Op.STAMP:
        task.stamp = machine.now;
        break;
      case Op.RECORD:
        record(task, step.a, machine.now - (step.b != 0 ? task.stamp : task.due));
        break;
      case Op.WAIT:
        if (step.b != 0) unlock(queueAt(step.b - 1));
        block(rq, task, queueAt(step.a));
        return true;
      case Op.SIGNAL:
        if (step.b != 0) wakeAll(queueAt(step.a));
        else wakeOne(queueAt(step.a), 0);
        break;
      case Op.LOCK: {
        const mutex = queueAt(step.a);
        if (mutex.owner != null) {
          // Whoever is woken contends for it again, as futex-based mutexes do.
          task.pc--;
          block(rq, task, mutex);
          return true;
        }
        mutex.owner = task;
        break;
      }
      case Op.UNLOCK:
        unlock(queueAt(step.a));
        break;
      case Op.SEND: {
        const channel = channelOf(task, step);
        channel.count++;
        spend(machine.syscallEntryNs + machine.syscallExitNs);
        if (channel.shared) notify(rq, channel);
        else wakeOne(channel, Flags.SYNC);
        break;
      }
      case Op.RECEIVE: {
        const channel = channelOf(task, step);
        if (channel.count == 0) {
          task.pc--;
          block(rq, task, channel);
          return true;
        }
        channel.count--;
        break;
      }
      case Op.BARRIER: {
        const barrier = queueAt(step.a);
        if (++barrier.count < barrier.size) {
          block(rq, task, barrier);
          return true;
        }
        barrier.count = 0;
        wakeAll(barrier);
        break;
      }
      case Op.FORK:
        if (!forkTask(rq, step.a)) return false;
        break;
      case Op.EXEC:
        execTask(rq, task);
        if (rq.needResched) return true;
        break;
      case Op.VCPU:
        // For ever.
        task.pc--;
        runVcpu(rq, task);
        return true;
      case Op.YIELD:
        spend(machine.syscallEntryNs + machine.syscallExitNs);
        classOf(task).yieldTask(rq);
        rq.needResched = true;
        rq.yielded = true;
        return true;
      case Op.POLICY:
        setScheduler(rq, task, <u8>step.a, <i8>(<i32>step.b - 20), <u8>step.c, step.x, <u64>step.y, step.z);
        break;
      case Op.LOOP:
        store<u32>(task.loops + (step.a << 2), step.b);
        break;
      case Op.REPEAT: {
        const counter = task.loops + (step.a << 2);
        const left = load<u32>(counter) - 1;
        store<u32>(counter, left);
        if (left != 0) task.pc = step.b;
        break;
      }
      case Op.JUMP:
        task.pc = step.a;
        break;
      default:
        task.state = State.DEAD;
        rq.needResched = true;
        return true;
    }
  }
  return false;
}

function queueAt(index: u32): WaitQueue {
  return at<WaitQueue>(programs.waitQueues, index);
}

function channelOf(task: Task, step: Instruction): WaitQueue {
  return queueAt(step.b == 0 ? step.a : step.a + ((task.id - task.spec.firstTask) % step.b));
}

/** The task has entered a system call that puts it to sleep; the CPU will reschedule. */
function sleep(rq: Rq, task: Task): void {
  spend(machine.syscallEntryNs);
  task.inSyscall = true;
  task.state = State.SLEEPING;
  rq.needResched = true;
}

function block(rq: Rq, task: Task, queue: WaitQueue): void {
  sleep(rq, task);
  addWaiter(queue, task);
}

/** clock_nanosleep: slack applies to absolute times, too. */
function sleepUntil(rq: Rq, task: Task, due: u64): void {
  sleep(rq, task);
  startTimer(rq, task.timer, due, task.timerSlackNs);
}

function unlock(mutex: WaitQueue): void {
  mutex.owner = changetype<Task>(0);
  wakeOne(mutex, 0);
}

/** Sleeps until the timer's next period. False: that is past, and the timer does not sleep for it. */
function timer(rq: Rq, task: Task, step: Instruction): bool {
  const place = (step.c != 0 ? programs.sharedTimers : task.timers) + (step.a << 3);
  const period = step.x + step.z * (task.id - task.spec.firstTask);
  const now = machine.now;
  let next = load<u64>(place);
  if (next != 0) next += period;
  else next = (step.y < 0 ? now : <u64>step.y) + period;
  let sleeps = true;
  if (now > next) {
    if (step.b == Missed.SKIP) {
      next += ((now - next + period - 1) / period) * period;
    } else if (step.b != Missed.KEEP) {
      if (step.b == Missed.REBASE) next = now;
      sleeps = false;
    }
  }
  store<u64>(place, next);
  if (sleeps) sleepUntil(rq, task, next);
  else task.timer.soft = next;
  return sleeps;
}

/** The task's sleep is over. */
export function timerExpired(task: Task): void {
  tryToWakeUp(task, 0);
}
