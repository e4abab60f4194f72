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
import { begin, type RecordedTrace, type TracedEvent } from './trace.js';
import type { Offset } from './virtual_times.js';

/** The estimate follows from so much of the trace. */
const PART = 1 / 4;
/** Of that, first the begin, which hangs on little else, then more. */
const STAGES = [1 / 8, 1 / 4, 1 / 2, 1];
/** Each replayed at most so many times, and not more often than this without being better than before. */
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
  if (cast.scenario.machine.cpus > 1 || trace.exact) return none;
  const fromNs = (trace.events.at(-1)?.atNs ?? 0) * PART;
  let offsets: readonly Offset[] = [];
  for (const stage of STAGES) offsets = projected(cast, begin(trace, stage * fromNs), { ...options, offsets });
  return offsets.length === 0 ? none : { offsets, fromNs };
}

/** From the offsets of the options on, those that explain a trace best. */
function projected(cast: Cast, trace: RecordedTrace, options: ReplayOptions): readonly Offset[] {
  const members = membersOf(cast, trace);
  let { offsets } = options;
  let best = offsets;
  let least = Number.POSITIVE_INFINITY;
  let vain = 0;
  for (let pass = 0; pass < PASSES && vain <= PATIENCE && least > 0; pass++) {
    const { counts, moved } = replay(members, trace, { ...options, offsets });
    const misfit = misfitOf(counts);
    vain = misfit < least ? 0 : vain + 1;
    if (vain === 0) best = offsets;
    least = Math.min(misfit, least);
    offsets = sumOf(offsets, moved);
  }
  return best;
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

/** Those of the cast that a trace needs: they are numbered as they appear. */
function membersOf(cast: Cast, { events }: RecordedTrace): Cast {
  const ids = events.flatMap(pidsOf).map((pid) => cast.byPid.get(pid) ?? -1);
  const count = ids.reduce((most, id) => Math.max(most, id + 1), 1);
  return { ...cast, scenario: { ...cast.scenario, tasks: cast.scenario.tasks.slice(0, count) } };
}

function pidsOf(event: TracedEvent): number[] {
  if (event.event === 'switch') return [event.prev.pid, event.next.pid];
  if (event.event === 'fork') return [event.pid, event.child];
  return 'task' in event ? [event.task.pid] : [event.pid];
}
