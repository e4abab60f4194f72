/**
 * When the scheduler ticks of a recorded history came. Where time is counted in instructions they lie on the grid; a machine that is emulated
 * in real time takes them late or not at all, so that only those count which the trace shows.
 */
import type { Cast } from './history.js';
import type { RecordedTrace, TracedEvent } from './trace.js';

/** The ticks that a trace tells of. */
export interface Ticks {
  /** By CPU, in order: ticks that the kernel took at these times, whatever they led to. */
  known: number[][];
  /** Switches that a tick asked for; it came at their own time. */
  preempting: ReadonlySet<TracedEvent>;
}

/** A tick's handler runs so long after its grid point, as sched_stat_runtime shows in one-instruction-a-nanosecond recordings. */
export const TICK_DELAY_NS = 1_760;
/**
 * Emulated in real time a tick that is on time shows 50 to 200 µs behind its grid point (label 6.1-mttcg2, S01 to S12), a late one 0.6 to
 * 4 ms.
 */
const ON_TIME_NS = 500_000;
/** A CPU is on time when this part of its ticks is: of others whole ticks are missing between two that were on time. */
const MOSTLY = 0.95;

/** All ticks on the grid; a switch this near behind one is its doing. */
export function gridTicks(trace: RecordedTrace, cpus: number, tickNs: number, windowNs: number): Ticks {
  const endNs = trace.events.at(-1)?.atNs ?? 0;
  const grid = Array.from({ length: Math.floor(endNs / tickNs) + 1 }, (_, tick) => tick * tickNs + TICK_DELAY_NS);
  const isNear = ({ atNs }: TracedEvent): boolean => atNs > 0 && atNs % tickNs < windowNs;
  return {
    known: Array.from({ length: cpus }, () => grid.slice(1)),
    preempting: new Set(trace.events.filter((event) => event.event === 'switch' && isNear(event))),
  };
}

/** What shows of a CPU's ticks. */
interface Watch {
  /** The running task. */
  curr: number;
  /** The last event there. */
  last: TracedEvent | null;
  /** Wakeups of tasks that came to it, and the last of them if no switch has followed. */
  wakeups: number[];
  wokenAt: number;
  shown: number[];
  known: number[];
}

/**
 * The ticks that a trace shows. A task of the scenario leaves its CPU neither willing nor woken over: a tick took it. While it computes,
 * a kernel thread is woken there, or a task pulled: that is done in the softirq of a tick. On a CPU whose ticks mostly come on time, those
 * on the grid between two that did are taken to have come on time, too; of others nothing is known.
 */
export function shownTicks(trace: RecordedTrace, cast: Cast, cpus: number, tickNs: number): Ticks {
  const watches = Array.from(
    { length: cpus },
    (): Watch => ({ curr: -1, last: null, wakeups: [], wokenAt: -tickNs, shown: [], known: [] }),
  );
  const preempting = new Set<TracedEvent>();
  const isOwn = (pid: number): boolean => cast.own.has(cast.byPid.get(pid) ?? -1);
  for (const event of trace.events) {
    const watch = watches[event.cpu];
    if (watch === undefined) continue;
    const computing = isOwn(watch.curr);
    switch (event.event) {
      case 'switch':
        if (event.prevState === 'runnable' && isOwn(event.prev.pid) && event.atNs - watch.wokenAt > ON_TIME_NS) {
          preempting.add(event);
          watch.shown.push(event.atNs);
        }
        watch.curr = event.next.pid;
        watch.wokenAt = -tickNs;
        break;
      case 'waking':
        if (computing && !isOwn(event.task.pid) && !event.task.name.startsWith('ksoftirqd')) shows(watch, event.atNs);
        break;
      case 'wakeup': {
        const target = watches[event.target];
        target?.wakeups.push(event.atNs);
        if (target !== undefined) target.wokenAt = event.atNs;
        break;
      }
      case 'migrate': {
        const wakes = watch.last?.event === 'waking' && watch.last.task.pid === event.task.pid;
        if (computing && event.to === event.cpu && !wakes) shows(watch, event.atNs);
        break;
      }
    }
    watch.last = event;
  }
  for (const watch of watches) fillIn(watch, tickNs);
  return { known: watches.map(({ known }) => known), preempting };
}

function shows(watch: Watch, atNs: number): void {
  watch.shown.push(atNs);
  watch.known.push(atNs);
}

/** Between ticks that were on time the grid's are known, but for those of which it does not show whether a wakeup came first. */
function fillIn(watch: Watch, tickNs: number): void {
  const onGrid: number[] = [];
  const onTime = watch.shown.filter((atNs) => atNs % tickNs <= ON_TIME_NS).length;
  if (onTime < MOSTLY * watch.shown.length) return;
  const nearWakeup = new Set(
    watch.wakeups.filter((atNs) => atNs % tickNs < ON_TIME_NS).map((atNs) => Math.floor(atNs / tickNs)),
  );
  for (const [index, atNs] of watch.shown.entries()) {
    const next = watch.shown[index + 1];
    if (next === undefined || atNs % tickNs > ON_TIME_NS || next % tickNs > ON_TIME_NS) continue;
    for (let tick = Math.floor(atNs / tickNs) + 1; tick < Math.floor(next / tickNs); tick++) {
      if (!nearWakeup.has(tick)) onGrid.push(tick * tickNs + (atNs % tickNs));
    }
  }
  watch.known = [...watch.known, ...onGrid].sort((a, b) => a - b);
}
