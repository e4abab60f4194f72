/**
 * Messages with an identity: what a request is on its way through channels. A message keeps when it was meant to begin and when it began,
 * who sent it first, and a key that chooses a channel of an array; the task that receives it holds it until it sends it on.
 */
import { allocate, allocateArray, at } from '../base/arena';
import { sample } from '../base/random';
import { machine } from '../machine/machine';
import { record } from '../observe/recorder';
import { Flags } from '../sched/class';
import { notify } from '../virt/virtio';
import { Channel, Instruction, queueAt } from './instruction';
import { Task } from './task';
import { WaitQueue, wakeOne } from './wait';

@unmanaged
export class Message {
  stamp: u64;
  mark: u64;
  next: Message;
  /** Instance number of its first sender, or of the last that marked it. */
  origin: u32;
  key: u32;
}

/** What a task holds: messages, first in first out; and what the next message that it makes will say. */
@unmanaged
export class Hand {
  first: Message;
  last: Message;
  count: u32;
  key: u32;
  mark: u64;
}

/** Messages under way at a time; src/kernel/simulation.ts says the same. */
const MESSAGES: u32 = 1 << 18;

let messages: usize = 0;
let nrUsed: u32 = 0;
let free: Message = changetype<Message>(0);
/** A message was wanted and none was left, which ends the simulation. */
export let outOfMessages: bool = false;

export function newHand(): Hand {
  if (messages == 0) messages = allocateArray<Message>(MESSAGES);
  return allocate<Hand>();
}

/** The task's number among the instances of its declaration. */
function instanceOf(task: Task): u32 {
  return task.id - task.spec.firstTask;
}

/** A message of what the task has stamped, marked and keyed; null if none is left. */
function newMessage(task: Task): Message {
  let message = free;
  if (message != null) {
    free = message.next;
  } else if (nrUsed < MESSAGES) {
    message = at<Message>(messages, nrUsed++);
  } else {
    outOfMessages = true;
    return message;
  }
  message.stamp = task.stamp;
  message.mark = task.hand.mark;
  message.key = task.hand.key;
  message.origin = instanceOf(task);
  return message;
}

/** The task is done with what it holds. */
export function dropMessages(task: Task): void {
  const hand = task.hand;
  if (hand == null || hand.count == 0) return;
  hand.last.next = free;
  free = hand.first;
  hand.count = 0;
}

/** The first message that the task holds, which it holds no longer. */
function popMessage(hand: Hand): Message {
  const message = hand.first;
  hand.first = message.next;
  hand.count--;
  return message;
}

function putMessage(channel: WaitQueue, message: Message): void {
  message.next = changetype<Message>(0);
  if (channel.first == null) channel.first = message;
  else channel.last.next = message;
  channel.last = message;
}

/** Takes up to `most` messages out of a channel that has some, instead of those that the task held. */
export function takeMessages(task: Task, channel: WaitQueue, most: u32): void {
  dropMessages(task);
  const hand = task.hand;
  const first = channel.first;
  let last = first;
  let count: u32 = 1;
  for (; count < most && last.next != null; count++) last = last.next;
  channel.first = last.next;
  hand.first = first;
  hand.last = last;
  hand.count = count;
  hand.key = first.key;
  hand.mark = first.mark;
  task.stamp = first.stamp;
}

/** What the task holds begins now, and its answers come to this instance. */
export function markMessages(task: Task): void {
  const hand = task.hand;
  hand.mark = machine.now;
  let message = hand.first;
  for (let left = hand.count; left > 0; left--) {
    message.mark = machine.now;
    message.origin = instanceOf(task);
    message = message.next;
  }
}

/** Records every message that the task holds, or its own last stamp or mark if it holds none. */
export function recordMessages(task: Task, recorder: u32, sinceMark: bool): void {
  const hand = task.hand;
  if (hand.count == 0) {
    record(task, recorder, machine.now - (sinceMark ? hand.mark : task.stamp));
    return;
  }
  let message = hand.first;
  for (let left = hand.count; left > 0; left--) {
    record(task, recorder, machine.now - (sinceMark ? message.mark : message.stamp));
    message = message.next;
  }
}

/** The channel, or that of an array of channels, which a step of the task means for a message of this origin and key. */
export function channelOf(step: Instruction, task: Task, origin: u32, key: u32): WaitQueue {
  switch (step.b) {
    case Channel.OWN:
      return queueAt(step.a + ((instanceOf(task) + <u32>step.y) % step.c));
    case Channel.ORIGIN:
      return queueAt(step.a + (origin % step.c));
    case Channel.KEY:
      return queueAt(step.a + (key % step.c));
    default:
      return queueAt(step.a);
  }
}

/** Sends what the task holds, each message to its channel; a new one if it holds none. False: there are too many messages. */
export function send(task: Task, step: Instruction): bool {
  const hand = task.hand;
  if (hand == null) {
    const channel = channelOf(step, task, 0, 0);
    channel.count++;
    wakeReceiver(channel);
    return true;
  }
  if (hand.count == 0) {
    const message = newMessage(task);
    if (message == null) return false;
    sendOne(task, step, message);
  }
  while (hand.count != 0) sendOne(task, step, popMessage(hand));
  return true;
}

function wakeReceiver(channel: WaitQueue): void {
  if (channel.shared) notify(channel);
  else wakeOne(channel, Flags.SYNC);
}

function sendOne(task: Task, step: Instruction, message: Message): void {
  const channel = channelOf(step, task, message.origin, message.key);
  putMessage(channel, message);
  wakeReceiver(channel);
}

/** Draws a key for each message that the task holds, and for those that it will make. */
export function setKeys(task: Task, step: Instruction): void {
  const hand = task.hand;
  let message = hand.first;
  for (let left = hand.count; left > 0; left--) {
    hand.key = <u32>sample(step.duration, task.streamState);
    message.key = hand.key;
    message = message.next;
  }
  if (hand.count == 0) hand.key = <u32>sample(step.duration, task.streamState);
}
