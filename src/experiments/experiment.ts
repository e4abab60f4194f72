/**
 * An experiment: the same cases under several policies, several seeds each, and one recorder whose latencies are reported.
 */
import type { TraceWindow } from '../kernel/compile.js';
import { KSWAPD } from '../kernel/memory.js';
import { RUE_THREADS } from '../kernel/rue.js';
import { memoryFigures } from '../results/memory.js';
import { ALL_SEEDS, type MetricRow, metricsOf, summarise } from '../results/metrics.js';
import { pressureFigures } from '../results/pressure.js';
import type { RecorderResult, Result, TraceEvent } from '../results/result.js';
import { serviceFigures } from '../results/service.js';
import { threadOf } from '../scenario/guests.js';
import { priorityOf } from '../scenario/rue.js';
import type { Scenario } from '../scenario/scenario.js';
import { type Job, type OnProgress, runJobs } from '../sweep/pool.js';

/** A ready-made scenario, with changes as `--set` makes them, and the policies of this case if they are not the experiment's. */
export interface ExperimentCase {
  name: string;
  scenario: string;
  set?: ReadonlyArray<readonly [path: string, value: string]>;
  policies?: readonly string[];
}

/** What `kpbench run` and `kpbench bench` can run by name. */
export interface Experiment {
  name: string;
  description: string;
  /** Ready-made scenarios, by the name of the case. */
  cases: readonly ExperimentCase[];
  /** Run when no policy is asked for; the first is the reference of the table. Empty: its scenarios' own. */
  policies: readonly string[];
  /** Seeds to run unless told otherwise. */
  runs: number;
  /** What `--quick` runs. */
  quick: { runs: number; durationNs: number };
  /** A service's requests that take as long are counted as late. */
  timeoutNs?: number;
  /** Part of `kpbench bench`. */
  published: boolean;
  /** Also written in cyclictest's own formats. */
  cyclictestFiles: boolean;
  /** A yardstick of simulators: says how fast it was simulated. */
  timed: boolean;
}

/** One case under one policy, all seeds. */
export interface CaseRun {
  case: string;
  policy: string;
  scenario: Scenario;
  results: Result[];
}

/** All that an experiment observed. */
export interface ExperimentRun {
  experiment: string;
  /** A row a seed, and one over all seeds. */
  rows: MetricRow[];
  cases: CaseRun[];
}

/** A case to simulate: a resolved scenario, policy applied. */
export interface CasePlan {
  case: string;
  scenario: Scenario;
}

export interface RunOptions {
  seed: number;
  runs: number;
  workers?: number | undefined;
  onProgress?: OnProgress | undefined;
  /** See Experiment. */
  timeoutNs?: number | undefined;
}

/** Simulates every case with seeds seed … seed + runs − 1. */
export async function runExperiment(
  experiment: string,
  plans: readonly CasePlan[],
  options: RunOptions,
): Promise<ExperimentRun> {
  const seeds = Array.from({ length: options.runs }, (_, i) => options.seed + i);
  const jobs: Job[] = plans.flatMap(({ scenario }) => seeds.map((seed) => ({ scenario, seed, trace: null })));
  const results = await runJobs(jobs, options.workers, options.onProgress);
  const cases = plans.map((plan, index) => ({
    case: plan.case,
    policy: plan.scenario.policy,
    scenario: plan.scenario,
    results: results.slice(index * seeds.length, (index + 1) * seeds.length),
  }));
  const perSeed = cases.flatMap((run) =>
    run.results.flatMap((result) =>
      metricsOf({ experiment, case: run.case }, result, (recorder) =>
        figuresOf(run.scenario, result, recorder, options.timeoutNs ?? null),
      ),
    ),
  );
  return { experiment, rows: [...perSeed, ...summarise(perSeed)], cases };
}

/** What there is to say beyond latencies: of a service under load, of memory, of pressure. */
function figuresOf(scenario: Scenario, result: Result, recorder: RecorderResult, timeoutNs: number | null) {
  return {
    ...serviceFigures(scenario, result, recorder, timeoutNs),
    ...memoryFigures(scenario, result, recorder, (group) => groupPriority(scenario, group), {
      kswapd: KSWAPD,
      rue: RUE_THREADS,
    }),
    ...pressureFigures(scenario, result, recorder),
  };
}

/** The cgroup.priority of a group by its name. */
function groupPriority({ cgroups }: Scenario, name: string): number {
  const group = cgroups.find((candidate) => candidate.name === name);
  return group === undefined ? 0 : priorityOf(group, cgroups);
}

/** The rows over all seeds. */
export function summaryRows(run: ExperimentRun): MetricRow[] {
  return run.rows.filter((row) => row.seed === ALL_SEEDS);
}

/** The worst sample of a case, and what happened around it. */
export interface WorstSample {
  seed: number;
  recorder: RecorderResult;
  /** Whose it is, as the trace names it; and, if it is a guest's, the host's thread of the CPU that it was on. */
  task: string;
  thread: string | null;
  events: TraceEvent[];
}

/** Time before the wakeup that belongs to the picture: long enough to show who had the CPU. */
const LEAD_NS = 1_000_000;
/** Time after the sample: memory operations are recorded when the segment of work ends in which they were. */
const TAIL_NS = 1_000_000;
const TRACE_CAPACITY = 1 << 16;

/**
 * Simulates the seed with a case's largest sample once more, this time with the trace on around it: a simulation repeats
 * exactly, so nothing had to be traced the first time. Where groups have priorities, only samples of the first of them are
 * looked at: the others are meant to wait. Null if nothing was recorded.
 */
export async function traceWorst(run: CaseRun): Promise<WorstSample | null> {
  const { tasks } = run.scenario;
  const priorityOfTask = (name: string): number =>
    groupPriority(run.scenario, tasks.find((task) => task.name === name)?.cgroup ?? '');
  const recorded = run.results.flatMap((result) =>
    result.recorders.flatMap((recorder) =>
      recorder.latency.count > 0 ? [{ result, recorder, priority: priorityOfTask(recorder.task) }] : [],
    ),
  );
  const first = Math.min(...recorded.map(({ priority }) => priority));
  let worst: (typeof recorded)[number] | null = null;
  for (const one of recorded) {
    if (one.priority === first && one.recorder.worst.latencyNs > (worst?.recorder.worst.latencyNs ?? -1)) worst = one;
  }
  if (worst === null) return null;
  const { result, recorder } = worst;
  const { atNs, latencyNs } = recorder.worst;
  const trace: TraceWindow = {
    fromNs: Math.max(0, atNs - latencyNs - LEAD_NS),
    toNs: atNs + TAIL_NS,
    leastNs: latencyNs,
    capacity: TRACE_CAPACITY,
  };
  const scenario = { ...run.scenario, durationNs: Math.min(run.scenario.durationNs, atNs + 2 * TAIL_NS) };
  const [again] = await runJobs([{ scenario, seed: result.seed, trace }], 1);
  const events = again?.trace ?? [];
  const record = events.find((e) => e.event === 'record' && e.at === atNs && e.latencyNs === latencyNs);
  const [task, thread] =
    record?.event === 'record' ? [record.task, threadOf(run.scenario, record.cpu)] : [recorder.task, null];
  return { seed: result.seed, recorder, task, thread, events };
}
