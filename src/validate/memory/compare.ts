/**
 * Holds a simulated memory case against the two boots of its recording.
 */
import { quantileNs } from '../../results/histogram.js';
import type { HistogramData, MemoryResult, PressureResult, Result } from '../../results/result.js';
import { ALL_TASKS, type ValidationRow, voidRowOf } from '../compare.js';
import type { MemoryRecording, RecordedPressure, RecordedSummary } from './recordings.js';
import { MEMORY_RULES, type MemoryMetric } from './rules.js';
import { OPERATIONS } from './tasks.js';

/** An operation of the recordings that took so long is listed with its length. */
const SLOW_NS = 1e6;
/** A sleep that ends in another jiffy is another one; within it, a quarter. */
const SAME_SLEEP_NS = 1e6;

/** A figure of both boots and of the simulation; null: that side has none. */
interface Figure {
  task: string;
  metric: MemoryMetric;
  a: number | null;
  b: number | null;
  simulated: number | null;
  /** How many samples stand behind it; by default the figure itself. */
  samples?: number;
  /** Added to the tolerance. */
  slack?: number;
}

const keysOf = ({ kernel, case: name }: MemoryRecording) => ({ kernel, case: name, label: '6.1', mode: 'memory' });

/** The one row of a case that is not simulated. */
export function voidMemoryRow(recording: MemoryRecording, note: string): ValidationRow {
  return voidRowOf(keysOf(recording), note);
}

/** All rows of one case. `t0Ns`: when its recording began. */
export function compareMemory(recording: MemoryRecording, result: Result, t0Ns: number): ValidationRow[] {
  const { memory, memoryBefore } = result;
  if (memory === undefined || memoryBefore === undefined) throw new Error('a memory case without a memory side');
  return [
    ...counters(recording, memory, memoryBefore),
    ...pressure(recording, result.pressure ?? {}, result.pressureBefore ?? {}),
    ...kswapd(recording, memory),
    ...writeback(recording, result),
    ...sleeps(recording, result, t0Ns),
    ...victims(recording, result),
    ...operations(recording, result),
  ].flatMap((figure) => judge(recording, figure));
}

/** Counters of /proc/vmstat that both sides have under one name. */
const VMSTAT = [
  'workingset_refault_file',
  'workingset_refault_anon',
  'workingset_activate_file',
  'workingset_activate_anon',
  'pgactivate',
  'pswpin',
  'pswpout',
  'thp_fault_alloc',
  'thp_fault_fallback',
] as const;

function counters({ a, b }: MemoryRecording, after: MemoryResult, before: MemoryResult): Figure[] {
  const delta = (name: string): number => (after.vmstat[name] ?? 0) - (before.vmstat[name] ?? 0);
  const sum = (names: readonly string[], of: (name: string) => number): number =>
    names.reduce((total, name) => total + of(name), 0);
  const recorded = (boot: RecordedSummary) => (name: string) => boot.vmstat_delta[name] ?? 0;
  const figure = (metric: MemoryMetric, names: readonly string[]): Figure => ({
    task: ALL_TASKS,
    metric,
    a: sum(names, recorded(a)),
    b: sum(names, recorded(b)),
    simulated: sum(names, delta),
  });
  return [
    figure('pgscan', ['pgscan_anon', 'pgscan_file']),
    figure('pgsteal', ['pgsteal_anon', 'pgsteal_file']),
    ...VMSTAT.map((name) => figure(name, [name])),
    {
      ...figure('memcg_reclaims', ['memcg_reclaims', 'high_reclaims']),
      a: a.memcg_reclaim.n,
      b: b.memcg_reclaim.n,
    },
    { ...figure('direct_reclaims', ['allocstall']), a: a.direct_reclaim.n, b: b.direct_reclaim.n },
    { ...figure('kswapd_runs', ['kswapd_runs']), a: a.kswapd.runs, b: b.kswapd.runs },
  ];
}

/** Lines of the pressure files, and what their figures are called. */
const LINES = [
  { line: 'some', total: 'memory_stall_us', average: 'memory' },
  { line: 'full', total: 'memory_full_us', average: 'memory_full' },
] as const;

/** Pressure of memory, of the machine and of the groups. */
function pressure({ a, b }: MemoryRecording, after: PressureResult, before: PressureResult): Figure[] {
  const machine = pressureFigures(ALL_TASKS, systemPressure(a), systemPressure(b), after.root, before.root);
  const groups = Object.keys(a.cgroups).filter((name) => name !== 'root');
  return [
    ...machine,
    ...groups.flatMap((name) =>
      pressureFigures(`cgroup ${name}`, groupPressure(a, name), groupPressure(b, name), after[name], before[name]),
    ),
  ];
}

interface PressureSpan {
  start: RecordedPressure;
  end: RecordedPressure;
}

const systemPressure = (boot: RecordedSummary): PressureSpan => ({
  start: boot.pressure_memory_start,
  end: boot.pressure_memory_end,
});

function groupPressure({ cgroups }: RecordedSummary, name: string): PressureSpan | null {
  const { 'memory.pressure_start': start, 'memory.pressure_end': end } = cgroups[name] ?? {};
  return start === undefined || end === undefined ? null : { start, end };
}

function pressureFigures(
  task: string,
  a: PressureSpan | null,
  b: PressureSpan | null,
  after: PressureResult[string] | undefined,
  before: PressureResult[string] | undefined,
): Figure[] {
  if (a === null || b === null || after === undefined || before === undefined) return [];
  return LINES.flatMap(({ line, total, average }): Figure[] => {
    const grown = ({ start, end }: PressureSpan): number => end[line].total - start[line].total;
    return [
      {
        task,
        metric: total,
        a: grown(a),
        b: grown(b),
        simulated: (after.memory[line].totalNs - before.memory[line].totalNs) / 1000,
      },
      ...(['avg10', 'avg60', 'avg300'] as const).map((window): Figure => {
        const metric = `${average}_${window}_pct` as const;
        return { task, metric, a: a.end[line][window], b: b.end[line][window], simulated: after.memory[line][window] };
      }),
    ];
  });
}

/** At how many free pages kswapd was woken, and went to sleep, in the median. */
function kswapd({ a, b }: MemoryRecording, { histograms, zones }: MemoryResult): Figure[] {
  const batch = zones.at(-1)?.pcpBatch ?? 0;
  const median = (histogram: HistogramData | undefined): number | null =>
    histogram === undefined || histogram.count === 0 ? null : quantileNs(histogram, 0.5);
  const figure = (metric: MemoryMetric, what: 'free_at_wakeup_call' | 'free_at_run_end', name: string): Figure => ({
    task: ALL_TASKS,
    metric,
    a: a.kswapd[what].total.p50 ?? null,
    b: b.kswapd[what].total.p50 ?? null,
    simulated: median(histograms[name]),
    samples: a.kswapd[what].total.n,
    slack: batch,
  });
  return [
    figure('kswapd_wakes_at_pages', 'free_at_wakeup_call', 'freeAtWakeup'),
    figure('kswapd_stops_at_pages', 'free_at_run_end', 'freeAtRunEnd'),
  ];
}

/** What was dirtied and written, how full of dirty pages memory was, and how writers were held up. */
function writeback({ scenario, a, b }: MemoryRecording, result: Result): Figure[] {
  const { memory, memoryBefore } = result;
  const [ofA, ofB] = [a.balance_dirty_pages, b.balance_dirty_pages];
  if (memory === undefined || ofA === undefined || ofB === undefined || ofA.n === 0) return [];
  const delta = (name: string): number => (memory.vmstat[name] ?? 0) - (memoryBefore?.vmstat[name] ?? 0);
  const figure = (metric: MemoryMetric, inA: number | null, inB: number | null, simulated: number): Figure => ({
    task: ALL_TASKS,
    metric,
    a: inA,
    b: inB,
    simulated,
  });
  const vmstat = (name: 'nr_dirtied' | 'nr_written'): Figure =>
    figure(name, a.vmstat_delta[name] ?? 0, b.vmstat_delta[name] ?? 0, delta(name));
  const level = (of: typeof ofA): number => median(of.samples.map(([, , { dirty }]) => dirty));
  const levels = memory.histograms.dirtyAtBalance;
  return [
    vmstat('nr_dirtied'),
    vmstat('nr_written'),
    {
      ...figure('dirty_level_pages', level(ofA), level(ofB), levels === undefined ? 0 : quantileNs(levels, 0.5)),
      samples: ofA.samples.length,
    },
    figure('dirty_balances', ofA.n, ofB.n, delta('dirty_balances')),
    figure('dirty_pauses', ofA.paused_gt0, ofB.paused_gt0, delta('dirty_pauses')),
    figure('dirty_paused_ms', ofA.pause_ms.sum ?? 0, ofB.pause_ms.sum ?? 0, delta('dirty_paused_ms')),
    ...scenario.tasks.flatMap((task): Figure[] => {
      if (task.behaviour !== 'write') return [];
      const pages = (boot: RecordedSummary): number => boot.tasks.find(({ name }) => name === task.name)?.pages ?? 0;
      const writes = result.recorders.find(({ task: of, recorder }) => of === task.name && recorder === OPERATIONS);
      const written = (writes?.latency.count ?? 0) * task.chunk_pages;
      return [{ ...figure('written_by_task_pages', pages(a), pages(b), written), task: task.name }];
    }),
  ];
}

function median(values: number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Where nothing is reclaimed, tasks sleep for memory.high, one sleep after another: how many of them are as long as recorded. */
function sleeps(recording: MemoryRecording, result: Result, t0Ns: number): Figure[] {
  const { scenario, a } = recording;
  if (!sleepsUndisturbed(recording)) return [];
  return scenario.tasks.flatMap(({ name }): Figure[] => {
    const recorded = a.tasks.find((task) => task.name === name)?.slow_t_us_idx_ns.map((slow) => slow[2] ?? 0) ?? [];
    if (recorded.length === 0) return [];
    const simulated = result.trace.flatMap((event) =>
      event.event === 'record' && event.task === name && event.at >= t0Ns && event.latencyNs >= SLOW_NS
        ? [event.latencyNs]
        : [],
    );
    const same = recorded.filter((ns, i) => Math.abs(ns - (simulated[i] ?? 0)) <= SAME_SLEEP_NS).length;
    return [{ task: name, metric: 'high_sleeps', a: recorded.length, b: recorded.length, simulated: same }];
  });
}

/** A group with memory.high whose pages cannot be reclaimed, and nobody who reads its files meanwhile. */
export function sleepsUndisturbed({ scenario }: MemoryRecording): boolean {
  const isHigh = scenario.cgroups.some((group) => group['memory.high'] !== undefined);
  return isHigh && scenario.swap === 'none' && scenario.sample_ms >= 1000;
}

/** Who was killed, in order: how many of the recorded victims the simulation kills in their place. */
function victims({ a, b }: MemoryRecording, result: Result): Figure[] {
  const inOrder = (boot: RecordedSummary): string[] =>
    boot.oom_events.flatMap(([, event, text]) => (event === 'mark_victim' ? [/comm=(\S+)/.exec(text)?.[1] ?? ''] : []));
  const recorded = inOrder(a);
  const simulated = result.trace.flatMap((event) => (event.event === 'oom' ? [event.task] : []));
  if (recorded.length === 0 && simulated.length === 0) return [];
  const same = recorded.filter((name, i) => name === simulated[i]).length;
  const extra = Math.max(0, simulated.length - recorded.length);
  return [{ task: ALL_TASKS, metric: 'oom_kills', a: recorded.length, b: inOrder(b).length, simulated: same - extra }];
}

/** Times of operations, in the buckets of the recordings: four an octave. */
function operations({ a, b }: MemoryRecording, result: Result): Figure[] {
  return a.tasks.flatMap((task): Figure[] => {
    const other = b.tasks.find(({ name }) => name === task.name);
    const latency = result.recorders.find(
      (recorder) => recorder.task === task.name && recorder.recorder === OPERATIONS,
    )?.latency;
    if (task.p50_ns === undefined || latency === undefined) return [];
    const samples = Object.values(task.hist_ns_bucket_floor).reduce((sum, n) => sum + n, 0);
    const quantile = (q: number): number | null => (latency.count === 0 ? null : bucketFloor(quantileNs(latency, q)));
    const figure = (metric: MemoryMetric, field: 'p50_ns' | 'p99_ns', q: number): Figure => ({
      task: task.name,
      metric,
      a: task[field] ?? null,
      b: other?.[field] ?? null,
      simulated: quantile(q),
      samples,
    });
    return [figure('operation_p50_ns', 'p50_ns', 0.5), figure('operation_p99_ns', 'p99_ns', 0.99)];
  });
}

/** mem.c's buckets: below 8 exact, then four an octave. */
function bucketFloor(ns: number): number {
  if (ns < 8) return Math.floor(ns);
  const octave = 2 ** Math.floor(Math.log2(ns));
  return octave + Math.floor((4 * (ns - octave)) / octave) * (octave / 4);
}

function judge(recording: MemoryRecording, { task, metric, a, b, simulated, samples, slack }: Figure): ValidationRow[] {
  const rule = MEMORY_RULES[metric];
  if (a === null && simulated === null) return [];
  if ((a ?? 0) === 0 && (simulated ?? 0) === 0) return [];
  const row = { ...keysOf(recording), task, metric, samples: samples ?? a ?? 0, recorded: a, simulated };
  if (Math.max(samples ?? a ?? 0, samples ?? simulated ?? 0) < rule.minSamples) {
    const note = `fewer than ${rule.minSamples}`;
    return [{ ...row, difference: null, tolerance: null, verdict: 'not measured', note }];
  }
  const recorded = a ?? 0;
  const tolerance = rounded(rule.tolerance(recorded) + Math.abs(recorded - (b ?? recorded)) + (slack ?? 0));
  if (simulated === null) return [{ ...row, difference: null, tolerance, verdict: 'disagree', note: 'no samples' }];
  const difference = rounded(simulated - recorded);
  const verdict = Math.abs(difference) <= tolerance ? 'agree' : 'disagree';
  return [{ ...row, simulated: rounded(simulated), difference, tolerance, verdict, note: null }];
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
