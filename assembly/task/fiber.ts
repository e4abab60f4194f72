/**
 * Fibers: tasks of a program that runs its own scheduler in user mode, as Go's goroutines on their operating-system threads. The kernel sees
 * only the threads, which serve the fibers that are ready first in, first out, and park when none is.
 *
 * After Go's runtime (src/runtime/proc.go ready, wakep, findRunnable, stopm): whoever makes a fiber ready wakes a parked thread unless one
 * has been woken and still looks for work; that one wakes another if it finds more than it can take; the last that parked is woken
 * first. Simplified: one queue of ready fibers instead of one a P with stealing, and a thread without work parks at once, without spinning.
 */
import { machine, spend } from '../machine/machine';
import { tryToWakeUp } from '../sched/wake';
import { queueAt } from './instruction';
import { Task } from './task';
import { addWaiter, WaitQueue } from './wait';

/** The fibers that are ready, and after them the threads that are parked; its `count` is 1 while one of those looks for work. */
function parkedOf(ready: u32): WaitQueue {
  return queueAt(ready + 1);
}

/** Whether the kernel does not know this task. */
export function isFiber(task: Task): bool {
  return task.spec.threads != 0;
}

/** A fiber can go on. */
export function readyFiber(fiber: Task): void {
  const ready = fiber.spec.threads - 1;
  fiber.spec.wakeups++;
  fiber.runnableSince = machine.now;
  addWaiter(queueAt(ready), fiber);
  wakeThread(parkedOf(ready));
}

function wakeThread(parked: WaitQueue): void {
  const thread = parked.head;
  if (thread == null || parked.count != 0) return;
  parked.head = thread.waitNext;
  parked.count = 1;
  spend(machine.syscallEntryNs + machine.syscallExitNs);
  tryToWakeUp(thread, 0);
}

/** A thread that was parked is back, and looks for work. */
export function unpark(ready: u32): void {
  const parked = parkedOf(ready);
  parked.count = 0;
  const first = queueAt(ready).head;
  if (first != null && first.waitNext != null) wakeThread(parked);
}

/** The fiber that has been ready for longest, or null. */
export function takeFiber(ready: u32): Task {
  const queue = queueAt(ready);
  const fiber = queue.head;
  if (fiber == null) return fiber;
  queue.head = fiber.waitNext;
  const waited = machine.now > fiber.runnableSince ? machine.now - fiber.runnableSince : 0;
  fiber.spec.waitNs += waited;
  fiber.spec.wakeupLatency.record(waited);
  return fiber;
}

/** No fiber is ready: the thread is put where it is woken from. */
export function park(ready: u32, thread: Task): void {
  const parked = parkedOf(ready);
  thread.waitNext = parked.head;
  parked.head = thread;
}
