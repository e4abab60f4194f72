/**
 * What can be asked of a log-linear histogram: quantiles, mean, tail shares, and the union of several.
 */
import { HISTOGRAM_BITS, type HistogramData } from './result.js';

const SUB_BUCKETS = 2 ** HISTOGRAM_BITS;

/** Values of one bucket: all whole nanoseconds from `lowNs` to `highNs`, both included. */
export interface Bucket {
  lowNs: number;
  highNs: number;
}

/** A point of the complementary distribution: the share (0…1) of samples that were larger than `ns`. */
export interface TailPoint {
  ns: number;
  share: number;
}

/** Index of the bucket that counts `valueNs` (a whole number, 0…2^53). */
export function bucketOf(valueNs: number): number {
  const shift = Math.max(0, floorLog2(valueNs) - HISTOGRAM_BITS);
  return shift * SUB_BUCKETS + Math.floor(valueNs / 2 ** shift);
}

/** The values that bucket `index` counts. */
export function bucketAt(index: number): Bucket {
  const shift = Math.max(0, Math.floor(index / SUB_BUCKETS) - 1);
  const lowNs = (index - shift * SUB_BUCKETS) * 2 ** shift;
  return { lowNs, highNs: lowNs + 2 ** shift - 1 };
}

/**
 * The smallest value that a share `q` (0…1) of the samples does not exceed (nearest rank), in nanoseconds. Off by at most 1/256 of itself;
 * exact for the smallest and the largest sample. NaN without samples.
 */
export function quantileNs(h: HistogramData, q: number): number {
  if (h.count === 0) return Number.NaN;
  const rank = Math.ceil(q * h.count * (1 - Number.EPSILON)); // 0.07 × 100 is 7, not 7.000000000000001
  if (rank <= 1) return h.minNs;
  if (rank >= h.count) return h.maxNs;
  let seen = 0;
  for (const [index, count] of h.buckets) {
    seen += count;
    if (seen < rank) continue;
    const { lowNs, highNs } = bucketAt(index);
    return Math.min(Math.max(lowNs + Math.ceil((highNs - lowNs) / 2), h.minNs), h.maxNs);
  }
  return h.maxNs;
}

/** Mean in nanoseconds, exact; NaN without samples. */
export function meanNs(h: HistogramData): number {
  return h.count === 0 ? Number.NaN : h.sumNs / h.count;
}

/** All samples of several histograms in one. */
export function merge(histograms: readonly HistogramData[]): HistogramData {
  const full = histograms.filter((h) => h.count > 0);
  if (full.length === 0) return { count: 0, sumNs: 0, minNs: 0, maxNs: 0, buckets: [] };
  const counts = new Map<number, number>();
  for (const [index, count] of full.flatMap((h) => h.buckets)) counts.set(index, (counts.get(index) ?? 0) + count);
  return {
    count: full.reduce((sum, h) => sum + h.count, 0),
    sumNs: full.reduce((sum, h) => sum + h.sumNs, 0),
    minNs: Math.min(...full.map((h) => h.minNs)),
    maxNs: Math.max(...full.map((h) => h.maxNs)),
    buckets: [...counts].sort(([a], [b]) => a - b),
  };
}

/**
 * The share of samples above each bucket, for a step plot on logarithmic axes: starts with 1 at the smallest sample and ends at the largest
 * with the last share above zero. Empty without samples.
 */
export function ccdf(h: HistogramData): TailPoint[] {
  if (h.count === 0) return [];
  const points: TailPoint[] = [{ ns: h.minNs, share: 1 }];
  let above = h.count;
  let last = 1;
  for (const [index, count] of h.buckets) {
    above -= count;
    if (above <= 0) break;
    last = above / h.count;
    points.push({ ns: Math.min(bucketAt(index).highNs, h.maxNs), share: last });
  }
  points.push({ ns: h.maxNs, share: last });
  return points;
}

/**
 * The share (0…1) of samples of `thresholdNs` and more. The one bucket that holds the threshold counts in proportion, all others exactly;
 * NaN without samples.
 */
export function fractionAbove(h: HistogramData, thresholdNs: number): number {
  if (h.count === 0) return Number.NaN;
  if (thresholdNs <= h.minNs) return 1;
  if (thresholdNs > h.maxNs) return 0;
  let above = 0;
  for (const [index, count] of h.buckets) {
    const { lowNs, highNs } = bucketAt(index);
    const part = (highNs + 1 - thresholdNs) / (highNs + 1 - lowNs);
    above += count * Math.min(Math.max(part, 0), 1);
  }
  return above / h.count;
}

/** The exponent of the highest bit of a whole number up to 2^53; 0 for 0. */
function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value | 1);
}
