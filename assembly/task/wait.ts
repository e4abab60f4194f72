/**
 * What tasks wait for: mutexes, condition variables, channels and barriers are all a first-in, first-out queue of sleepers with a
 * count or an owner.
 */
import { tryToWakeUp } from '../sched/wake';
import { at } from '../base/arena';
import { isFiber, readyFiber } from './fiber';
import { programs } from './instruction';
import { Message } from './message';
import { Task } from './task';

@unmanaged
export class WaitQueue {
  head: Task;
  tail: Task;
  /** Mutex: who holds it. */
  owner: Task;
  /** Channel: messages without identity; barrier: tasks that have come. */
  count: u32;
  /** Barrier: tasks that must come. */
  size: u32;
  /** Channel: messages with identity. */
  first: Message;
  last: Message;
  /** Channel: between a guest and its host (virt/virtio.ts). */
  shared: bool;
}

export function addWaiter(queue: WaitQueue, task: Task): void {
  task.waitNext = changetype<Task>(0);
  if (queue.head == null) queue.head = task;
  else queue.tail.waitNext = task;
  queue.tail = task;
}

/** Takes a task out of the queue that it waits in, if it waits in any. */
export function removeWaiter(task: Task): void {
  for (let i: u32 = 0; i < programs.nrWaitQueues; i++) {
    const queue = at<WaitQueue>(programs.waitQueues, i);
    let before = changetype<Task>(0);
    for (let waiter = queue.head; waiter != null; waiter = waiter.waitNext) {
      if (waiter != task) {
        before = waiter;
        continue;
      }
      if (before == null) queue.head = task.waitNext;
      else before.waitNext = task.waitNext;
      if (queue.tail == task) queue.tail = before;
      return;
    }
  }
}

/** Takes the first waiter out; null if there is none. */
export function takeWaiter(queue: WaitQueue): Task | null {
  const task = queue.head;
  if (task != null) queue.head = task.waitNext;
  return task;
}

/** Wakes the first waiter, if there is one. `flags` may hold SYNC. */
export function wakeOne(queue: WaitQueue, flags: u32): void {
  const task = takeWaiter(queue);
  if (task != null) wake(task, flags);
}

/** Wakes a waiter that has been taken out. */
export function wake(task: Task, flags: u32): void {
  if (isFiber(task)) readyFiber(task);
  else tryToWakeUp(task, flags);
}

/** Wakes those who wait now. */
export function wakeAll(queue: WaitQueue): void {
  let task = queue.head;
  queue.head = changetype<Task>(0);
  while (task != null) {
    const next = task.waitNext;
    wake(task, 0);
    task = next;
  }
}
