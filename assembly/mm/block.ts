/**
 * Block devices as queues with a latency: up to `depth` requests are served at a time, each takes as long as the device says, and its
 * completion is an interrupt on the CPU that sent it (null_blk with a completion timer is exactly this).
 */
import { allocateArray, at } from '../base/arena';
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { HrTimer, newHrTimer, TimerKind } from '../machine/timer';
import { Rq } from '../sched/rq';
import { tryToWakeUp } from '../sched/wake';
import { Task } from '../task/task';
import { Folio, Pg } from './folio';
import { freeFolio } from './free';
import { addToTail, takeFromLru } from './lru';
import { Lru, mm } from './mm';

@unmanaged
export class Request {
  timer: HrTimer;
  /** Folios by ioNext. */
  first: Folio;
  device: BlockDevice;
  write: bool;
  next: Request;
}

@unmanaged
export class BlockDevice {
  latencyNs: u64;
  depth: u32;
  busy: u32;
  /** Requests that wait for their turn. */
  head: Request;
  tail: Request;
  served: u64;
}

/** Requests under way on all devices. */
const REQUESTS: u32 = 4096;

let devices: usize = 0;
let freeRequests: Request = changetype<Request>(0);

export function newDevices(count: u32): void {
  devices = allocateArray<BlockDevice>(max(count, 1));
  const requests = allocateArray<Request>(REQUESTS);
  for (let i: u32 = 0; i < REQUESTS; i++) {
    const request = at<Request>(requests, i);
    request.timer = newHrTimer(TimerKind.BLOCK, changetype<usize>(request));
    request.next = freeRequests;
    freeRequests = request;
  }
}

export function deviceAt(index: u32): BlockDevice {
  return at<BlockDevice>(devices, index);
}

/** Sends a request for a chain of folios; its completion comes to this CPU. */
export function submit(rq: Rq, device: BlockDevice, first: Folio, write: bool): void {
  const request = freeRequests;
  assert(request != null);
  freeRequests = request.next;
  request.first = first;
  request.device = device;
  request.write = write;
  request.next = changetype<Request>(0);
  if (device.busy < device.depth) {
    start(rq, request);
    return;
  }
  if (device.head == null) device.head = request;
  else device.tail.next = request;
  device.tail = request;
}

function start(rq: Rq, request: Request): void {
  request.device.busy++;
  startTimer(rq, request.timer, machine.now + request.device.latencyNs, 0);
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
  request.next = freeRequests;
  freeRequests = request;
  const waiting = device.head;
  if (waiting == null) return;
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
