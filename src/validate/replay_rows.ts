/**
 * The figures of replay mode as rows of validation.csv.
 */
import { join } from 'node:path';
import type { Kernel, Machine, TaskSpec } from '../scenario/scenario.js';
import { ALL_TASKS, type ValidationRow, voidRow } from './compare.js';
import { castOf } from './history.js';
import { withQuotaPhases } from './quota_phase.js';
import { estimateOffsets } from './offsets.js';
import type { Recording } from './recordings.js';
import { type ReplayOptions, replay } from './replay.js';
import { type ReplayCounts, wrongOf } from './tally.js';
import { type Metric, RULES } from './tolerance.js';
import { readTrace } from './trace.js';

/** A reschedule shows as a switch within this time: at once where time stands still meanwhile, late where it is emulated in real time. */
const WINDOW_NS = { icount: 60_000, other: 3_000_000 } as const;
/** Where two CPUs take part, right decisions may be fewer. */
const TWO_CPU_TOLERANCE_PCT = 5;

/** Replays a recording; a row that is void says why it cannot be. */
export function replayRows(recording: Recording, dataDir: string, machine: Machine, kernel: Kernel): ValidationRow[] {
  const { entry } = recording;
  const cannot = (note: string): ValidationRow[] => [{ ...voidRow(recording, note), mode: 'replay' }];
  if (entry.trace === null) return cannot('the recording has no trace');
  const trace = readTrace(join(dataDir, entry.trace));
  if (trace === null) return cannot('its trace does not say when it begins');
  const cast = castOf(recording, trace, machine, kernel);
  if (cast === null) return cannot('its scenario cannot be simulated');
  const options: ReplayOptions = {
    tickNs: 1e9 / kernel.hz,
    realTime: entry.mode !== 'icount',
    windowNs: entry.mode === 'icount' ? WINDOW_NS.icount : WINDOW_NS.other,
    creditNs: (task) => creditOf(task, cast.scenario.kernel, entry.cpus),
    offsets: [],
    fromNs: 0,
  };
  const phased = withQuotaPhases(cast, trace, options);
  return rowsOf(recording, replay(phased, trace, { ...options, ...estimateOffsets(phased, trace, options) }).counts);
}

/** Half of the latency, or of the minimum granularity (place_entity, GENTLE_FAIR_SLEEPERS). */
function creditOf(task: TaskSpec | undefined, kernel: Kernel, cpus: number): number {
  const factor = 1 + Math.floor(Math.log2(Math.min(cpus, 8)));
  const small = task?.sched.class === 'idle' && kernel.fair === 'cfs-6.1';
  return ((small ? kernel.minGranularityNs : kernel.latencyNs) * factor) / 2;
}

function rowsOf({ entry }: Recording, counts: ReplayCounts): ValidationRow[] {
  const { kernel, case: name, label } = entry;
  const keys = { kernel, case: name, label, mode: 'replay', task: ALL_TASKS };
  const wrong = wrongOf(counts);
  const judged = (
    metric: Metric,
    samples: number,
    right: number,
    trusted: boolean,
    tolerance: number,
  ): ValidationRow => {
    const open = {
      ...keys,
      metric,
      samples,
      recorded: 100,
      simulated: null,
      difference: null,
      tolerance: null,
    } as const;
    if (!trusted) return { ...open, verdict: 'not measured', note: 'not in the recording’s trust' };
    if (samples < RULES[metric].minSamples) return { ...open, verdict: 'not measured', note: `${samples} decisions` };
    const simulated = Math.round((right / samples) * 1e6) / 1e4;
    const difference = Math.round((simulated - 100) * 1e4) / 1e4;
    const verdict = -difference <= tolerance ? 'agree' : 'disagree';
    const note = verdict === 'agree' ? null : (counts.examples[0] ?? counts.firstMismatch);
    return { ...open, simulated, difference, tolerance, verdict, note };
  };
  const counted = (metric: Metric, simulated: number): ValidationRow => ({
    ...keys,
    metric,
    samples: counts.decisions,
    recorded: null,
    simulated,
    difference: null,
    tolerance: null,
    verdict: 'not measured',
    note: null,
  });
  const ordered = entry.trust.includes('order') || (entry.cpus > 1 && entry.trust.length > 0);
  const tolerance = entry.cpus > 1 ? TWO_CPU_TOLERANCE_PCT : RULES.right_decisions_pct.tolerance(100, 0);
  return [
    judged('right_decisions_pct', counts.decisions, counts.decisions - wrong, ordered, tolerance),
    counted('wrong_picks', counts.wrongPicks),
    counted('missed_preemptions', counts.missedPreemptions),
    counted('extra_preemptions', counts.extraPreemptions),
    counted('wrong_cpu', counts.wrongCpus),
    ...(counts.charges === 0
      ? []
      : [judged('vruntime_matched_pct', counts.charges, counts.matchedCharges, entry.trust.includes('vruntime'), 1)]),
  ];
}
