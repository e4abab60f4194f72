/**
 * How far figures are from their targets: ln(reached / wanted), so that twice and half are equally wrong, in units of the tolerance, so that
 * a target that is to be met closely counts for more. The objective is the weighted sum of their squares.
 */
import { figuresOf, metricOf } from '../results/metrics.js';
import type { Result } from '../results/result.js';
import type { TargetFigure } from './schema.js';

/** A figure of the fitted policy, and what it is to be. */
export interface Target {
  case: string;
  /** `task:recorder`. */
  metricOf: string;
  figure: TargetFigure;
  /** In the unit of the figure. */
  value: number;
  weight: number;
  /** 0.1: from value/1.1 to value×1.1. */
  tolerance: number;
}

/** What a candidate shows at a target: the mean over its runs, null if not measured in each, and what zero counts as. */
export interface Reached {
  value: number | null;
  least: number;
}

/** A nanosecond, the least that the simulated clock tells from zero. */
const LEAST_US = 0.001;
/** As wrong as a figure that was not measured counts: a million times. */
const NOT_MEASURED = Math.log(1e6);

/** The figure that the runs of a target's case show. */
export function reached(target: Target, runs: readonly Result[]): Reached {
  const figures = runs.map((result) => {
    const recorder = result.recorders.find((candidate) => metricOf(candidate) === target.metricOf);
    return recorder === undefined ? null : figuresOf(recorder);
  });
  const values = figures.map((each) => each?.[target.figure] ?? null).filter((value) => value !== null);
  const samples = figures.reduce((sum, each) => sum + (each?.samples ?? 0), 0);
  return {
    value: values.length === runs.length ? values.reduce((sum, value) => sum + value, 0) / runs.length : null,
    least: leastOf(target.figure, samples),
  };
}

/** None of n samples is less than one of them: it counts as half a one. */
function leastOf(figure: TargetFigure, samples: number): number {
  if (figure === 'samples') return 0.5;
  return figure.endsWith('_pct') ? 50 / Math.max(1, samples) : LEAST_US;
}

/** ln(reached / wanted). Zero, reached or wanted, counts as the least that can be told from it. */
export function logRatio(target: Target, figure: Reached | undefined): number {
  if (figure === undefined || figure.value === null) return NOT_MEASURED;
  const above = (value: number) => (value === 0 ? figure.least : value);
  return Math.log(above(figure.value) / above(target.value));
}

/** What the search makes small: the squares of these add up to the objective. */
export function residual(target: Target, figure: Reached | undefined): number {
  return (Math.sqrt(target.weight) * logRatio(target, figure)) / Math.log1p(target.tolerance);
}

/** The largest residual of a target that is met. */
export function allowedResidual({ weight }: Target): number {
  return Math.sqrt(weight);
}

/** Whether a target is met; what was not measured never is. */
export function isMet(target: Target, figure: Reached | undefined): boolean {
  return (figure?.value ?? null) !== null && Math.abs(residual(target, figure)) <= allowedResidual(target);
}

/** The weighted sum of squares. */
export function objective(targets: readonly Target[], figures: readonly Reached[]): number {
  return targets.reduce((sum, target, i) => sum + residual(target, figures[i]) ** 2, 0);
}
