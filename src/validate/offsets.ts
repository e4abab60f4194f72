/**
 * Where the tasks lay in virtual time at T0, which is in no trace: estimated from what the kernel decided in the first part of it.
 *
 * A search: offsets are varied at random, and kept if the classes then do no worse at what the kernel did. It begins with a short time, in
 * which few decisions hang on few offsets, and goes on to longer ones. What the estimate follows from is not counted afterwards.
 */
import { mulberry32 } from '../results/metrics.js';
import type { SchedSettings } from '../scenario/scenario.js';
import type { Cast } from './history.js';
import { isExact, misfit, type Offset, type ReplayOptions } from './replay.js';
import type { RecordedTrace, TracedEvent } from './trace.js';

/** The estimate follows from so much of the trace. */
const PART = 1 / 5;
/** It is looked at in stages, each this much longer than the one before, with so many trials. */
const STAGES = 10;
const GROWTH = 1.4;
const TRIALS = 60;
/** Lags seen are up to a few slices: the steps of the search are between a microsecond and a few milliseconds. */
const LARGEST_STEP_NS = 2e6;
const STEP_DECADES = 3.5;
/** Where the search begins: those that ran first lie so far ahead of those that ran last. */
const SPREADS_NS = [0, 1e6, 3e6] as const;

/** What is to be estimated: a task or a group among its siblings, and when it first ran. */
interface Unknown {
  task: number;
  up: number;
  firstRanAt: number;
}

/** The offsets, and from when on decisions do not follow from them; none if there is nothing to estimate. */
export function estimateOffsets(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
): Pick<ReplayOptions, 'offsets' | 'fromNs'> {
  const unknowns = unknownsOf(cast, trace);
  if (cast.scenario.machine.cpus > 1 || isExact(trace) || unknowns.length === 0) return { offsets: [], fromNs: 0 };
  const fromNs = (trace.events.at(-1)?.atNs ?? 0) * PART;
  const first = beginOf(cast, trace, fromNs);
  const cost = (offsets: Offset[], untilNs: number, most: number) =>
    misfit(first, trace, { ...options, offsets }, untilNs, most);
  const random = mulberry32(unknowns.length);
  let best: Offset[] = [];
  for (let stage = 1; stage <= STAGES; stage++) {
    const untilNs = fromNs * GROWTH ** (stage - STAGES);
    const starts = best.length === 0 ? SPREADS_NS.map((spreadNs) => spread(unknowns, spreadNs)) : [best];
    const costs = starts.map((start) => cost(start, untilNs, Number.POSITIVE_INFINITY));
    let least = Math.min(...costs);
    best = starts[costs.indexOf(least)] ?? [];
    for (let trial = 0; trial < TRIALS && least >= 1; trial++) {
      const tried = varied(best, random);
      const misfits = cost(tried, untilNs, least);
      if (misfits > least) continue;
      least = misfits;
      best = tried;
    }
  }
  return { offsets: best, fromNs };
}

/**
 * The lags with which tasks come to lie where the offsets say (place_entity): the first one on a queue comes in at V, whatever it is owed, and
 * the others that much before V, enlarged because V moves as they come. None under CFS, and for members of groups.
 */
export function lagsOf({ scenario, names }: Cast, offsets: readonly Offset[]): Map<string, number> {
  const lags = new Map<string, number>();
  if (!scenario.kernel.fair.startsWith('eevdf') || scenario.cgroups.length > 0) return lags;
  let sum = 0;
  let load = 0;
  for (const { task, ns } of offsets) {
    const { sched } = scenario.tasks[task] ?? {};
    const weight = sched === undefined ? 0 : weightOf(sched);
    lags.set(names[task] ?? '', load === 0 ? 0 : Math.round(((sum / load - ns) * load) / (load + weight)));
    sum += weight * ns;
    load += weight;
  }
  return lags;
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

/** The scenario's tasks, and its groups, that compete from T0 on with others of theirs. */
function unknownsOf({ scenario, own, byPid }: Cast, trace: RecordedTrace): Unknown[] {
  const woken = new Set<number>();
  const ranAt = new Map<number, number>();
  for (const event of trace.events) {
    if (event.event === 'wakeup' && ranAt.size === 0) woken.add(byPid.get(event.task.pid) ?? -1);
    if (event.event !== 'switch') continue;
    const task = byPid.get(event.next.pid) ?? -1;
    if (!ranAt.has(task)) ranAt.set(task, event.atNs);
  }
  const queues = new Map<string, Unknown[]>();
  const add = (queue: string, unknown: Unknown) => queues.set(queue, [...(queues.get(queue) ?? []), unknown]);
  for (const task of woken) {
    const { sched, cgroup } = scenario.tasks[task] ?? {};
    if (!own.has(task) || sched === undefined || !FAIR.has(sched.class)) continue;
    const firstRanAt = ranAt.get(task) ?? Number.POSITIVE_INFINITY;
    const group = queues.get(cgroup ?? '');
    add(cgroup ?? '', { task, up: 0, firstRanAt });
    if (cgroup !== null && cgroup !== undefined && group === undefined) add('', { task, up: 1, firstRanAt });
  }
  return [...queues.values()].flatMap((members) => (members.length > 1 ? members : []));
}

/** Nearly sched_prio_to_weight, which rounds. */
function weightOf({ class: policy, nice }: SchedSettings): number {
  return policy === 'idle' ? 3 : 1024 / 1.25 ** nice;
}

const FAIR: ReadonlySet<string> = new Set(['fair', 'batch', 'idle']);

function spread(unknowns: readonly Unknown[], spreadNs: number): Offset[] {
  const order = unknowns.map(({ firstRanAt }) => firstRanAt).sort((a, b) => a - b);
  return unknowns.map(({ task, up, firstRanAt }) => ({
    task,
    up,
    ns: Math.round((order.indexOf(firstRanAt) / unknowns.length) * spreadNs),
  }));
}

/** One, two or all of the offsets, moved. */
function varied(offsets: readonly Offset[], random: () => number): Offset[] {
  const step = LARGEST_STEP_NS * 10 ** (-STEP_DECADES * random());
  const how = random();
  const chosen = [random(), random()].slice(0, how < 0.4 ? 1 : 2).map((r) => Math.floor(r * offsets.length));
  const moves = (index: number) => how > 0.7 || chosen.includes(index);
  return offsets.map((offset, index) =>
    moves(index) ? { ...offset, ns: offset.ns + Math.round((2 * random() - 1) * step) } : offset,
  );
}
