/**
 * The figures of memory behind a recorder: whose operations it times, how many there were, and what memory cost its group and the machine. A
 * scenario has them if its memory is simulated.
 */
import type { Scenario } from '../scenario/scenario.js';
import type { RecorderResult, Result } from './result.js';

/** Columns of scenarios with memory; a CSV has them if a row has them. */
export const MEMORY_COLUMNS = [
  /** cgroup.priority of the task's group. */
  'priority',
  'ops_per_s',
  'group_refaults_per_s',
  'group_oom_kills',
  /** Of the machine: direct reclaims, and CPU time of kswapd and of RUE's threads in percent of one CPU. */
  'direct_reclaims_per_s',
  'kswapd_cpu_pct',
  'rue_cpu_pct',
] as const;

export type MemoryColumn = (typeof MEMORY_COLUMNS)[number];
export type MemoryFigures = Partial<Record<MemoryColumn, number | null>>;

/** Names of the kernel's threads, as src/kernel gives them. */
export interface MemoryThreads {
  kswapd: string;
  rue: readonly string[];
}

/** Figures of one recorder; none where memory is not simulated. `priority`: of each group. */
export function memoryFigures(
  scenario: Scenario,
  { memory, tasks, durationNs }: Result,
  recorder: RecorderResult,
  priorityOf: (group: string) => number,
  threads: MemoryThreads,
): MemoryFigures {
  if (memory === undefined) return {};
  const seconds = durationNs / 1e9;
  const cgroup = scenario.tasks.find(({ name }) => name === recorder.task)?.cgroup ?? null;
  const group = memory.groups[cgroup ?? 'root'] ?? {};
  const of = (name: string): number => group[name] ?? 0;
  const cpuPct = (names: readonly string[]): number =>
    (100 * tasks.reduce((sum, { name, cpuNs }) => sum + (names.includes(name) ? cpuNs : 0), 0)) / durationNs;
  return {
    priority: cgroup === null ? 0 : priorityOf(cgroup),
    ops_per_s: recorder.latency.count / seconds,
    group_refaults_per_s: (of('refaultsAnon') + of('refaultsFile')) / seconds,
    group_oom_kills: of('oom_kill'),
    direct_reclaims_per_s: (memory.vmstat.allocstall ?? 0) / seconds,
    kswapd_cpu_pct: cpuPct([threads.kswapd]),
    rue_cpu_pct: cpuPct(threads.rue),
  };
}
