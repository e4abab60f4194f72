/** The histogram's buckets against exact arithmetic, and what it keeps besides. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../../bench/primitives.js';
import { bucketOf } from '../../../src/results/histogram.js';
import { BUILDS, holds } from './builds.js';

/** Values from here on share the last bucket. */
const LIMIT = 2 ** 44;
const LAST_BUCKET = 38 * 128 - 1;

/** The oracle: buckets of one up to 2⁸, then 128 equal ones from each power of two to the next, found by trying. */
function boundsOf(value: number): { index: number; low: number; width: number } {
  let width = 1;
  let begin = 0;
  while (value >= 256 * width) {
    begin += 128;
    width *= 2;
  }
  const position = Math.floor(value / width);
  return { index: begin + position, low: position * width, width };
}

/** All magnitudes alike, and the borders of every octave. */
const values = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 43 }), fc.double({ min: 1, max: 2, noNaN: true, maxExcluded: true }))
    .map(([exponent, mantissa]) => Math.floor(2 ** exponent * mantissa)),
  fc
    .tuple(fc.integer({ min: 1, max: 43 }), fc.integer({ min: -1, max: 1 }))
    .map(([exponent, by]) => 2 ** exponent + by),
);

describe.each(BUILDS)('Histogram, %s build', (build) => {
  it('counts a value in the bucket that exact arithmetic gives', () => {
    const { histogramBucket } = primitives(1, 1, build);
    for (let value = 0; value < 2000; value++) expect(histogramBucket(value)).toBe(boundsOf(value).index);
    holds(values, (value) => expect(histogramBucket(value)).toBe(boundsOf(value).index), 2000);
  });

  it('has the buckets that the harness reads', () => {
    const { histogramBucket } = primitives(1, 1, build);
    holds(values, (value) => expect(bucketOf(value)).toBe(histogramBucket(value)), 2000);
  });

  it('has buckets no wider than 1/128 of their values, without gap or overlap', () => {
    const { histogramBucket } = primitives(1, 1, build);
    holds(values, (value) => {
      const { index, low, width } = boundsOf(value);
      expect([low - 1, low, low + width - 1, low + width].map(histogramBucket).slice(low === 0 ? 1 : 0)).toEqual(
        [index - 1, index, index, index + 1].slice(low === 0 ? 1 : 0),
      );
      if (low >= 128) expect(width / low).toBeLessThanOrEqual(1 / 128);
      else expect(width).toBe(1);
    });
  });

  it('keeps counts, sum, minimum and maximum exactly', () => {
    holds(fc.array(values, { minLength: 1, maxLength: 100 }), (recorded) => {
      const histogram = primitives(1, 1, build);
      for (const value of recorded) histogram.histogramRecord(value);
      expect([0, 1, 2, 3].map(histogram.histogramNumber)).toEqual([
        recorded.length,
        recorded.reduce((sum, value) => sum + value),
        Math.min(...recorded),
        Math.max(...recorded),
      ]);
      for (const value of recorded) {
        const { index } = boundsOf(value);
        const same = recorded.filter((other) => boundsOf(other).index === index);
        expect(histogram.histogramCount(index)).toBe(same.length);
      }
    });
  });

  it('gathers what is too large in the last bucket', () => {
    const histogram = primitives(1, 1, build);
    const large = [LIMIT - 1, LIMIT, 2 ** 50, 2 ** 53];
    for (const value of large) histogram.histogramRecord(value);
    expect(histogram.histogramCount(LAST_BUCKET)).toBe(large.length);
    expect(histogram.histogramNumber(3)).toBe(2 ** 53);
  });
});
