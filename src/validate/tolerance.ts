/**
 * What is compared and how far apart it may lie: fixed before any result was looked at, never loosened afterwards.
 */
import type { Figure } from './recordings.js';

/** Percentiles of fewer samples say nothing. */
export const MIN_SAMPLES = 100;

/** Names of the figures of scenario mode; the unit is in the name. */
export const METRICS = [
  'share_pct',
  'switches_per_s',
  'wakeup_latency_p50_us',
  'wakeup_latency_p99_us',
  'wakeup_latency_max_us',
  'run_segment_p50_us',
] as const;
export type Metric = (typeof METRICS)[number];

/** How one figure is judged. */
export interface MetricRule {
  /** How the table calls it. */
  title: string;
  /** What `trust` of the recording must hold. */
  figure: Figure;
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
};
