/**
 * What is compared and how far apart it may lie: fixed before any result was looked at, never loosened afterwards.
 */
import { MEMORY_RULES, type MemoryMetric } from './memory/rules.js';
import type { Figure } from './recordings.js';

/** Percentiles of fewer samples say nothing. */
export const MIN_SAMPLES = 100;

/** Names of the figures; the unit is in the name. Those of replay mode come last. */
export const METRICS = [
  'share_pct',
  'switches_per_s',
  'wakeup_latency_p50_us',
  'wakeup_latency_p99_us',
  'wakeup_latency_max_us',
  'run_segment_p50_us',
  'right_decisions_pct',
  'wrong_picks',
  'missed_preemptions',
  'extra_preemptions',
  'wrong_cpu',
  'vruntime_matched_pct',
] as const;
export type Metric = (typeof METRICS)[number] | MemoryMetric;

/** How one figure is judged. */
export interface MetricRule {
  /** How the table calls it. */
  title: string;
  /** What `trust` of the recording must hold. */
  figure: Figure | 'memory';
  /** A disagreement fails the command. */
  gating: boolean;
  /** Samples that the recording must have. */
  minSamples: number;
  /** The largest difference, in the figure's own unit; `tickUs` is the kernel's tick period. */
  tolerance: (recorded: number, tickUs: number) => number;
}

/** The rules, by figure. */
export const RULES: Readonly<Record<Metric, MetricRule>> = {
  share_pct: { title: 'share', figure: 'share', gating: true, minSamples: 0, tolerance: () => 1 },
  switches_per_s: {
    title: 'switches/s',
    figure: 'switches',
    gating: true,
    minSamples: 0,
    tolerance: (recorded) => 0.05 * recorded,
  },
  wakeup_latency_p50_us: {
    title: 'wakeup p50',
    figure: 'latency',
    gating: false,
    minSamples: MIN_SAMPLES,
    tolerance: (recorded) => Math.max(0.1 * recorded, 20),
  },
  wakeup_latency_p99_us: {
    title: 'wakeup p99',
    figure: 'latency',
    gating: false,
    minSamples: MIN_SAMPLES,
    tolerance: (recorded) => Math.max(0.1 * recorded, 20),
  },
  wakeup_latency_max_us: {
    title: 'wakeup max',
    figure: 'latency',
    gating: false,
    minSamples: MIN_SAMPLES,
    tolerance: (recorded, tickUs) => tickUs + 0.1 * recorded,
  },
  run_segment_p50_us: {
    title: 'segment p50',
    figure: 'segments',
    gating: false,
    minSamples: MIN_SAMPLES,
    tolerance: (recorded) => Math.max(0.05 * recorded, 50),
  },
  // On one CPU; on two it is 5 (src/validate/replay_rows.ts).
  right_decisions_pct: { title: 'replay', figure: 'order', gating: true, minSamples: MIN_SAMPLES, tolerance: () => 1 },
  wrong_picks: count('wrong picks'),
  missed_preemptions: count('missed'),
  extra_preemptions: count('extra'),
  wrong_cpu: count('wrong CPUs'),
  vruntime_matched_pct: {
    title: 'vruntime',
    figure: 'vruntime',
    gating: true,
    minSamples: MIN_SAMPLES,
    tolerance: () => 1,
  },
  ...MEMORY_RULES,
};

/** What the agreement is made of; not judged by itself. */
function count(title: string): MetricRule {
  return { title, figure: 'order', gating: false, minSamples: Number.POSITIVE_INFINITY, tolerance: () => 0 };
}
