/**
 * The simulated kernel's only door: the harness reserves and fills an input buffer, sets up, runs, and reads what was observed.
 * Times cross as f64 nanoseconds, exact below 2⁵³.
 */
import { allocateBytes, at } from './base/arena';
import { Histogram } from './base/histogram';
import { failedTask, runUntil } from './loop';
import { machine } from './machine/machine';
import { recorderAt } from './observe/recorder';
import { trace } from './observe/trace';
import { rqOf } from './sched/rq';
import { setUp } from './setup';
import { taskArray } from './setup/tasks';
import { emptyPool, specAt } from './task/fork';
import { Task } from './task/task';

let input: usize = 0;

/** Space for the input buffer; returns its address. */
export function reserveInput(bytes: i32): usize {
  input = allocateBytes(bytes);
  return input;
}

/** Lays out the simulation that the input buffer describes. */
export function setup(seedLow: u32, seedHigh: u32): void {
  setUp(input, ((<u64>seedHigh) << 32) | seedLow);
}

/** Simulates up to and including `untilNs`; false if a program cannot go on. */
export function run(untilNs: f64): bool {
  return runUntil(<u64>untilNs);
}

/** Events handled so far. */
export function events(): f64 {
  return <f64>machine.events;
}

/** The declaration whose program cannot go on. */
export function failedSpec(): u32 {
  return failedTask.spec.index;
}

/** The declaration whose pool was empty when it forked; −1: its program made no progress. */
export function failedPool(): i32 {
  return emptyPool;
}

/** Charges what runs now up to `untilNs`, so that CPU times add up. Called once, at the end. */
export function finish(untilNs: f64): void {
  const until = <u64>untilNs;
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    const task = rq.curr;
    const ran = until > task.switchedIn ? until - task.switchedIn : 0;
    if (task == rq.idle) rq.idleNs += ran;
    else task.spec.cpuNs += ran;
  }
}

/** A number observed of a task declaration; `what` in the order of SPEC_NUMBERS in src/kernel/observations.ts. */
export function specNumber(index: u32, what: u32): f64 {
  const spec = specAt(index);
  switch (what) {
    case 0:
      return <f64>spec.cpuNs;
    case 1:
      return <f64>spec.waitNs;
    case 2:
      return <f64>spec.voluntary;
    case 3:
      return <f64>spec.involuntary;
    case 4:
      return <f64>spec.wakeups;
    default:
      return <f64>spec.migrations;
  }
}

/** A histogram of a task declaration: 0 wakeup latency, 1 run segment, 2 preempted wait. */
export function specHistogram(index: u32, what: u32): Histogram {
  const spec = specAt(index);
  return what == 0 ? spec.wakeupLatency : what == 1 ? spec.runSegment : spec.preemptedWait;
}

/** A number observed of a CPU; `what` in the order of CPU_NUMBERS. */
export function cpuNumber(cpu: u32, what: u32): f64 {
  const rq = rqOf(cpu);
  switch (what) {
    case 0:
      return <f64>rq.idleNs;
    case 1:
      return <f64>rq.irqNs;
    case 2:
      return <f64>rq.switches;
    case 3:
      return <f64>rq.ticks;
    default:
      return <f64>rq.migrationsIn;
  }
}

export function recorderHistogram(index: u32): Histogram {
  return recorderAt(index).histogram;
}

/** 0: time, 1: instance, 2: latency of a recorder's largest sample. */
export function recorderWorst(index: u32, what: u32): f64 {
  const recorder = recorderAt(index);
  return what == 0 ? <f64>recorder.worstAt : what == 1 ? <f64>recorder.worstInstance : <f64>recorder.worstNs;
}

/** Address of a recorder's ThreadSamples[]. */
export function recorderThreads(index: u32): usize {
  return recorderAt(index).threads;
}

/** Entries written to the trace ring, and its address. */
export function traceWritten(): f64 {
  return <f64>trace.written;
}

export function traceEntries(): usize {
  return trace.entries;
}

/** The declaration of a task id: scenario's own, then idle tasks, then stoppers. */
export function specOfTask(id: u32): u32 {
  return at<Task>(taskArray(), id).spec.index;
}
