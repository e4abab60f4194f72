/** The search on functions whose minimum is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solveWithin } from '../../src/calibrate/least_squares.js';
import { latinHypercube, minimise, type Point, type SearchOptions } from '../../src/calibrate/search.js';

type Residuals = (point: Point) => number[];

/** Searches, and keeps what was asked for, batch by batch. */
async function searched(residuals: Residuals, options: Partial<SearchOptions> & { dimensions: number }) {
  const batches: Point[][] = [];
  const found = await minimise(
    async (points) => {
      batches.push([...points]);
      return points.map(residuals);
    },
    { evaluations: 60, seed: 1, ...options },
  );
  return { ...found, batches, asked: batches.flat() };
}

/** Σ (aᵢ·(p − optimum))², every axis in every residual. */
const skewed =
  (optimum: Point): Residuals =>
  (point) => {
    const [x = 0, y = 0, z = 0] = point.map((at, i) => at - (optimum[i] ?? 0));
    return [x + y + z, x - y, 10 * (y + 2 * z)];
  };

const inCube = fc.tuple(...[1, 2, 3].map(() => fc.double({ min: 0.02, max: 0.98, noNaN: true })));

describe('minimise', () => {
  it('finds the minimum of a skewed quadratic in three dimensions within 60 evaluations, from any seed', async () => {
    await fc.assert(
      fc.asyncProperty(inCube, fc.nat(1000), async (optimum, seed) => {
        const { point, asked } = await searched(skewed(optimum), { dimensions: 3, seed });
        point.forEach((at, i) => {
          expect(at).toBeCloseTo(optimum[i] ?? 0, 3);
        });
        expect(asked.length).toBeLessThanOrEqual(60);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('stays in the cube, and finds the minimum on its face when the free one lies outside', async () => {
    const outside: Residuals = ([x = 0, y = 0]) => [x + 0.2, y + x - 1.5];
    const { point, asked } = await searched(outside, { dimensions: 2 });
    // x = 0.15, y = 1: the least of (x + 0.2)² + (x − 0.5)².
    expect(point[0]).toBeCloseTo(0.15, 2);
    expect(point[1]).toBe(1);
    expect(asked.flat().every((at) => at >= 0 && at <= 1)).toBe(true);
  });

  it('follows a curved valley', async () => {
    const rosenbrock: Residuals = ([x = 0, y = 0]) => [10 * (4 * y - 2 - (4 * x - 2) ** 2), 1 - (4 * x - 2)];
    const { value } = await searched(rosenbrock, { dimensions: 2, evaluations: 160 });
    expect(value).toBeLessThan(1e-6);
  });

  it('leaves a local minimum for another start, unless that one is good enough', async () => {
    // A shallow bowl nearly everywhere, and a deep one that few starts see.
    const two: Residuals = ([x = 0]) => [Math.min(Math.abs(x - 0.9) * 8, 0.5 + Math.abs(x - 0.3))];
    const deep = await searched(two, { dimensions: 1, evaluations: 40 });
    expect(deep.point[0]).toBeCloseTo(0.9, 3);
    const shallow = await searched(two, { dimensions: 1, evaluations: 40, enough: () => true });
    expect(shallow.asked.length).toBeLessThan(deep.asked.length + 1);
  });

  it('copes with steps, which have no slope', async () => {
    const steps: Residuals = ([x = 0, y = 0]) => [
      Math.log((1 + Math.floor(50 * x + 30 * y)) / 40),
      Math.log((1 + Math.floor(80 * y)) / 30),
    ];
    expect((await searched(steps, { dimensions: 2 })).value).toBeLessThan(1e-3);
  });

  it('asks the same for the same seed, something else for another', async () => {
    const run = async (seed: number) => (await searched(skewed([0.3, 0.6, 0.8]), { dimensions: 3, seed })).batches;
    expect(await run(7)).toEqual(await run(7));
    expect(await run(8)).not.toEqual(await run(7));
  });

  it('asks for no point twice and for none that cannot be had', async () => {
    const tenths = (point: Point) => point.map((at) => Math.round(at * 10) / 10);
    const { point, asked } = await searched(skewed([0.31, 0.62, 0.78]), {
      dimensions: 3,
      evaluations: 300,
      snap: tenths,
    });
    const keys = asked.map((at) => at.join(' '));
    expect(new Set(keys).size).toBe(keys.length);
    expect(asked.map(tenths)).toEqual(asked);
    expect(asked).toContainEqual(point);
  });

  it('evaluates no more than it may, whatever that is', async () => {
    for (const evaluations of [1, 2, 9, 10, 11, 37]) {
      // Never satisfied: the first residual cannot vanish.
      const { asked, value } = await searched(([x = 0, y = 0]) => [1, x - 0.5, y * x], { dimensions: 2, evaluations });
      expect(asked).toHaveLength(evaluations);
      expect(value).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('latinHypercube', () => {
  it('puts one point into each slice of each axis', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 }), fc.nat(), (count, axes, seed) => {
        const points = latinHypercube(count, axes, seed);
        for (let axis = 0; axis < axes; axis++) {
          const slices = points.map((point) => Math.floor((point[axis] ?? 0) * count)).sort((a, b) => a - b);
          expect(slices).toEqual(Array.from({ length: count }, (_, i) => i));
        }
      }),
      { seed: 1 },
    );
  });
});

describe('solveWithin', () => {
  it('solves linear residuals in one step', () => {
    // r = A·x + b with A's columns as slopes.
    const to = solveWithin([[2, 0], [1, 4]], [-1.1, -1.2], 0, [0, 0], 1); // biome-ignore format: columns
    expect(to[0]).toBeCloseTo(0.4);
    expect(to[1]).toBeCloseTo(0.3);
  });

  it('stops at a face and solves the rest again', () => {
    // Free solution (−0.2, 0.8): with x held at 0, y alone minimises (y − 0.6)² + … .
    const to = solveWithin([[1, 0], [1, 1]], [-0.6, -0.8], 0, [0.5, 0], 1); // biome-ignore format: columns
    expect(to.every((x) => x >= 0 && x <= 1)).toBe(true);
    const value = (x: number, y: number) => (x - 0.5 + y - 0.6) ** 2 + (y - 0.8) ** 2;
    const [x = 0, y = 0] = to;
    for (const [i, j] of [
      [0, 1e-3],
      [0, -1e-3],
      [1e-3, 0],
    ] as const) {
      // biome-ignore format: short
      expect(value(x + i, y + j)).toBeGreaterThanOrEqual(value(x, y));
    }
  });

  it('stays where nothing depends on anything', () => {
    expect(solveWithin([[0], [0]], [1], 1e-6, [0.2, 0.7], 1)).toEqual([0.2, 0.7]);
  });

  it('does not move along an axis that matters to nothing', () => {
    const to = solveWithin([[2], [0]], [-1], 1e-6, [0.2, 0.7], 1);
    expect(to[0]).toBeCloseTo(0.7, 4);
    expect(to[1]).toBe(0.7);
  });
});
