/**
 * Block devices as queues with a latency: up to `depth` requests are served at a time, each takes as long as the device says, and its
 * completion is an interrupt on the CPU that sent it (null_blk with a completion timer is exactly this). Whoever reads or writes files waits for one
 * of as many tags before it may send (blk_mq_get_tag); reclaim, which cannot sleep here in the middle of a list, queues what it sends: simplified.
 */
import { allocateArray, at } from '../base/arena';
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { HrTimer, newHrTimer, TimerKind } from '../machine/timer';
import { Blocked, traceBlocked } from '../observe/trace';
import { Rq } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { State, Task } from '../task/task';
import { Folio, Pg } from './folio';
import { freeFolio } from './free';
import { addToTail, takeFromLru } from './lru';
import { Lru, mm } from './mm';
import { accountReclaimed } from './throttle_reclaim';
import { finishSwapWriteback, finishWriteback } from './writeback/dirty';

@unmanaged
export class Request {
  timer: HrTimer;
  /** Folios by ioNext. */
  first: Folio;
  device: BlockDevice;
  /** As many of the device's largest ones as it is: more than one only where a folio is larger than that. */
  parts: u32;
  write: bool;
  next: Request;
}

@unmanaged
export class BlockDevice {
  latencyNs: u64;
  depth: u32;
  /** The largest request. */
  maxPages: u32;
  /** Requests that are served, or have a tag. */
  busy: u32;
  /** Requests that wait for their turn. */
  head: Request;
  tail: Request;
  /** Tasks that wait for a tag, by waitNext. */
  firstWaiter: Task;
  lastWaiter: Task;
  served: u64;
}

/** Requests under way on all devices. */
const REQUESTS: u32 = 4096;

@unmanaged
class Queues {
  /** Address of BlockDevice[]. */
  devices: usize;
  freeRequests: Request;
}

const all: Queues = changetype<Queues>(memory.data(<i32>offsetof<Queues>(), 8));

export function newDevices(count: u32): void {
  all.devices = allocateArray<BlockDevice>(max(count, 1));
  const requests = allocateArray<Request>(REQUESTS);
  for (let i: u32 = 0; i < REQUESTS; i++) {
    const request = at<Request>(requests, i);
    request.timer = newHrTimer(TimerKind.BLOCK, changetype<usize>(request));
    request.next = all.freeRequests;
    all.freeRequests = request;
  }
}

export function deviceAt(index: u32): BlockDevice {
  return at<BlockDevice>(all.devices, index);
}

/** Sends a request for a chain of folios; its completion comes to this CPU. */
export function submit(rq: Rq, device: BlockDevice, first: Folio, write: bool): void {
  const request = takeRequest(device, first, write);
  if (device.busy < device.depth) {
    start(rq, request);
    return;
  }
  if (device.head == null) device.head = request;
  else device.tail.next = request;
  device.tail = request;
}

function takeRequest(device: BlockDevice, first: Folio, write: bool): Request {
  const request = all.freeRequests;
  assert(request != null);
  all.freeRequests = request.next;
  request.first = first;
  request.device = device;
  request.parts = 1;
  request.write = write;
  request.next = changetype<Request>(0);
  return request;
}

function start(rq: Rq, request: Request): void {
  request.device.busy++;
  sendTagged(rq, request);
}

/** All tags are in use. */
export function isFull(device: BlockDevice): bool {
  return device.busy >= device.depth || device.head != null;
}

/** A request to write that has its tag, and whose pages are yet to come; null: there is no tag. */
export function getTag(device: BlockDevice): Request {
  if (isFull(device)) return changetype<Request>(0);
  device.busy++;
  return takeRequest(device, changetype<Folio>(0), true);
}

export function sendTagged(rq: Rq, request: Request): void {
  startTimer(rq, request.timer, machine.now + request.parts * request.device.latencyNs, 0);
}

/** The task sleeps until a tag may be free. */
export function sleepForTag(rq: Rq, device: BlockDevice, task: Task): void {
  traceBlocked(task, Blocked.DEVICE);
  task.waitNext = changetype<Task>(0);
  if (device.firstWaiter == null) device.firstWaiter = task;
  else device.lastWaiter.waitNext = task;
  device.lastWaiter = task;
  task.state = State.SLEEPING;
  task.inIowait = true;
  rq.needResched = true;
}

function wakeWaiter(device: BlockDevice): void {
  const task = device.firstWaiter;
  if (task == null) return;
  device.firstWaiter = task.waitNext;
  task.waitNext = changetype<Task>(0);
  tryToWakeUp(task, 0);
}

/** A request is done: its folios may be used, or freed, and whoever waits for one is woken. */
export function complete(rq: Rq, request: Request): void {
  const device = request.device;
  device.busy--;
  device.served++;
  let folio = request.first;
  while (folio != null) {
    const next = folio.ioNext;
    folio.ioNext = changetype<Folio>(0);
    if (request.write) endWriteback(rq, folio);
    else endRead(rq, folio);
    folio = next;
  }
  request.next = all.freeRequests;
  all.freeRequests = request;
  const waiting = device.head;
  if (waiting == null) {
    wakeWaiter(device);
    return;
  }
  device.head = waiting.next;
  waiting.next = changetype<Request>(0);
  start(rq, waiting);
}

function endRead(rq: Rq, folio: Folio): void {
  folio.flags &= ~Pg.LOCKED;
  let task = folio.waiters;
  folio.waiters = changetype<Task>(0);
  while (task != null) {
    const next = task.waitNext;
    task.waitNext = changetype<Task>(0);
    tryToWakeUp(task, 0);
    task = next;
  }
  if (folio.flags & Pg.ORPHAN) freeOrphan(rq, folio);
}

function freeOrphan(rq: Rq, folio: Folio): void {
  mm.inFlight -= folio.pages;
  folio.group.orphans -= folio.pages;
  freeFolio(rq.id, folio);
}

/** folio_end_writeback: what was written to be freed goes where reclaim looks first. */
function endWriteback(rq: Rq, folio: Folio): void {
  folio.flags &= ~Pg.WRITEBACK;
  if (folio.region.file) finishWriteback(folio);
  else finishSwapWriteback(folio.pages);
  accountReclaimed(folio.pages);
  if (folio.flags & Pg.ORPHAN) {
    freeOrphan(rq, folio);
    return;
  }
  if ((folio.flags & Pg.RECLAIM) == 0 || (folio.flags & (Pg.ISOLATED | Pg.DIRTY)) != 0) return;
  folio.flags &= ~Pg.RECLAIM;
  takeFromLru(folio);
  folio.list &= <u8>~Lru.ACTIVE;
  addToTail(folio);
}
