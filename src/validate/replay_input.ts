/**
 * What a replay needs: who took part, what happened, and what is inferred of the time before T0. Simulations begin with that, too.
 */
import { join } from 'node:path';
import type { Kernel, Machine, SchedSettings, TaskSpec } from '../scenario/scenario.js';
import { type Cast, castOf } from './history.js';
import { estimateOffsets } from './offsets.js';
import { withQuotaPhases } from './quota_phase.js';
import type { Recording } from './recordings.js';
import type { ReplayOptions } from './replay.js';
import { type RecordedTrace, readTrace } from './trace.js';
import type { Offset } from './virtual_times.js';

/** A reschedule shows as a switch within this time: at once where time stands still meanwhile, late where it is emulated in real time. */
const WINDOW_NS = { icount: 60_000, other: 3_000_000 } as const;

export interface ReplayInput {
  cast: Cast;
  trace: RecordedTrace;
  options: ReplayOptions;
}

/** The input of a recording's replay, or why it cannot be replayed. */
export function replayInput(
  recording: Recording,
  dataDir: string,
  machine: Machine,
  kernel: Kernel,
): ReplayInput | string {
  const { entry } = recording;
  if (entry.trace === null) return 'the recording has no trace';
  const trace = readTrace(join(dataDir, entry.trace));
  if (trace === null) return 'its trace does not say when it begins';
  const cast = castOf(recording, trace, machine, kernel);
  if (cast === null) return 'its scenario cannot be simulated';
  return inferred(cast, trace, {
    tickNs: 1e9 / kernel.hz,
    realTime: entry.mode !== 'icount',
    windowNs: entry.mode === 'icount' ? WINDOW_NS.icount : WINDOW_NS.other,
    creditNs: (task) => creditOf(task, kernel, entry.cpus),
    offsets: [],
    fromNs: 0,
  });
}

/** With quota periods and places at T0 that explain the begin of the trace. */
export function inferred(cast: Cast, trace: RecordedTrace, options: ReplayOptions): ReplayInput {
  const phased = withQuotaPhases(cast, trace, options);
  return { cast: phased, trace, options: { ...options, ...estimateOffsets(phased, trace, options) } };
}

/** Half of the latency, or of the minimum granularity (place_entity, GENTLE_FAIR_SLEEPERS). */
function creditOf(task: TaskSpec | undefined, kernel: Kernel, cpus: number): number {
  const factor = 1 + Math.floor(Math.log2(Math.min(cpus, 8)));
  const small = task?.sched.class === 'idle' && kernel.fair === 'cfs-6.1';
  return ((small ? kernel.minGranularityNs : kernel.latencyNs) * factor) / 2;
}

/** The recording with the lags of its tasks at T0, if it is one of EEVDF and its replay shows them. */
export function withLags(recording: Recording, input: ReplayInput | string): Recording {
  return typeof input === 'string' ? recording : { ...recording, lags: lagsOf(input.cast, input.options.offsets) };
}

/**
 * The lags with which tasks come to lie where the offsets say (place_entity): the first one on a queue comes in at V, whatever it is owed, and
 * the others that much before V, enlarged because V moves as they come.
 */
export function lagsOf({ scenario, names, own }: Cast, offsets: readonly Offset[]): Map<string, number> {
  const lags = new Map<string, number>();
  if (!scenario.kernel.fair.startsWith('eevdf') || offsets.length === 0) return lags;
  const queues = new Map<string, { sum: number; load: number }>();
  for (const [task, { sched, cgroup }] of scenario.tasks.entries()) {
    const name = names[task] ?? '';
    // Children come later, and may bear their parent's name.
    if (!own.has(task) || lags.has(name) || !FAIR.has(sched.class)) continue;
    const ns = offsets.find((offset) => offset.task === task && !offset.group)?.ns ?? 0;
    const queue = queues.get(cgroup ?? '') ?? { sum: 0, load: 0 };
    const weight = weightOf(sched);
    const { sum, load } = queue;
    lags.set(name, load === 0 ? 0 : Math.round(((sum / load - ns) * load) / (load + weight)));
    queues.set(cgroup ?? '', { sum: sum + weight * ns, load: load + weight });
  }
  return lags;
}

const FAIR: ReadonlySet<string> = new Set(['fair', 'batch', 'idle']);

/** Nearly sched_prio_to_weight, which rounds. */
function weightOf({ class: policy, nice }: SchedSettings): number {
  return policy === 'idle' ? 3 : 1024 / 1.25 ** nice;
}
