import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketAt, bucketOf, ccdf, fractionAbove, meanNs, merge, quantileNs } from '../../src/results/histogram.js';
import { histogramOf } from './samples.js';

const samples = fc.array(fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 43 })), {
  minLength: 1,
  maxLength: 300,
});

describe('buckets', () => {
  it('are exact below 256', () => {
    for (let value = 0; value < 256; value++) {
      expect(bucketOf(value)).toBe(value);
      expect(bucketAt(value)).toEqual({ lowNs: value, highNs: value });
    }
  });

  it('begin and end where they should at every power of two', () => {
    for (let exponent = 8; exponent < 53; exponent++) {
      const power = 2 ** exponent;
      expect(bucketOf(power)).toBe((exponent - 7) * 128 + 128);
      expect(bucketOf(power - 1)).toBe((exponent - 7) * 128 + 127);
      expect(bucketOf(power + 2 ** (exponent - 7))).toBe(bucketOf(power) + 1);
      expect(bucketOf(power + 2 ** (exponent - 7) - 1)).toBe(bucketOf(power));
    }
    expect(bucketOf(2 ** 53 - 1)).toBe((52 - 7) * 128 + 255);
  });

  it('follow each other without gaps, and hold what is counted in them', () => {
    for (let index = 0; index < 5000; index++) {
      const { lowNs, highNs } = bucketAt(index);
      expect(bucketOf(lowNs)).toBe(index);
      expect(bucketOf(highNs)).toBe(index);
      expect(bucketAt(index + 1).lowNs).toBe(highNs + 1);
    }
  });
});

describe('quantileNs', () => {
  it('is within 1/256 of the sorted sample of that rank', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 0, max: 1000 }), (values, permille) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil((permille * values.length) / 1000) - 1)] ?? Number.NaN;
        expect(Math.abs(quantileNs(histogramOf(values), permille / 1000) - exact)).toBeLessThanOrEqual(exact / 256);
      }),
    );
  });

  it('is exact at both ends and NaN without samples', () => {
    const h = histogramOf([1_000_003, 7_000_001, 3_000_000]);
    expect(quantileNs(h, 0)).toBe(1_000_003);
    expect(quantileNs(h, 1)).toBe(7_000_001);
    expect(quantileNs(merge([]), 0.5)).toBeNaN();
    expect(meanNs(merge([]))).toBeNaN();
    expect(fractionAbove(merge([]), 1)).toBeNaN();
  });

  it('does not let a rounding error change the rank', () => {
    const h = histogramOf(Array.from({ length: 100 }, (_, i) => i + 1));
    for (let percent = 1; percent <= 100; percent++) expect(quantileNs(h, percent / 100)).toBe(percent);
  });
});

describe('merge', () => {
  it('is the histogram of all samples', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        expect(merge([histogramOf(a), histogramOf([]), histogramOf(b)])).toEqual(histogramOf([...a, ...b]));
      }),
    );
  });
});

describe('tails', () => {
  it('fall from 1 at the minimum and never reach 0 at the maximum', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const h = histogramOf(values);
        const points = ccdf(h);
        expect(points[0]).toEqual({ ns: h.minNs, share: 1 });
        expect(points.at(-1)?.ns).toBe(h.maxNs);
        for (const [i, point] of points.entries()) {
          expect(point.share).toBeGreaterThan(0);
          expect(point.ns).toBeGreaterThanOrEqual(points[i - 1]?.ns ?? 0);
          expect(point.share).toBeLessThanOrEqual(points[i - 1]?.share ?? 1);
        }
        for (const { ns, share } of points.slice(1, -1))
          expect(share).toBe(values.filter((value) => value > ns).length / values.length);
      }),
    );
  });

  it('count the threshold itself', () => {
    const h = histogramOf([99, 100, 100, 101]);
    expect(fractionAbove(h, 100)).toBe(0.75);
    expect(fractionAbove(h, 99)).toBe(1);
    expect(fractionAbove(h, 102)).toBe(0);
  });
});
