/**
 * Where the tasks lay in virtual time at T0, which is in no trace: estimated from what the kernel decided in the first part of it.
 *
 * A replay of that part moves virtual times by as little as explains each choice. By how much it moved each of them is where that one should
 * have begun; so it is replayed again from there, until its choices need no moving any more (the method of projections, Kaczmarz 1937).
 * What the estimate follows from does not count.
 */
import type { Cast } from './history.js';
import { isExact, type ReplayOptions, replay } from './replay.js';
import { type ReplayCounts, wrongOf } from './tally.js';
import type { RecordedTrace, TracedEvent } from './trace.js';
import type { Offset } from './virtual_times.js';

/** The estimate follows from so much of the trace. */
const PART = 1 / 5;
/** Replayed at most so many times. */
const PASSES = 20;

/** The offsets, and from when on decisions do not follow from them. */
export function estimateOffsets(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
): Pick<ReplayOptions, 'offsets' | 'fromNs'> {
  if (cast.scenario.machine.cpus > 1 || isExact(trace)) return { offsets: [], fromNs: 0 };
  const fromNs = (trace.events.at(-1)?.atNs ?? 0) * PART;
  const first = beginOf(cast, trace, fromNs);
  let best: readonly Offset[] = [];
  let least = Number.POSITIVE_INFINITY;
  let tried: readonly Offset[] = [];
  const log = [];
  let bestPass = 0;
  for (let pass = 0; pass < PASSES && least > 0 && pass - bestPass <= 3; pass++) {
    const { counts, moved } = replay(first, trace, { ...options, offsets: tried }, fromNs);
    const misfit = misfitOf(counts);
    log.push(misfit);
    if (misfit < least) {
      bestPass = pass;
      least = misfit;
      best = tried;
    }
    tried = added(tried, moved);
  }
  if (process.env['LOG']) console.log(log.join(' '), JSON.stringify(best.map(({task,group,ns})=>[cast.names[task],group,Math.round(ns/1000)])));
  return best.length === 0 ? { offsets: [], fromNs: 0 } : { offsets: best, fromNs };
}

/** How badly offsets explain what was decided: wrong decisions, first picks included, and a tenth for a tie. */
function misfitOf(counts: ReplayCounts): number {
  return wrongOf(counts) + counts.firstPicks + counts.ties / 10;
}

function added(offsets: readonly Offset[], moved: readonly Offset[]): Offset[] {
  const sum = new Map(offsets.map((offset) => [`${offset.task} ${offset.group}`, offset]));

  for (const offset of moved) {
    const key = `${offset.task} ${offset.group}`;
    sum.set(key, { ...offset, ns: offset.ns + (sum.get(key)?.ns ?? 0) });
  }
  return [...sum.values()];
}

/** The cast of the first part of a history; its members are numbered as they appear. */
function beginOf(cast: Cast, { events }: RecordedTrace, untilNs: number): Cast {
  let members = 1;
  for (const event of events) {
    if (event.atNs > untilNs) break;
    for (const pid of pidsOf(event)) members = Math.max(members, 1 + (cast.byPid.get(pid) ?? -1));
  }
  return { ...cast, scenario: { ...cast.scenario, tasks: cast.scenario.tasks.slice(0, members) } };
}

function pidsOf(event: TracedEvent): number[] {
  if (event.event === 'switch') return [event.prev.pid, event.next.pid];
  if (event.event === 'fork') return [event.pid, event.child];
  return 'task' in event ? [event.task.pid] : [event.pid];
}
