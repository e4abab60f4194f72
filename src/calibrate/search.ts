/**
 * Least squares over the unit cube without derivatives: a Latin hypercube of starts, then from the best of them a compass poll whose
 * differences also give a Gauss–Newton step (Levenberg's damping; Moré 1978). Every batch depends on earlier values only, so the points
 * are the same for any number of workers.
 */
import { mulberry32 } from '../random.js';
import { solveWithin } from './least_squares.js';

/** A point of the unit cube. */
export type Point = readonly number[];

/** A point and its residuals; `value` is the sum of their squares, which is to be small. */
export interface Found {
  point: Point;
  residuals: readonly number[];
  value: number;
}

export interface SearchOptions {
  dimensions: number;
  /** The most points to evaluate. */
  evaluations: number;
  seed: number;
  /** The nearest point that can be had; points that it maps to the same one are evaluated once. */
  snap?: (point: Point) => Point;
  /** Whether residuals are small enough not to begin again elsewhere; default: never. */
  enough?: (residuals: readonly number[]) => boolean;
}

/** Residuals of each point of a batch, in its order. */
export type Evaluate = (points: readonly Point[]) => Promise<ReadonlyArray<readonly number[]>>;

/** Half the width of the first poll, and of the last, in parts of the range. */
const FIRST_REACH = 1 / 4;
const LAST_REACH = 1 / 512;
/** Nothing is left to gain. */
const PERFECT = 1e-8;
/** Part of the sum of squares that a batch must take away to count as progress. */
const LEAST_GAIN = 1e-3;
/** A step goes no further than so many times the poll, whose differences say nothing about what lies beyond. */
const TRUST = 2;
/** Damping of the steps that are tried, in parts of the mean square of the slopes. */
const DAMPINGS = [1e-6, 0.01];
/** Part of the evaluations that goes to the starts. */
const STARTS = 1 / 4;

/** The point with the least sum of squares that was found, the first of equals. */
export async function minimise(evaluate: Evaluate, options: SearchOptions): Promise<Found> {
  const { dimensions, evaluations, seed } = options;
  const ask = new Asked(evaluate, options);
  const count = Math.max(1, Math.round(evaluations * STARTS));
  const starts = (await ask.all(latinHypercube(count, dimensions, seed))).toSorted((a, b) => a.value - b.value);
  let best = starts[0];
  if (best === undefined) throw new RangeError('a search needs at least one evaluation');
  for (const start of starts) {
    const end = await descend(start, ask);
    if (end.value < best.value) best = end;
    if (ask.left === 0 || best.value <= PERFECT || options.enough?.(best.residuals) === true) break;
  }
  return best;
}

/** One point in each of `count` equal slices of every axis, in a random place of the slice. */
export function latinHypercube(count: number, dimensions: number, seed: number): Point[] {
  const random = mulberry32(seed);
  const axes = Array.from({ length: dimensions }, () => {
    const slices = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [slices[i], slices[j]] = [slices[j] ?? 0, slices[i] ?? 0];
    }
    return slices.map((slice) => (slice + random()) / count);
  });
  return Array.from({ length: count }, (_, i) => axes.map((axis) => axis[i] ?? 0));
}

/** Walks downhill until the poll is as narrow as it gets. */
async function descend(start: Found, ask: Asked): Promise<Found> {
  let here = start;
  let reach = FIRST_REACH;
  while (reach >= LAST_REACH && ask.left > 0 && here.value > PERFECT) {
    const arms = here.point.map(
      (_, axis) => [moved(here.point, axis, -reach), moved(here.point, axis, reach)] as const,
    );
    const polled = await ask.all(arms.flat());
    const slopes = here.point.map((_, axis) => slope(here, axis, polled.slice(2 * axis, 2 * axis + 2)));
    const steps = DAMPINGS.map((damping) => solveWithin(slopes, here.residuals, damping, here.point, TRUST * reach));
    const stepped = await ask.all(steps);
    const next = [...polled, ...stepped].reduce((least, found) => (found.value < least.value ? found : least), here);
    const gained = next.value < (1 - LEAST_GAIN) * here.value;
    if (!gained) reach /= 2;
    // The model holds here: a closer look makes its slopes those of the place.
    else if (stepped.includes(next)) reach = Math.max(LAST_REACH, reach / 2);
    here = next;
  }
  return here;
}

function moved(point: Point, axis: number, by: number): Point {
  return point.map((x, i) => (i === axis ? Math.min(1, Math.max(0, x + by)) : x));
}

/** How the residuals change along an axis, over the widest pair of points there; none: zero. */
function slope(here: Found, axis: number, arms: readonly Found[]): number[] {
  const line = [here, ...arms].toSorted((a, b) => (a.point[axis] ?? 0) - (b.point[axis] ?? 0));
  const [first, last] = [line[0] ?? here, line.at(-1) ?? here];
  const run = (last.point[axis] ?? 0) - (first.point[axis] ?? 0);
  return here.residuals.map((_, i) => (run > 0 ? ((last.residuals[i] ?? 0) - (first.residuals[i] ?? 0)) / run : 0));
}

/** Evaluates each point once, and no more than the search may. */
class Asked {
  readonly #known = new Map<string, Found>();
  readonly #evaluate: Evaluate;
  readonly #snap: (point: Point) => Point;
  left: number;

  constructor(evaluate: Evaluate, { snap, evaluations }: SearchOptions) {
    this.#evaluate = evaluate;
    this.#snap = snap ?? ((point) => point);
    this.left = evaluations;
  }

  /** The points of a batch that are known by now, those left out that the budget does not reach. */
  async all(points: readonly Point[]): Promise<Found[]> {
    const snapped = points.map(this.#snap);
    const fresh = new Map<string, Point>();
    for (const point of snapped) {
      const key = point.join(' ');
      if (!this.#known.has(key) && fresh.size < this.left) fresh.set(key, point);
    }
    this.left -= fresh.size;
    const batch = [...fresh.values()];
    const residuals = batch.length > 0 ? await this.#evaluate(batch) : [];
    batch.forEach((point, i) => {
      const found = residuals[i] ?? [];
      this.#known.set(point.join(' '), { point, residuals: found, value: found.reduce((sum, r) => sum + r * r, 0) });
    });
    return snapped.flatMap((point) => this.#known.get(point.join(' ')) ?? []);
  }
}
