/**
 * Recorders: where `record` steps put their samples. One histogram for all instances of a task, and for each instance what cyclictest
 * prints for a thread.
 */
import { at } from '../base/arena';
import { Histogram } from '../base/histogram';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { traceRecord } from './trace';

@unmanaged
export class ThreadSamples {
  count: u64;
  sumUs: u64;
  minUs: u64;
  maxUs: u64;
  /** Address of u32[binsUs]. */
  bins: usize;
}

@unmanaged
export class Recorder {
  histogram: Histogram;
  worstAt: u64;
  worstNs: u64;
  worstInstance: u32;
  binsUs: u32;
  /** First task id of the spec, and address of ThreadSamples[count] if binsUs > 0. */
  firstTask: u32;
  threads: usize;
}

let recorders: usize = 0;

export function setRecorders(address: usize): void {
  recorders = address;
}

export function recorderAt(index: u32): Recorder {
  return at<Recorder>(recorders, index);
}

/** Adds so many equal latencies to a recorder, none of which is its worst unless it is the first. */
export function recordMany(task: Task, index: u32, latencyNs: u64, count: u32): void {
  const recorder = recorderAt(index);
  if (recorder.worstAt == 0 || latencyNs > recorder.worstNs || recorder.binsUs != 0) {
    for (let i: u32 = 0; i < count; i++) record(task, index, latencyNs);
  } else {
    recorder.histogram.recordMany(latencyNs, count);
  }
}

/** Adds a latency to a recorder. */
export function record(task: Task, index: u32, latencyNs: u64): void {
  recordAt(task, index, latencyNs, machine.now);
}

/** The same for one that was complete at `time`, which may lie before the present. */
export function recordAt(task: Task, index: u32, latencyNs: u64, time: u64): void {
  const recorder = recorderAt(index);
  recorder.histogram.record(latencyNs);
  traceRecord(task, index, latencyNs, time);
  if (latencyNs > recorder.worstNs || recorder.worstAt == 0) {
    recorder.worstNs = latencyNs;
    recorder.worstAt = time;
    recorder.worstInstance = task.id - recorder.firstTask;
  }
  if (recorder.binsUs == 0) return;
  const thread = at<ThreadSamples>(recorder.threads, task.id - recorder.firstTask);
  const us = latencyNs / 1000;
  thread.count++;
  thread.sumUs += us;
  if (us < thread.minUs) thread.minUs = us;
  if (us > thread.maxUs) thread.maxUs = us;
  if (us >= recorder.binsUs) return;
  const bin = thread.bins + ((<usize>us) << 2);
  store<u32>(bin, load<u32>(bin) + 1);
}
