/** What a micro-benchmark case is, and how its figures are kept. */

/** One implementation of one benchmark at one size. */
export interface BenchCase {
  benchmark: string;
  size: string;
  implementation: string;
  /** Lower is better for ns_per_op, higher for the others. */
  unit: 'ns_per_op' | 'events_per_s' | 'simulated_s_per_s';
  /** Does a batch of work; returns how many operations, events or simulated seconds that was. */
  batch: () => number;
}

/** A case that times itself elsewhere: a figure a round. */
export interface ExternalCase extends Omit<BenchCase, 'batch'> {
  measure: () => number;
}

/** Our own implementation's name: ratios are to it. */
export const OURS = 'kpbench';

/** Our structures called once an operation from JavaScript, as npm's are. */
export const OURS_FROM_JS = 'kpbench from JS';
