/**
 * Where the tasks lay in virtual time at T0, which is in no trace: estimated from what the kernel decided in the first part of it.
 *
 * A replay of that part moves virtual times by as little as explains each choice. By how much it has moved each of them in all, so much
 * further on that one should have begun: from there it is replayed again, until no choice asks for more (Kaczmarz's method of projections).
 * What the estimate follows from does not count.
 */
import type { Cast } from './history.js';
import { type ReplayOptions, replay } from './replay.js';
import { type ReplayCounts, wrongOf } from './tally.js';
import type { RecordedTrace, TracedEvent } from './trace.js';
import type { Offset } from './virtual_times.js';
import { isExact } from './vruntimes.js';

/** The estimate follows from so much of the trace. */
const PART = 1 / 4;
/** Replayed at most so many times, and not more often than this without being better than before. */
const PASSES = 20;
const PATIENCE = 3;

/** The offsets that explain the first part best, and from when on decisions do not follow from them. None if none are better than that. */
export function estimateOffsets(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
): Pick<ReplayOptions, 'offsets' | 'fromNs'> {
  const none = { offsets: [], fromNs: 0 };
  // Where two CPUs take part, tasks move on before their places show.
  if (cast.scenario.machine.cpus > 1 || isExact(trace)) return none;
  const fromNs = (trace.events.at(-1)?.atNs ?? 0) * PART;
  const first = beginOf(cast, trace, fromNs);
  let offsets: readonly Offset[] = [];
  let best = { offsets, misfit: Number.POSITIVE_INFINITY, pass: 0 };
  for (let pass = 0; pass < PASSES && pass - best.pass <= PATIENCE && best.misfit > 0; pass++) {
    const { counts, moved } = replay(first, trace, { ...options, offsets }, fromNs);
    const misfit = misfitOf(counts);
    if (misfit < best.misfit) best = { offsets, misfit, pass };
    offsets = sumOf(offsets, moved);
  }
  return best.pass === 0 ? none : { offsets: best.offsets, fromNs };
}

/** How badly offsets explain what was decided: wrong decisions, first picks included, and a tenth for a tie. */
function misfitOf(counts: ReplayCounts): number {
  return wrongOf(counts) + counts.firstPicks + counts.ties / 10;
}

function sumOf(offsets: readonly Offset[], moved: readonly Offset[]): Offset[] {
  const sum = new Map<string, Offset>();
  for (const offset of [...offsets, ...moved]) {
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
