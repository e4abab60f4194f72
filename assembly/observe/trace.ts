/**
 * The trace ring: what the kernel's sched tracepoints would have said, for a window of simulated time.
 *
 *   TraceEntry, 32 bytes:   time u64 │ kind u16 │ cpu u16 │ a u32 │ b u32 │ flags u32 │ value u64
 *
 * CPUs are numbered over all kernels; tasks are named by their ids; src/kernel/results.ts gives them their names back.
 */
import { allocateArray, at } from '../base/arena';
import { machine } from '../machine/machine';
import { Task } from '../task/task';

export namespace TraceKind {
  /** a: previous task, b: next task, flags: state of the previous (0 S, 1 R+, 2 R, 3 X). */
  export const SWITCH: u32 = 0;
  /** a: task, b: its CPU so far. */
  export const WAKING: u32 = 1;
  /** a: task, b: CPU, flags: what keeps that CPU from rescheduling now (Held of sched/wake.ts). */
  export const WAKEUP: u32 = 2;
  /** a: task, b: from CPU, flags: to CPU. */
  export const MIGRATE: u32 = 3;
  /** a: noise source, value: length. */
  export const IRQ: u32 = 4;
  /** a: class rank, flags: 1 throttled, 0 unthrottled. */
  export const THROTTLE: u32 = 5;
  /** a: task, b: recorder, value: latency. */
  export const RECORD: u32 = 6;
  /** a: task that the OOM killer has chosen. */
  export const OOM: u32 = 7;
  /** a: task that reclaims, b: group that it reclaims from, flags: 1 begins, 0 ends, value: pages freed. */
  export const RECLAIM: u32 = 8;
  /** a: task that goes to sleep, flags: what for (Blocked). */
  export const BLOCKED: u32 = 9;
}

/** What of the memory a task sleeps for, until its wakeup. */
export namespace Blocked {
  /** A page is on its way from a device. */
  export const PAGE: u32 = 0;
  /** Its group is above memory.high. */
  export const HIGH: u32 = 1;
  /** RUE: its group allocates too fast. */
  export const SPEED: u32 = 2;
  /** It has dirtied so many pages that it has to wait. */
  export const DIRTY: u32 = 3;
  /** Its device takes no more requests. */
  export const DEVICE: u32 = 4;
}

@unmanaged
export class TraceEntry {
  time: u64;
  kind: u16;
  cpu: u16;
  a: u32;
  b: u32;
  flags: u32;
  value: u64;
}

@unmanaged
export class Trace {
  /** Window of time that is kept; from > to: nothing. */
  from: u64;
  to: u64;
  /** Latencies below this are not kept. */
  leastNs: u64;
  capacity: u32;
  /** Entries written; those before the last `capacity` are overwritten. */
  written: u64;
  entries: usize;
}

export const trace: Trace = changetype<Trace>(memory.data(<i32>offsetof<Trace>(), 8));

/** A ring of `capacity` entries for the window [from, to], and in it for latencies from `leastNs` on. */
export function newTrace(capacity: u32, from: u64, to: u64, leastNs: u64): void {
  trace.from = capacity == 0 ? u64.MAX_VALUE : from;
  trace.to = to;
  trace.leastNs = leastNs;
  trace.capacity = capacity;
  trace.entries = allocateArray<TraceEntry>(capacity);
}

/** Whether the present is in the window. */
export function tracing(): bool {
  return machine.now >= trace.from && machine.now <= trace.to;
}

function write(kind: u32, cpu: u32, a: u32, b: u32, flags: u32, value: u64, time: u64 = machine.now): void {
  const entry = at<TraceEntry>(trace.entries, <u32>(trace.written % trace.capacity));
  trace.written++;
  entry.time = time;
  entry.kind = <u16>kind;
  entry.cpu = <u16>(machine.firstCpu + cpu);
  entry.a = a;
  entry.b = b;
  entry.flags = flags;
  entry.value = value;
}

export function traceSwitch(cpu: u32, prev: Task, next: Task, prevState: u32): void {
  if (tracing()) write(TraceKind.SWITCH, cpu, prev.id, next.id, prevState, 0);
}

export function traceWaking(task: Task): void {
  if (tracing()) write(TraceKind.WAKING, machine.thisCpu, task.id, machine.firstCpu + task.cpu, 0, 0);
}

export function traceWakeup(task: Task, held: u32): void {
  if (tracing()) write(TraceKind.WAKEUP, machine.thisCpu, task.id, machine.firstCpu + task.cpu, held, 0);
}

export function traceMigrate(task: Task, to: u32): void {
  if (tracing())
    write(TraceKind.MIGRATE, machine.thisCpu, task.id, machine.firstCpu + task.cpu, machine.firstCpu + to, 0);
}

export function traceIrq(source: u32, length: u64): void {
  if (tracing()) write(TraceKind.IRQ, machine.thisCpu, source, 0, 0, length);
}

export function traceThrottle(cpu: u32, rank: u8, throttled: bool): void {
  if (tracing()) write(TraceKind.THROTTLE, cpu, rank, 0, throttled ? 1 : 0, 0);
}

export function traceOom(task: Task): void {
  if (tracing()) write(TraceKind.OOM, machine.thisCpu, task.id, 0, 0, 0);
}

export function traceReclaim(task: Task, group: u32, begins: bool, pages: u64): void {
  if (tracing()) write(TraceKind.RECLAIM, machine.thisCpu, task.id, group, begins ? 1 : 0, pages);
}

export function traceBlocked(task: Task, what: u32): void {
  if (tracing()) write(TraceKind.BLOCKED, machine.thisCpu, task.id, 0, what, 0);
}

/** A latency that was complete at `time`, which may lie before the present. */
export function traceRecord(task: Task, recorder: u32, latency: u64, time: u64): void {
  if (latency >= trace.leastNs && tracing())
    write(TraceKind.RECORD, machine.thisCpu, task.id, recorder, 0, latency, time);
}
