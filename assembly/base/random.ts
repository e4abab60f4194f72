/**
 * Random streams and samplers. Every stream belongs to one entity and is derived from the seed and the entity's name alone, so adding
 * a task never changes another's luck. The generator is SplitMix64 (Steele, Lea, Flood 2014): one u64 of state, and logarithms
 * come from AssemblyScript's own Math, never the host's, so that every machine draws the same.
 */

/** Distributions of durations; the numbers are the table format of src/kernel/tables.ts. */
export namespace Kind {
  export const FIXED: u32 = 0;
  export const UNIFORM: u32 = 1;
  export const EXPONENTIAL: u32 = 2;
  export const LOGNORMAL: u32 = 3;
  export const PARETO: u32 = 4;
  export const EMPIRICAL: u32 = 5;
}

/** A duration as a scenario gives it: fixed, or drawn each time. Nanoseconds. */
@unmanaged
export class Distribution {
  kind: u32;
  /** EMPIRICAL: how many values lie at `values` (f64 each). */
  count: u32;
  values: usize;
  /** fixed ns · min · mean · median · min */
  a: f64;
  /** – · max · – · sigma · alpha */
  b: f64;
  /** – · – · – · – · max */
  c: f64;
}

/** SplitMix64's finaliser: spreads any 64 bits over 64 bits. */
export function mix(value: u64): u64 {
  let z = value;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

const GOLDEN: u64 = 0x9e3779b97f4a7c15;

/** The next 64 bits of the stream whose state lies at `state`. */
export function nextBits(state: usize): u64 {
  const s = load<u64>(state) + GOLDEN;
  store<u64>(state, s);
  return mix(s);
}

/** Uniform in (0, 1): never 0, so that its logarithm exists. 52 bits, as a 53rd would be rounded with the half, up to 1. */
export function nextUnit(state: usize): f64 {
  return (<f64>(nextBits(state) >> 12) + 0.5) * (1.0 / 4503599627370496.0);
}

/** Initial state of the stream of `entity` (a hash of its name) and `index`, under a seed: nested, so that no two of them can trade places. */
export function streamState(seed: u64, entity: u64, index: u64): u64 {
  return mix(mix(mix(seed + GOLDEN) + entity) + index * GOLDEN);
}

/** Longest duration that a sample may have: 2⁵³ ns, what a number of the harness holds exactly. */
const LONGEST: f64 = 9007199254740992.0;

/** Draws a duration in ns. */
export function sample(distribution: Distribution, state: usize): u64 {
  const a = distribution.a;
  switch (distribution.kind) {
    case Kind.FIXED:
      return <u64>a;
    case Kind.UNIFORM:
      return <u64>(a + (distribution.b - a) * nextUnit(state));
    case Kind.EXPONENTIAL:
      return <u64>min(-Math.log(nextUnit(state)) * a, LONGEST);
    case Kind.LOGNORMAL:
      return <u64>min(a * Math.exp(distribution.b * nextNormal(state)), LONGEST);
    case Kind.PARETO: {
      // Inverse of the distribution function, truncated at max = c.
      const reach = 1.0 - (a / distribution.c) ** distribution.b;
      return <u64>(a / (1.0 - nextUnit(state) * reach) ** (1.0 / distribution.b));
    }
    default: {
      const index = <u32>(nextUnit(state) * <f64>distribution.count);
      return <u64>load<f64>(distribution.values + (min(index, distribution.count - 1) << 3));
    }
  }
}

/** Standard normal, by Box and Muller. */
function nextNormal(state: usize): f64 {
  const radius = Math.sqrt(-2.0 * Math.log(nextUnit(state)));
  return radius * Math.cos(2.0 * Math.PI * nextUnit(state));
}
