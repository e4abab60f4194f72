/**
 * Holds the figures of a simulation against those of a recording and gives a verdict on each.
 */
import { quantileNs } from '../results/histogram.js';
import { grouped, mergeTasks } from '../results/merge.js';
import type { HistogramData, Result, TaskResult } from '../results/result.js';
import { recordedName } from './programs.js';
import type { RecordedDistribution, Recording } from './recordings.js';
import { type Metric, RULES } from './tolerance.js';

/** What comes out of a comparison. `void`: the case could not be simulated at all. */
export const VERDICTS = ['agree', 'disagree', 'not measured', 'void'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** `task` of figures of the whole machine. */
export const ALL_TASKS = 'all';

/** A row of validation.csv, apart from `note`. Numbers are in the unit that the metric's name ends with. */
export interface ValidationRow {
  kernel: string;
  case: string;
  label: string;
  /** `scenario` or `replay`. */
  mode: string;
  task: string;
  /** Null when the whole case is void. */
  metric: Metric | null;
  /** Samples behind the recorded figure: switches, wakeups or run segments. */
  samples: number;
  recorded: number | null;
  simulated: number | null;
  /** Simulated − recorded. */
  difference: number | null;
  /** The largest difference that agrees. */
  tolerance: number | null;
  verdict: Verdict;
  /** Why it is void or not measured; for the reader, not in the CSV. */
  note: string | null;
}

/** A figure of both sides; null where that side has none. */
interface Pair {
  task: string;
  metric: Metric;
  samples: number;
  simulatedSamples: number;
  recorded: number | null;
  simulated: number | null;
}

/** All rows of one recording: the machine's switches first, then its tasks in the order of the scenario. */
export function compare(recording: Recording, result: Result, tickUs: number): ValidationRow[] {
  const { summary } = recording;
  const switches: Pair = {
    task: ALL_TASKS,
    metric: 'switches_per_s',
    samples: summary.switches,
    simulatedSamples: result.switches,
    recorded: summary.switches_per_s,
    simulated: (result.switches * 1e9) / result.durationNs,
  };
  const own = result.tasks.filter(({ name }) => !name.startsWith('~'));
  // The children of all forking tasks are one task of the recording.
  const tasks = grouped(own, ({ name }) => recordedName(name)).map(mergeTasks);
  const pairs = [
    switches,
    ...tasks.flatMap((task) => taskPairs(recording, { ...task, name: recordedName(task.name) }, result.durationNs)),
  ];
  return pairs.map((pair) => judge(recording, pair, tickUs));
}

/** The one row of a case that could not be simulated. */
export function voidRow({ entry }: Pick<Recording, 'entry'>, note: string): ValidationRow {
  return voidRowOf(keysOf(entry), note);
}

/** The same of whatever these keys name. */
export function voidRowOf(
  keys: Pick<ValidationRow, 'kernel' | 'case' | 'label' | 'mode'>,
  note: string,
): ValidationRow {
  return {
    ...keys,
    task: ALL_TASKS,
    metric: null,
    samples: 0,
    recorded: null,
    simulated: null,
    difference: null,
    tolerance: null,
    verdict: 'void',
    note,
  };
}

/** Whether a figure that counts disagrees: the command's exit status is 1 then. */
export function fails(row: ValidationRow): boolean {
  return row.verdict === 'disagree' && row.metric !== null && RULES[row.metric].gating;
}

function taskPairs({ summary }: Recording, task: TaskResult, durationNs: number): Pair[] {
  // A task that never ran is not in the summary.
  const recorded = summary.tasks[task.name];
  const share: Pair = {
    task: task.name,
    metric: 'share_pct',
    samples: recorded?.switches_in ?? 0,
    simulatedSamples: task.runSegment.count,
    recorded: 100 * (recorded?.share ?? 0),
    simulated: (100 * task.cpuNs) / durationNs,
  };
  const samples = (
    metric: Metric,
    from: RecordedDistribution | undefined,
    to: HistogramData,
    at: 'p50' | 'p99' | 'max',
  ) => ({
    task: task.name,
    metric,
    samples: from?.count ?? 0,
    simulatedSamples: to.count,
    recorded: from?.[at] ?? null,
    simulated: to.count === 0 ? null : quantileNs(to, QUANTILES[at]) / 1000,
  });
  const latency = recorded?.wakeup_latency_us;
  return [
    share,
    samples('wakeup_latency_p50_us', latency, task.wakeupLatency, 'p50'),
    samples('wakeup_latency_p99_us', latency, task.wakeupLatency, 'p99'),
    samples('wakeup_latency_max_us', latency, task.wakeupLatency, 'max'),
    samples('run_segment_p50_us', recorded?.run_segment_us, task.runSegment, 'p50'),
  ];
}

const QUANTILES = { p50: 0.5, p99: 0.99, max: 1 } as const;

function judge({ entry }: Recording, pair: Pair, tickUs: number): ValidationRow {
  const { task, metric, samples, simulatedSamples } = pair;
  const rule = RULES[metric];
  const recorded = pair.recorded === null ? null : rounded(pair.recorded);
  const simulated = pair.simulated === null ? null : rounded(pair.simulated);
  const row = { ...keysOf(entry), task, metric, samples, recorded, simulated };
  const open = { ...row, difference: null, tolerance: null, verdict: 'not measured' } as const;
  if (rule.figure === 'memory' || !entry.trust.includes(rule.figure))
    return { ...open, note: `${rule.figure} is not in the recording’s trust` };
  if (recorded === null || samples < rule.minSamples) return { ...open, note: `${samples} samples` };
  const tolerance = rounded(rule.tolerance(recorded, tickUs));
  // The recording has enough samples: a simulation that has too few of them is wrong, not unmeasured.
  if (simulated === null || simulatedSamples < rule.minSamples) {
    return { ...row, difference: null, tolerance, verdict: 'disagree', note: `${simulatedSamples} simulated samples` };
  }
  const difference = rounded(simulated - recorded);
  return {
    ...row,
    difference,
    tolerance,
    verdict: Math.abs(difference) <= tolerance ? 'agree' : 'disagree',
    note: null,
  };
}

function keysOf({
  kernel,
  case: name,
  label,
}: Recording['entry']): Pick<ValidationRow, 'kernel' | 'case' | 'label' | 'mode'> {
  return { kernel, case: name, label, mode: 'scenario' };
}

/** To four decimals: what is written is what is judged. */
function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
