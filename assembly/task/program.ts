/**
 * The interpreter of task programs: a task's steps between two points where time passes. A step either takes time (run), ends in
 * sleep, or is done at once; src/kernel/compile.ts writes the instructions.
 */
import { at } from '../base/arena';
import { sample } from '../base/random';
import { startTimer } from '../machine/hrtimer';
import { machine, spend } from '../machine/machine';
import { kswapdStep } from '../mm/kswapd';
import { kcompactdStep } from '../mm/order/kcompactd';
import { pressureStep } from '../mm/vmpressure';
import { mm } from '../mm/mm';
import { rueStep } from '../mm/rue/thread';
import { memoryStep } from '../mm/step';
import { exitMemory } from '../mm/unmap';
import { flusherStep } from '../mm/writeback/flusher';
import { record } from '../observe/recorder';
import { classOf } from '../sched/class';
import { Rq } from '../sched/rq';
import { setScheduler } from '../sched/setscheduler';
import { tryToWakeUp } from '../sched/wake';
import { runVcpu } from '../virt/halt';
import { isFiber, park, readyFiber, takeFiber, unpark } from './fiber';
import { execTask, forkTask } from './fork';
import { Instruction, Missed, Op, programs, queueAt, Since } from './instruction';
import { channelOf, dropMessages, markMessages, recordMessages, send, setKeys, takeMessages } from './message';
import { Mode, State, Task } from './task';
import { addWaiter, WaitQueue, wakeAll, wakeOne } from './wait';

/** So many steps without time going on are a program that makes no progress. */
const MAX_STEPS: u32 = 1_000_000;

/**
 * Runs the task's program until it has work to do, sleeps, ends or gives way. False: it makes no progress.
 */
export function advance(rq: Rq, task: Task): bool {
  return interpret(rq, task, task);
}

/**
 * Runs the program of `self` on a thread: the task's own, or that of a fiber, until it has work for the thread to do, or the thread has
 * nothing more to do with it.
 */
function interpret(rq: Rq, thread: Task, self: Task): bool {
  for (let steps: u32 = 0; steps < MAX_STEPS; steps++) {
    const step = at<Instruction>(programs.instructions, self.pc);
    self.pc++;
    switch (step.op) {
      case Op.RUN:
        thread.mode = <u8>step.a;
        thread.remaining = sample(step.duration, self.streamState);
        if (step.x != 0) thread.remaining += step.x * (self.hand != null ? max(self.hand.count, 1) : 1);
        if (self != thread) self.spec.cpuNs += thread.remaining;
        if (thread.remaining != 0) return true;
        break;
      case Op.BUSY:
        thread.mode = Mode.USER;
        thread.remaining = sample(step.duration, self.streamState);
        thread.busyUntil = machine.now + thread.remaining;
        if (thread.remaining != 0) return true;
        break;
      case Op.SLEEP:
        sleepUntil(rq, thread, self, machine.now + sample(step.duration, self.streamState));
        return true;
      case Op.TIMER:
        if (timer(rq, thread, self, step)) return true;
        break;
      case Op.STAMP:
        self.stamp = machine.now;
        dropMessages(self);
        break;
      case Op.RECORD:
        if (step.b == Since.TIMER) record(self, step.a, machine.now - self.due);
        else if (self.hand != null) recordMessages(self, step.a, step.b == Since.MARK);
        else record(self, step.a, machine.now - self.stamp);
        break;
      case Op.WAIT:
        if (step.b != 0) unlock(queueAt(step.b - 1));
        block(rq, thread, self, queueAt(step.a));
        return true;
      case Op.SIGNAL:
        if (step.b != 0) wakeAll(queueAt(step.a));
        else wakeOne(queueAt(step.a), 0);
        if (mustReschedule(rq)) return true;
        break;
      case Op.LOCK: {
        const mutex = queueAt(step.a);
        if (mutex.owner != null) {
          // Whoever is woken contends for it again, as futex-based mutexes do.
          self.pc--;
          block(rq, thread, self, mutex);
          return true;
        }
        mutex.owner = self;
        break;
      }
      case Op.UNLOCK:
        unlock(queueAt(step.a));
        if (mustReschedule(rq)) return true;
        break;
      case Op.SEND:
        // Fibers hand each other messages without a system call; what one to another program costs is a run step.
        if (self == thread) spend(machine.syscallEntryNs + machine.syscallExitNs);
        if (!send(self, step)) return false;
        if (mustReschedule(rq)) return true;
        break;
      case Op.RECEIVE: {
        const channel = channelOf(step, self, 0, 0);
        if (channel.first != null) {
          takeMessages(self, channel, <u32>step.x);
        } else if (channel.count != 0) {
          channel.count--;
        } else {
          self.pc--;
          block(rq, thread, self, channel);
          return true;
        }
        break;
      }
      case Op.BARRIER: {
        const barrier = queueAt(step.a);
        if (++barrier.count < barrier.size) {
          block(rq, thread, self, barrier);
          return true;
        }
        barrier.count = 0;
        wakeAll(barrier);
        if (mustReschedule(rq)) return true;
        break;
      }
      case Op.FORK:
        if (!forkTask(rq, step.a)) return false;
        if (mustReschedule(rq)) return true;
        break;
      case Op.EXEC:
        execTask(rq, thread);
        if (mustReschedule(rq)) return true;
        break;
      case Op.VCPU:
        // For ever.
        self.pc--;
        runVcpu(rq, thread);
        return true;
      case Op.YIELD:
        spend(machine.syscallEntryNs + machine.syscallExitNs);
        classOf(thread).yieldTask(rq);
        rq.needResched = true;
        rq.yielded = true;
        return true;
      case Op.POLICY:
        setScheduler(rq, thread, <u8>step.a, <i8>(<i32>step.b - 20), <u8>step.c, step.x, <u64>step.y, step.z);
        if (mustReschedule(rq)) return true;
        break;
      case Op.LOOP:
        store<u32>(self.loops + (step.a << 2), step.b);
        break;
      case Op.REPEAT: {
        const counter = self.loops + (step.a << 2);
        const left = load<u32>(counter) - 1;
        store<u32>(counter, left);
        if (left != 0) self.pc = step.b;
        break;
      }
      case Op.JUMP:
        self.pc = step.a;
        break;
      case Op.ARRIVE:
        if (arrive(rq, thread, self, step)) return true;
        break;
      case Op.KEY:
        setKeys(self, step);
        break;
      case Op.MARK:
        markMessages(self);
        break;
      case Op.UNPARK:
        unpark(step.a);
        break;
      case Op.SERVE:
        self.pc--;
        return serve(rq, thread, step.a);
      case Op.MEMORY:
        // The step stays the task's next one until it is done; a kill gives it another.
        self.pc--;
        if (memoryStep(rq, thread, step)) return !mm.hopeless && !mm.stuck;
        self.pc++;
        break;
      case Op.KSWAPD:
        self.pc--;
        return kswapdStep(rq, thread);
      case Op.FLUSHER:
        self.pc--;
        return flusherStep(rq, thread, step.a);
      case Op.KCOMPACTD:
        self.pc--;
        return kcompactdStep(rq, thread);
      case Op.VMPRESSURE:
        self.pc--;
        return pressureStep(rq, thread);
      case Op.RUE:
        self.pc--;
        return rueStep(rq, thread, step.a);
      case Op.UNMAP:
        self.pc--;
        if (exitMemory(rq, thread)) return true;
        self.pc++;
        break;
      default:
        self.state = State.DEAD;
        if (self == thread) rq.needResched = true;
        else thread.fiber = changetype<Task>(0);
        return true;
    }
  }
  return false;
}

/** On its way back from a system call that woke somebody the task gives way, before its next step, even if that would put it to sleep. */
function mustReschedule(rq: Rq): bool {
  return rq.needResched || rq.needReschedLazy;
}

/**
 * Goes on with the fiber that the thread has taken up, and after it with others, until one has work; without any, the thread parks. False: they
 * make no progress.
 */
function serve(rq: Rq, thread: Task, ready: u32): bool {
  for (let rounds: u32 = 0; rounds < MAX_STEPS; rounds++) {
    if (thread.fiber == null) {
      thread.fiber = takeFiber(ready);
      if (thread.fiber == null) {
        // Back to UNPARK.
        thread.pc--;
        park(ready, thread);
        sleep(rq, thread);
        return true;
      }
    }
    if (!interpret(rq, thread, thread.fiber)) return false;
    if (thread.fiber != null) return true;
  }
  return false;
}

/** Sleeps until the next arrival, and is stamped with its time, however late. False: it is past. */
function arrive(rq: Rq, thread: Task, self: Task, step: Instruction): bool {
  const place = self.timers + (step.a << 3);
  const previous = load<u64>(place);
  const due = (previous != 0 ? previous : machine.now) + sample(step.duration, self.streamState);
  store<u64>(place, due);
  self.stamp = due;
  dropMessages(self);
  if (due <= machine.now) return false;
  sleepUntil(rq, thread, self, due);
  return true;
}

/** The thread has entered a system call that puts it to sleep; the CPU will reschedule. */
function sleep(rq: Rq, thread: Task): void {
  spend(machine.syscallEntryNs);
  thread.inSyscall = true;
  thread.state = State.SLEEPING;
  rq.needResched = true;
}

/** A task sleeps, or a thread is done with a fiber that has to wait. */
function leave(rq: Rq, thread: Task, self: Task): void {
  if (self == thread) sleep(rq, thread);
  else thread.fiber = changetype<Task>(0);
}

function block(rq: Rq, thread: Task, self: Task, queue: WaitQueue): void {
  leave(rq, thread, self);
  addWaiter(queue, self);
}

/** clock_nanosleep: slack applies to absolute times, too. */
function sleepUntil(rq: Rq, thread: Task, self: Task, due: u64): void {
  leave(rq, thread, self);
  startTimer(rq, self.timer, due, self.timerSlackNs);
}

function unlock(mutex: WaitQueue): void {
  mutex.owner = changetype<Task>(0);
  wakeOne(mutex, 0);
}

/** Sleeps until the timer's next period. False: that is past, and the timer does not sleep for it. */
function timer(rq: Rq, thread: Task, task: Task, step: Instruction): bool {
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
  if (sleeps) sleepUntil(rq, thread, task, next);
  else task.timer.soft = next;
  return sleeps;
}

/** The task's sleep is over. */
export function timerExpired(task: Task): void {
  if (isFiber(task)) readyFiber(task);
  else tryToWakeUp(task, 0);
}
