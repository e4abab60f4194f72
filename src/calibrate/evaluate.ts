/**
 * Simulates candidates. All of them under the same seeds (common random numbers), so that they differ by their parameters only.
 */
import type { OnProgress, RunBatch } from '../sweep/pool.js';
import { objective, type Reached, reached } from './objective.js';
import { type Plan, scenarioOf, type Values } from './plan.js';

/** What an evaluation was for. */
export type Phase = 'search' | 'sensitivity' | 'fresh seeds';

/** A candidate that was simulated. */
export interface Evaluation {
  phase: Phase;
  values: Values;
  /** One a target. */
  figures: readonly Reached[];
  objective: number;
}

export class Evaluator {
  /** All evaluations in the order in which they were asked for. */
  readonly evaluations: Evaluation[] = [];
  #done = 0;

  constructor(
    readonly plan: Plan,
    readonly runs: number,
    private readonly run: RunBatch,
    private readonly onProgress: (done: number) => void,
  ) {}

  /** Evaluates candidates with seeds firstSeed … firstSeed + runs − 1. */
  async all(batch: readonly Values[], phase: Phase, firstSeed: number): Promise<Evaluation[]> {
    const found = await Promise.all(
      batch.map(async (values) => {
        const figures = await this.#figures(values, firstSeed);
        return { phase, values, figures, objective: objective(this.plan.targets, figures) };
      }),
    );
    this.evaluations.push(...found);
    return found;
  }

  /** Results are large and live no longer than this. */
  async #figures(values: Values, firstSeed: number): Promise<Reached[]> {
    const { plan, runs } = this;
    const names = [...plan.cases.keys()];
    const jobs = names.flatMap((name) => {
      const scenario = scenarioOf(plan, name, values);
      return Array.from({ length: runs }, (_, i) => ({ scenario, seed: firstSeed + i, trace: null }));
    });
    const onProgress: OnProgress = () => this.onProgress(++this.#done);
    const results = await this.run(jobs, onProgress);
    return plan.targets.map((target) => {
      const begin = names.indexOf(target.case) * runs;
      return reached(target, results.slice(begin, begin + runs));
    });
  }
}
