/**
 * Many independent simulations on all cores. Results come back in the order of the jobs whatever the number of workers, so that
 * output never depends on it.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { SimulationError } from '../errors.js';
import type { TraceWindow } from '../kernel/compile.js';
import { packageRoot } from '../paths.js';
import type { Result } from '../results/result.js';
import type { Scenario } from '../scenario/scenario.js';
import simulateJob from './worker.js';

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
  return withWorkers(threads, (run) => run(jobs, onProgress));
}

/** Runs a batch of jobs. */
export type RunBatch = (jobs: readonly Job[], onProgress?: OnProgress) => Promise<Result[]>;

/** Lets `work` run one batch after the other on the same threads, of which there are as `runJobs` says. */
export async function withWorkers<T>(workers: number | undefined, work: (run: RunBatch) => Promise<T>): Promise<T> {
  const threads = workers ?? availableParallelism();
  if (threads <= 1) return work(async (jobs, onProgress) => jobs.map(counted(simulateJob, jobs.length, onProgress)));
  const pool = new Piscina<Job, Result>({
    filename: join(packageRoot, 'dist', 'src', 'sweep', 'worker.js'),
    minThreads: threads,
    maxThreads: threads,
  });
  try {
    return await work((jobs, onProgress) => {
      const count = counted((result: Result) => result, jobs.length, onProgress);
      return Promise.all(jobs.map(async (job) => count(await pool.run(job))));
    });
  } catch (error) {
    // An error's class does not survive the way between threads.
    if (error instanceof Error && error.name === 'SimulationError') throw new SimulationError(error.message);
    throw error;
  } finally {
    await pool.destroy();
  }
}

/** Reports progress after each call. */
function counted<From, To>(each: (from: From) => To, total: number, onProgress?: OnProgress): (from: From) => To {
  let done = 0;
  return (from) => {
    const to = each(from);
    onProgress?.(++done, total);
    return to;
  };
}
