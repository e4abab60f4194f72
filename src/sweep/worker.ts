/** A worker of the pool: one simulation per message, in a Wasm instance of its own. */
import { simulate } from '../kernel/simulation.js';
import type { Result } from '../results/result.js';
import type { Job } from './pool.js';

export default function simulateJob(job: Job): Result {
  return simulate(job.scenario, job.seed, job.trace === null ? {} : { trace: job.trace });
}
