/**
 * Reads recorded traces: `trace-cmd report -t` text with white space squeezed, as validation/recordings/README.md describes it.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** What all events have: when after T0, and on which CPU. */
export interface At {
  atNs: number;
  cpu: number;
}

/** A task as an event names it. */
export interface TracedTask {
  name: string;
  pid: number;
  /** 120 + nice, 160 + nice in the BT class, 99 − rtprio. */
  prio: number;
}

export type TracedEvent = At &
  (
    | { event: 'switch'; prev: TracedTask; prevState: 'runnable' | 'asleep' | 'dead'; next: TracedTask }
    | { event: 'waking'; task: TracedTask; target: number }
    | { event: 'wakeup'; task: TracedTask; target: number; fresh: boolean }
    | { event: 'fork'; pid: number; child: number }
    | { event: 'exit'; pid: number }
    | { event: 'migrate'; task: TracedTask; to: number }
    | { event: 'charge'; name: string; pid: number; ranNs: number; vruntime: bigint }
  );

/** A trace from T0 on. */
export interface RecordedTrace {
  /** CLOCK_MONOTONIC at T0. */
  bootNs: number;
  /** The controller, and the CPU that it runs on at T0. */
  controller: TracedTask;
  controllerCpu: number;
  /** It holds every charge. */
  exact: boolean;
  events: TracedEvent[];
}

const LINE = /^(.*)-(\d+) \[(\d+)\] (\d+)\.(\d{9}): (\w+): (.*)$/;
const SWITCH = /^(.*):(\d+) \[(\d+)\] (\S+) ==> (.*):(\d+) \[(\d+)\]$/;
const WAKING = /^comm=(.*) pid=(\d+) prio=(\d+) (?:success=\d )?target_cpu=(\d+)$/;
const WAKEUP = /^(.*):(\d+) \[(\d+)\] (?:success=\d )?CPU:(\d+)$/;
const FORK = /^comm=.* pid=(\d+) child_comm=.* child_pid=(\d+)$/;
const EXIT = /^comm=.* pid=(\d+) prio=\d+$/;
const MIGRATE = /^comm=(.*) pid=(\d+) prio=(\d+) orig_cpu=\d+ dest_cpu=(\d+)$/;
const CHARGE = /^comm=(.*) pid=(\d+) runtime=(\d+) \[ns\] vruntime=(\d+) \[ns\]$/;
const MARKER = /scn_start (\d+)/;

/** The events of a gzipped trace from its marker on; null if it has none. */
export function readTrace(file: string): RecordedTrace | null {
  return parseTrace(gunzipSync(readFileSync(file)).toString('latin1'));
}

/** The events of a trace's text from its marker on; null if it has none. Lines of other events are passed over. */
export function parseTrace(text: string): RecordedTrace | null {
  let trace: RecordedTrace | null = null;
  let t0 = 0n;
  for (const line of text.split('\n')) {
    const [, comm, pid, cpu, seconds, ns, name, details] = LINE.exec(line) ?? [];
    if (comm === undefined || seconds === undefined || ns === undefined || details === undefined) continue;
    if (trace === null) {
      const marker = name === 'print' ? MARKER.exec(details)?.[1] : undefined;
      if (marker === undefined) continue;
      t0 = BigInt(marker);
      const controller = { name: comm, pid: Number(pid), prio: 0 };
      trace = { bootNs: Number(t0), controller, controllerCpu: Number(cpu), exact: false, events: [] };
      continue;
    }
    const at = { atNs: Number(BigInt(seconds) * 1_000_000_000n + BigInt(ns) - t0), cpu: Number(cpu) };
    const event = parseEvent(name ?? '', details, at);
    if (event === null) continue;
    trace.events.push(event);
    if (event.event === 'charge') trace.exact = true;
  }
  return trace;
}

/** A trace up to a time. */
export function begin(trace: RecordedTrace, untilNs: number): RecordedTrace {
  return { ...trace, events: trace.events.filter(({ atNs }) => atNs < untilNs) };
}

function parseEvent(name: string, details: string, at: At): TracedEvent | null {
  switch (name) {
    case 'sched_switch': {
      const m = SWITCH.exec(details);
      if (m === null) return null;
      const prevState = stateOf(m[4] ?? '');
      return { ...at, event: 'switch', prev: taskOf(m, 1), prevState, next: taskOf(m, 5) };
    }
    case 'sched_waking': {
      const m = WAKING.exec(details);
      return m && { ...at, event: 'waking', task: taskOf(m, 1), target: Number(m[4]) };
    }
    case 'sched_wakeup':
    case 'sched_wakeup_new': {
      const m = WAKEUP.exec(details);
      return m && { ...at, event: 'wakeup', task: taskOf(m, 1), target: Number(m[4]), fresh: name.endsWith('new') };
    }
    case 'sched_process_fork': {
      const m = FORK.exec(details);
      return m && { ...at, event: 'fork', pid: Number(m[1]), child: Number(m[2]) };
    }
    case 'sched_process_exit': {
      const m = EXIT.exec(details);
      return m && { ...at, event: 'exit', pid: Number(m[1]) };
    }
    case 'sched_migrate_task': {
      const m = MIGRATE.exec(details);
      return m && { ...at, event: 'migrate', task: taskOf(m, 1), to: Number(m[4]) };
    }
    case 'sched_stat_runtime': {
      const m = CHARGE.exec(details);
      if (m === null) return null;
      const vruntime = BigInt(m[4] ?? 0);
      return { ...at, event: 'charge', name: m[1] ?? '', pid: Number(m[2]), ranNs: Number(m[3]), vruntime };
    }
    default:
      return null;
  }
}

function taskOf(match: RegExpExecArray, first: number): TracedTask {
  return { name: match[first] ?? '', pid: Number(match[first + 1]), prio: Number(match[first + 2]) };
}

function stateOf(letter: string): 'runnable' | 'asleep' | 'dead' {
  if (letter.startsWith('R')) return 'runnable';
  return letter.startsWith('X') || letter.startsWith('Z') ? 'dead' : 'asleep';
}
