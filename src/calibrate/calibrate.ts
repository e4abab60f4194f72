/** A calibration: the search, then the fit's surroundings, and the fit once more under seeds that it has not seen. */
import { UserError } from '../errors.js';
import type { OnProgress, RunBatch } from '../sweep/pool.js';
import { type Evaluation, Evaluator } from './evaluate.js';
import { allowedResidual, isMet, residual } from './objective.js';
import { coordinateOf, nudged, valueAt } from './parameter.js';
import type { Plan, Values } from './plan.js';
import { minimise, type Point } from './search.js';

export interface CalibrateOptions {
  /** Of the search, and the first of the simulations. */
  seed: number;
  /** Seeds of each candidate. */
  runs: number;
  /** The most simulations; default: by the number of parameters. */
  budget?: number | undefined;
  onProgress?: OnProgress | undefined;
}

/** The fit's neighbours along one parameter; null where a bound leaves no room. */
export interface Sensitivity {
  down: Evaluation | null;
  up: Evaluation | null;
}

export interface Calibration {
  plan: Plan;
  seed: number;
  runs: number;
  fit: Evaluation;
  /** The fit under as many other seeds. */
  fresh: Evaluation;
  /** One a parameter. */
  sensitivity: readonly Sensitivity[];
  /** All evaluations in their order. */
  evaluations: readonly Evaluation[];
}

/** Candidates that are tried a parameter, unless told otherwise. */
const CANDIDATES_A_PARAMETER = 30;

/** Fits a plan's parameters to its targets; `run` simulates. */
export async function calibrate(plan: Plan, run: RunBatch, options: CalibrateOptions): Promise<Calibration> {
  const { seed, runs, onProgress } = options;
  const candidates = candidatesOf(plan, options);
  const total = (candidates + afterSearch(plan)) * plan.cases.size * runs;
  const evaluator = new Evaluator(plan, runs, run, (done) => onProgress?.(done, total));
  const fit = await search(plan, evaluator, candidates, seed);
  const sensitivity = await surroundings(plan, evaluator, fit.values, seed);
  const [fresh] = await evaluator.all([fit.values], 'fresh seeds', seed + runs);
  if (fresh === undefined) throw new Error('an evaluation without a result');
  return { plan, seed, runs, fit, fresh, sensitivity, evaluations: evaluator.evaluations };
}

/** Whether every target is met. */
export function fits({ plan, fit }: Calibration): boolean {
  return plan.targets.every((target, i) => isMet(target, fit.figures[i]));
}

/** The best candidate that was found. */
async function search(plan: Plan, evaluator: Evaluator, evaluations: number, seed: number): Promise<Evaluation> {
  const { parameters, targets } = plan;
  const valuesAt = (point: Point): Values => parameters.map((parameter, i) => valueAt(parameter, point[i] ?? 0));
  const evaluate = async (points: readonly Point[]) => {
    const found = await evaluator.all(points.map(valuesAt), 'search', seed);
    return found.map(({ figures }) => targets.map((target, i) => residual(target, figures[i])));
  };
  const { point } = await minimise(evaluate, {
    dimensions: parameters.length,
    evaluations,
    seed,
    snap: (near) => parameters.map((parameter, i) => coordinateOf(parameter, valueAt(parameter, near[i] ?? 0))),
    enough: (found) => targets.every((target, i) => Math.abs(found[i] ?? 0) <= allowedResidual(target)),
  });
  const key = valuesAt(point).join(' ');
  const fit = evaluator.evaluations.find(({ values }) => values.join(' ') === key);
  if (fit === undefined) throw new Error('the best point was never evaluated');
  return fit;
}

/** What becomes of the figures when one parameter changes. */
async function surroundings(plan: Plan, evaluator: Evaluator, fit: Values, seed: number): Promise<Sensitivity[]> {
  const beside = plan.parameters.map((parameter, i) =>
    nudged(parameter, fit[i] ?? 0).map((to) => (to === null ? null : fit.with(i, to))),
  );
  const found = await evaluator.all(
    beside.flat().filter((to) => to !== null),
    'sensitivity',
    seed,
  );
  const left = found.values();
  const next = (to: Values | null | undefined) => (to ? (left.next().value ?? null) : null);
  return beside.map(([down, up]) => ({ down: next(down), up: next(up) }));
}

/** Candidates that are simulated when the search is over: both sides of each parameter, and the fit under fresh seeds. */
const afterSearch = ({ parameters }: Plan): number => 2 * parameters.length + 1;

/** Candidates that the search may try. */
function candidatesOf(plan: Plan, { budget, runs }: CalibrateOptions): number {
  const { parameters, cases } = plan;
  const simulations = cases.size * runs;
  const given = budget ?? (CANDIDATES_A_PARAMETER * parameters.length + afterSearch(plan)) * simulations;
  // A start, one poll around it and its two steps.
  const least = (1 + 2 * parameters.length + 2 + afterSearch(plan)) * simulations;
  if (given < least) throw new UserError('--budget', null, `expected at least ${least} simulations, found ${given}`);
  return Math.floor(given / simulations) - afterSearch(plan);
}
