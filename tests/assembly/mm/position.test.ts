/** RUE's position curve against the plain formula 1 + x³, and at the points where it is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../../bench/primitives.js';
import { BUILDS, holds } from '../base/builds.js';

/** In floating point; the kernel's fixed point has a step of 1/1024 in x, and three roundings. */
function ratio(used: number, total: number, reserve: number): number {
  const setpoint = total - reserve;
  const [freerun, limit] = setpoint >= reserve ? [setpoint - reserve, total] : [0, 2 * setpoint];
  if (used <= freerun) return 0;
  return Math.min(2, Math.max(0, 1 + ((used - setpoint) / (limit - setpoint)) ** 3));
}

const points = fc.record({
  total: fc.integer({ min: 1 << 15, max: 1 << 28 }),
  reservePct: fc.integer({ min: 1, max: 90 }),
  usedPct: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe.each(BUILDS)('the pressure, %s build', (build) => {
  const { rueRatio } = primitives(1, 1, build);

  it('is 0 with twice the reserve free, 1 with the reserve, 2 with nothing', () => {
    const total = 1 << 20;
    const reserve = 1 << 17;
    expect(rueRatio(total - 2 * reserve, total, reserve)).toBe(0);
    expect(rueRatio(total - reserve, total, reserve)).toBe(1024);
    expect(rueRatio(total, total, reserve)).toBe(2048);
    // Half-way on either side: an eighth.
    expect(rueRatio(total - 1.5 * reserve, total, reserve)).toBe(1024 - 128);
    expect(rueRatio(total - 0.5 * reserve, total, reserve)).toBe(1024 + 128);
  });

  it('follows 1 + x³ and never falls as more is used', () => {
    holds(points, ({ total, reservePct, usedPct }) => {
      const reserve = Math.floor((total * reservePct) / 100);
      const used = Math.floor(total * usedPct);
      const found = rueRatio(used, total, reserve);
      expect(Math.abs(found / 1024 - ratio(used, total, reserve))).toBeLessThan(0.006);
      expect(rueRatio(Math.min(total, used + 1000), total, reserve)).toBeGreaterThanOrEqual(found);
    });
  });
});
