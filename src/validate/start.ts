/**
 * The state that a recorded case starts from, as far as its trace shows it: when the controller woke each task, and where that had slept.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A task's first wakeup after T0. */
export interface Start {
  /** After T0. */
  atNs: number;
  /** The CPU that it slept on. */
  cpu: number;
}

const MARKER = /: print: .*scn_start (\d+)/;
const WAKING = /^.*\[\d+\] (\d+)\.(\d{9}): sched_waking: comm=(\S+) pid=\d+ prio=\d+ (?:success=\d )?target_cpu=(\d+)/;

const SWITCH =
  /^.*\[\d+\] (\d+)\.(\d{9}): sched_switch: (\S+):\d+ \[(\d+)\] \S+ ==> (\S+):\d+ \[(\d+)\]/;
/** First prio of the classes below the real-time one. */
const FAIR_PRIO = 100;

/** The first time after T0 that a real-time hog was kept from its CPU, in ns after T0, on ticks. */
export interface RtGap {
  fromNs: number;
  toNs: number;
}

/**
 * When `name` first gave way to a weaker task, and when it came back: throttled until its period ended, or because the fair server had its turn.
 * Their timers have run since before T0, and their phase shows nowhere else.
 */
export function rtGapOf(traceFile: string, name: string, tickNs: number): RtGap | null {
  let t0: bigint | null = null;
  let fromNs: number | null = null;
  for (const line of gunzipSync(readFileSync(traceFile)).toString('latin1').split('\n')) {
    if (t0 === null) {
      const marker = MARKER.exec(line)?.[1];
      if (marker !== undefined) t0 = BigInt(marker);
      continue;
    }
    const [, seconds, ns, prev, prevPrio, next, nextPrio] = SWITCH.exec(line) ?? [];
    if (seconds === undefined || ns === undefined) continue;
    const tickAtNs = Math.floor(Number(BigInt(seconds) * 1_000_000_000n + BigInt(ns) - t0) / tickNs) * tickNs;
    if (prev === name && Number(nextPrio) >= FAIR_PRIO) fromNs ??= tickAtNs;
    if (next === name && Number(prevPrio) >= FAIR_PRIO && fromNs !== null) return { fromNs, toNs: tickAtNs };
  }
  return null;
}

/** First wakeups by task name, from a trace as validation/recordings/README.md describes it. */
export function startsOf(traceFile: string): Map<string, Start> {
  const starts = new Map<string, Start>();
  let t0: bigint | null = null;
  for (const line of gunzipSync(readFileSync(traceFile)).toString('latin1').split('\n')) {
    if (t0 === null) {
      const marker = MARKER.exec(line)?.[1];
      if (marker !== undefined) t0 = BigInt(marker);
      continue;
    }
    const [, seconds, ns, name, cpu] = WAKING.exec(line) ?? [];
    if (seconds === undefined || ns === undefined || name === undefined || starts.has(name)) continue;
    starts.set(name, { atNs: Number(BigInt(seconds) * 1_000_000_000n + BigInt(ns) - t0), cpu: Number(cpu) });
  }
  return starts;
}
