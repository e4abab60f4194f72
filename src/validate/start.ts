/**
 * The state that a recorded case starts from, as far as its trace shows it: when the controller woke each task, and where. Which CPUs were
 * free hangs on kernel threads that ran just then; whether the choice is right is replay's question.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A task's first wakeup after T0. */
export interface Start {
  /** After T0. */
  atNs: number;
  /** The CPU that it woke on. */
  cpu: number;
}

const MARKER = /: print: .*scn_start (\d+)/;
const WAKING = /^.*\[\d+\] (\d+)\.(\d{9}): sched_waking: comm=(\S+) pid=\d+ prio=\d+ (?:success=\d )?target_cpu=(\d+)/;
const WAKEUP = /^.*\[\d+\] \d+\.\d{9}: sched_wakeup: (\S+):\d+ \[\d+\] (?:success=\d )?CPU:(\d+)/;

const RETURN = /^.*\[\d+\] (\d+)\.(\d{9}): sched_switch: \S+:\d+ \[(\d+)\] \S+ ==> (\S+):\d+ \[(\d+)\]/;

/**
 * When the real-time period ended in which real-time tasks were first throttled: the first switch to `name` from a weaker task that was
 * not a wakeup. The period timer has run since before T0, and its phase shows nowhere else.
 */
export function rtPhaseOf(traceFile: string, name: string, tickNs: number): number | null {
  let t0: bigint | null = null;
  for (const line of gunzipSync(readFileSync(traceFile)).toString('latin1').split('\n')) {
    if (t0 === null) {
      const marker = MARKER.exec(line)?.[1];
      if (marker !== undefined) t0 = BigInt(marker);
      continue;
    }
    const [, seconds, ns, prio, next] = RETURN.exec(line) ?? [];
    if (seconds === undefined || ns === undefined || next !== name || Number(prio) < 100) continue;
    const atNs = Number(BigInt(seconds) * 1_000_000_000n + BigInt(ns) - t0);
    return Math.floor(atNs / tickNs) * tickNs;
  }
  return null;
}

/** First wakeups by task name, from a trace as validation/recordings/README.md describes it. */
export function startsOf(traceFile: string): Map<string, Start> {
  const starts = new Map<string, Start>();
  const awake = new Set<string>();
  let t0: bigint | null = null;
  for (const line of gunzipSync(readFileSync(traceFile)).toString('latin1').split('\n')) {
    if (t0 === null) {
      const marker = MARKER.exec(line)?.[1];
      if (marker !== undefined) t0 = BigInt(marker);
      continue;
    }
    const [, woken, target] = WAKEUP.exec(line) ?? [];
    const start = starts.get(woken ?? '');
    if (woken !== undefined && start !== undefined && !awake.has(woken)) {
      awake.add(woken);
      start.cpu = Number(target);
    }
    const [, seconds, ns, name, cpu] = WAKING.exec(line) ?? [];
    if (seconds === undefined || ns === undefined || name === undefined || starts.has(name)) continue;
    starts.set(name, { atNs: Number(BigInt(seconds) * 1_000_000_000n + BigInt(ns) - t0), cpu: Number(cpu) });
  }
  return starts;
}
