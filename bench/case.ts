/** What a micro-benchmark case is, and how its figures are kept. */

/** One implementation of one benchmark at one size. */
export interface BenchCase {
  benchmark: string;
  size: string;
  implementation: string;
  /** Lower is better for ns_per_op, higher for events_per_s. */
  unit: 'ns_per_op' | 'events_per_s';
  /** Does a batch of work; returns how many operations or events that was. */
  batch: () => number;
}

/** A case that times itself elsewhere: a figure a round. */
export interface ExternalCase extends Omit<BenchCase, 'batch'> {
  measure: () => number;
}

/** A fresh generator of 32-bit integers (xorshift), the same for every implementation. */
export function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Our own implementation's name: ratios are to it. */
export const OURS = 'kpbench';
