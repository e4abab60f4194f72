/**
 * The figures of replay mode as rows of validation.csv.
 */
import { ALL_TASKS, type ValidationRow, voidRow } from './compare.js';
import type { Recording } from './recordings.js';
import { replay } from './replay.js';
import type { ReplayInput } from './replay_input.js';
import { type ReplayCounts, wrongOf } from './tally.js';
import { type Metric, RULES } from './tolerance.js';

/** Where two CPUs take part, right decisions may be fewer. */
const TWO_CPU_TOLERANCE_PCT = 5;

/** Replays a recording; a row that is void says why it cannot be. */
export function replayRows(recording: Recording, input: ReplayInput | string): ValidationRow[] {
  if (typeof input === 'string') return [{ ...voidRow(recording, input), mode: 'replay' }];
  return rowsOf(recording, replay(input.cast, input.trace, input.options).counts);
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
