/**
 * Log-linear latency histogram: values below 2⁷ exactly, 128 buckets an octave above, so that a quantile is off by at most 1/256
 * (Tene's HdrHistogram idea); count, sum, minimum and maximum are exact.
 */
import { allocate, allocateBytes } from './arena';

/** Sub-buckets an octave: 2^BITS. src/results/result.ts says the same. */
export const BITS: u32 = 7;
/** Values from here on share the last bucket: 2⁴⁴ ns are 4.9 hours. */
const MAX_EXPONENT: u32 = 44;
export const BUCKETS: u32 = ((MAX_EXPONENT - 1 - BITS) << BITS) + (2 << BITS);

@unmanaged
export class Histogram {
  count: u64;
  sum: u64;
  min: u64;
  max: u64;
  /** Address of u32[BUCKETS]. */
  buckets: usize;

  recordMany(value: u64, count: u32): void {
    this.count += count;
    this.sum += value * count;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    const bucket = this.buckets + (min(bucketOf(value), BUCKETS - 1) << 2);
    store<u32>(bucket, load<u32>(bucket) + count);
  }

  record(value: u64): void {
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    const bucket = this.buckets + (min(bucketOf(value), BUCKETS - 1) << 2);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
}

/** Index of a value's bucket, without a branch for small values. */
export function bucketOf(value: u64): u32 {
  const shift = <u32>(63 - BITS - clz(value | (1 << BITS)));
  return (shift << BITS) + <u32>(value >> shift);
}

export function newHistogram(): Histogram {
  const histogram = allocate<Histogram>();
  histogram.min = u64.MAX_VALUE;
  histogram.buckets = allocateBytes(BUCKETS * 4);
  return histogram;
}
