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
  if (cast.scenario.machine.cpus > 1 || isExact(trace)) return none;
  const fromNs = (trace.events.at(-1)?.atNs ?? 0) * PART;
  const first = beginOf(cast, trace, fromNs);
  let best: Estimate = { offsets: [], misfit: 0 };
  for (const part of STAGES) best = projected(first, trace, { ...options, offsets: best.offsets }, part * fromNs);
  return best.offsets.length === 0 ? none : { offsets: best.offsets, fromNs };
}

interface Estimate {
  offsets: readonly Offset[];
  misfit: number;
}

/** From the offsets of the options on, those that explain best what was decided before `untilNs`. */
function projected(cast: Cast, trace: RecordedTrace, options: ReplayOptions, untilNs: number): Estimate {
  let { offsets } = options;
  let best: Estimate = { offsets, misfit: Number.POSITIVE_INFINITY };
  let vain = 0;
  for (let pass = 0; pass < PASSES && vain <= PATIENCE && best.misfit > 0; pass++) {
    const { counts, moved } = replay(cast, trace, { ...options, offsets }, untilNs);
    const misfit = misfitOf(counts);
    vain = misfit < best.misfit ? 0 : vain + 1;
    if (vain === 0) best = { offsets, misfit };
    offsets = sumOf(offsets, moved);
  }
  if (process.env['LOG']) console.log(untilNs/1e6, best.misfit);
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
