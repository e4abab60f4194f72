/** The generator against published outputs, its streams, and the samplers against closed forms. Fixed seeds: never flaky. */
import { describe, expect, it } from 'vitest';
import { type Primitives, primitives } from '../../../bench/primitives.js';
import { BUILDS } from './builds.js';

const DRAWS = 100_000;
const KIND = { fixed: 0, uniform: 1, exponential: 2, logNormal: 3, pareto: 4, empirical: 5 };
const MS = 1e6;
const WORD = 2n ** 64n;

function nextBits({ randomBits }: Primitives): bigint {
  const low = BigInt(randomBits(0) >>> 0);
  return (BigInt(randomBits(1) >>> 0) << 32n) | low;
}

/** A state whose next 64 bits are all ones: SplitMix64's finaliser, undone step by step. */
function stateBeforeAllOnes(): bigint {
  const unshift = (value: bigint, by: bigint): bigint => {
    let result = value;
    for (let shift = by; shift < 64n; shift += by) result = value ^ (result >> by);
    return result;
  };
  const divide = (value: bigint, factor: bigint): bigint => {
    // Newton's iteration for the inverse of an odd number: every step doubles the right bits.
    let inverse = factor;
    for (let step = 0; step < 6; step++) inverse = (inverse * (2n - factor * inverse)) % WORD;
    return BigInt.asUintN(64, value * inverse);
  };
  let z = unshift(WORD - 1n, 31n);
  z = unshift(divide(z, 0x94d049bb133111ebn), 27n);
  z = unshift(divide(z, 0xbf58476d1ce4e5b9n), 30n);
  return BigInt.asUintN(64, z - 0x9e3779b97f4a7c15n);
}

describe.each(BUILDS)('random streams, %s build', (build) => {
  it('are SplitMix64: published outputs of seed 1234567', () => {
    const random = primitives(1, 1234567, build);
    expect(Array.from({ length: 5 }, () => nextBits(random))).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });

  it('depend on seed, entity and index alone', () => {
    const random = primitives(1, 1, build);
    const stream = (seed: number, entity: number, index: number): string => {
      random.randomStream(seed, entity, index);
      return Array.from({ length: 8 }, () => nextBits(random)).join();
    };
    const alone = stream(7, 1, 0);
    // Entities are hashes of names: large, and here as near to each other as can be.
    const entities = [0, 1, 2, 2 ** 20].map((by) => 0x1234567890abc + by);
    const streams = [1, 2, 3].flatMap((seed) =>
      entities.flatMap((entity) => [0, 1, 2].map((index) => stream(seed, entity, index))),
    );
    expect(new Set(streams).size).toBe(streams.length);
    expect(stream(7, 1, 0)).toBe(alone);
  });

  it('of neighbouring entities are not correlated', () => {
    const random = primitives(1, 1, build);
    const draws = (entity: number): number[] => {
      random.randomStream(1, 0x1234567890abc + entity, 0);
      return Array.from({ length: DRAWS }, () => random.randomSample(KIND.uniform, 0, 2 ** 32, 0) / 2 ** 32 - 0.5);
    };
    const [a, b] = [draws(1), draws(2)];
    const correlation = (12 * a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)) / DRAWS;
    // Standard error 1/√n = 0.0032.
    expect(Math.abs(correlation)).toBeLessThan(0.0127);
  });

  it('never draw 1, not even of the largest bits', () => {
    const random = primitives(1, 1, build);
    const state = stateBeforeAllOnes();
    const restart = (): void => random.randomState(Number(state & 0xffffffffn), Number(state >> 32n));
    restart();
    expect(nextBits(random)).toBe(WORD - 1n);
    restart();
    expect(random.randomSample(KIND.uniform, 0, 2 ** 53, 0)).toBeLessThan(2 ** 53);
  });
});

/** Φ⁻¹ of the quantiles that are checked. */
const NORMAL = new Map([
  [0.01, -2.326348],
  [0.1, -1.281552],
  [0.5, 0],
  [0.9, 1.281552],
  [0.99, 2.326348],
]);

interface Sampler {
  name: string;
  kind: number;
  parameters: [number, number, number];
  mean: number;
  deviation: number;
  quantile: (share: number) => number;
  density: (value: number) => number;
}

const LOW = MS;
const SIGMA = 0.5;
/** Large enough that the variance is finite without the truncation. */
const ALPHA = 4.5;
const HIGH = 100 * MS;
const REACH = 1 - (LOW / HIGH) ** ALPHA;
/** The truncated Pareto's k-th moment. */
const paretoMoment = (k: number): number =>
  ((ALPHA * LOW ** k) / (ALPHA - k) / REACH) * (1 - (LOW / HIGH) ** (ALPHA - k));

const SAMPLERS: Sampler[] = [
  {
    name: 'uniform',
    kind: KIND.uniform,
    parameters: [LOW, 3 * LOW, 0],
    mean: 2 * LOW,
    deviation: (2 * LOW) / Math.sqrt(12),
    quantile: (share) => LOW + 2 * LOW * share,
    density: () => 1 / (2 * LOW),
  },
  {
    name: 'exponential',
    kind: KIND.exponential,
    parameters: [LOW, 0, 0],
    mean: LOW,
    deviation: LOW,
    quantile: (share) => -Math.log(1 - share) * LOW,
    density: (value) => Math.exp(-value / LOW) / LOW,
  },
  {
    name: 'log-normal',
    kind: KIND.logNormal,
    parameters: [LOW, SIGMA, 0],
    mean: LOW * Math.exp(SIGMA ** 2 / 2),
    deviation: LOW * Math.sqrt((Math.exp(SIGMA ** 2) - 1) * Math.exp(SIGMA ** 2)),
    quantile: (share) => LOW * Math.exp(SIGMA * (NORMAL.get(share) ?? Number.NaN)),
    density: (value) =>
      Math.exp(-((Math.log(value / LOW) / SIGMA) ** 2) / 2) / (value * SIGMA * Math.sqrt(2 * Math.PI)),
  },
  {
    name: 'Pareto',
    kind: KIND.pareto,
    parameters: [LOW, ALPHA, HIGH],
    mean: paretoMoment(1),
    deviation: Math.sqrt(paretoMoment(2) - paretoMoment(1) ** 2),
    quantile: (share) => LOW * (1 - share * REACH) ** (-1 / ALPHA),
    density: (value) => (ALPHA * (LOW / value) ** ALPHA) / value / REACH,
  },
];

// Tolerances are four standard errors: a right sampler passes 99.99 % of seeds, and this seed always or never.
const ERRORS = 4;

describe.each(BUILDS)('samplers, %s build', (build) => {
  const draw = (kind: number, a: number, b = 0, c = 0): number[] => {
    const { randomSample } = primitives(1, 42, build);
    return Array.from({ length: DRAWS }, () => randomSample(kind, a, b, c));
  };

  describe.each(SAMPLERS)('$name', ({ kind, parameters, mean, deviation, quantile, density }) => {
    const draws = draw(kind, ...parameters).sort((a, b) => a - b);

    it('has its mean', () => {
      const found = draws.reduce((sum, value) => sum + value) / DRAWS;
      // Draws are cut to whole nanoseconds: half of one less.
      expect(Math.abs(found + 0.5 - mean)).toBeLessThan((ERRORS * deviation) / Math.sqrt(DRAWS));
    });

    it.each([...NORMAL.keys()])('has its quantile at %d', (share) => {
      const value = quantile(share);
      // The standard error of a sample quantile: √(q(1 − q) / n) / f(value).
      const error = Math.sqrt((share * (1 - share)) / DRAWS) / density(value);
      expect(Math.abs((draws[Math.floor(share * DRAWS)] ?? Number.NaN) - value)).toBeLessThan(ERRORS * error + 1);
    });
  });

  it('keep their limits', () => {
    expect(draw(KIND.pareto, 1000, 0.5, 5000).every((value) => value >= 1000 && value <= 5000)).toBe(true);
    expect(draw(KIND.uniform, 10, 13).every((value) => value >= 10 && value < 13)).toBe(true);
    expect(new Set(draw(KIND.fixed, 777))).toEqual(new Set([777]));
  });

  it('draw every value of a table equally often', () => {
    const random = primitives(1, 42, build);
    const table = [5, 70, 900, 11_000];
    new Float64Array(random.memory.buffer, random.randomTable(table.length), table.length).set(table);
    const draws = Array.from({ length: DRAWS }, () => random.randomSample(KIND.empirical, 0, 0, 0));
    const error = Math.sqrt((0.25 * 0.75) / DRAWS);
    for (const value of table) {
      const share = draws.filter((found) => found === value).length / DRAWS;
      expect(Math.abs(share - 0.25)).toBeLessThan(ERRORS * error);
    }
  });
});
