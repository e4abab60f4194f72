/** kpbench as a library: three nouns, `Scenario`, `Simulation`, `Result`, and what goes from one to the next. */
export { SimulationError, UserError } from './errors.js';
export type { TraceWindow } from './kernel/compile.js';
export type { Build } from './kernel/exports.js';
export { Simulation, type SimulationOptions, simulate } from './kernel/simulation.js';
export { ccdf, fractionAbove, meanNs, merge, quantileNs } from './results/histogram.js';
export { type MetricRow, metricsOf, summarise } from './results/metrics.js';
export type * from './results/result.js';
export { loadPolicy, loadScenario, resolveScenario } from './scenario/load.js';
export type * from './scenario/scenario.js';
export { type Job, runJobs } from './sweep/pool.js';
