/**
 * Many independent simulations on all cores. Results come back in the order of the jobs whatever the number of workers, so that
 * output never depends on it.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { SimulationError } from '../errors.js';
import type { TraceWindow } from '../kernel/compile.js';
import { simulate } from '../kernel/simulation.js';
import { packageRoot } from '../paths.js';
import type { Result } from '../results/result.js';
import type { Scenario } from '../scenario/scenario.js';

/** One simulation to be done. */
export interface Job {
  scenario: Scenario;
  seed: number;
  trace: TraceWindow | null;
}

/** Called after each finished job. */
export type OnProgress = (done: number, total: number) => void;

/** Runs all jobs on `workers` threads (default: one a core; 1: in this thread). Throws the first job's error. */
export async function runJobs(jobs: readonly Job[], workers?: number, onProgress?: OnProgress): Promise<Result[]> {
  const threads = Math.min(workers ?? availableParallelism(), jobs.length);
  let done = 0;
  const finished = (result: Result): Result => {
    onProgress?.(++done, jobs.length);
    return result;
  };
  if (threads <= 1) {
    return jobs.map((job) =>
      finished(simulate(job.scenario, job.seed, job.trace === null ? {} : { trace: job.trace })),
    );
  }
  const pool = new Piscina<Job, Result>({
    filename: join(packageRoot, 'dist', 'src', 'sweep', 'worker.js'),
    minThreads: threads,
    maxThreads: threads,
  });
  try {
    return await Promise.all(jobs.map(async (job) => finished(await pool.run(job))));
  } catch (error) {
    // An error's class does not survive the way between threads.
    if (error instanceof Error && error.name === 'SimulationError') throw new SimulationError(error.message);
    throw error;
  } finally {
    await pool.destroy();
  }
}
