/**
 * The pressure behind a recorder: for how much of the run some task of its group was stalled, or all that had something to do; of the machine, where
 * its task is in no group. A scenario has them if its pressure is observed.
 */
import type { Scenario } from '../scenario/scenario.js';
import type { RecorderResult, Result } from './result.js';

/** Columns of scenarios whose pressure is observed, in percent of the run. `stall`: for memory. */
export const PRESSURE_COLUMNS = [
  'group_stall_pct',
  'group_stall_full_pct',
  'group_io_some_pct',
  'group_io_full_pct',
  'group_cpu_some_pct',
  'group_cpu_full_pct',
] as const;

export type PressureColumn = (typeof PRESSURE_COLUMNS)[number];
export type PressureColumns = Partial<Record<PressureColumn, number | null>>;

/** Figures of one recorder; none where pressure is not observed. */
export function pressureFigures(
  scenario: Scenario,
  { pressure, durationNs }: Result,
  recorder: RecorderResult,
): PressureColumns {
  const cgroup = scenario.tasks.find(({ name }) => name === recorder.task)?.cgroup ?? 'root';
  const group = pressure?.[cgroup];
  if (group === undefined) return {};
  const share = ({ totalNs }: { totalNs: number }) => (100 * totalNs) / durationNs;
  const { memory, io, cpu } = group;
  return {
    group_stall_pct: share(memory.some),
    group_stall_full_pct: share(memory.full),
    group_io_some_pct: share(io.some),
    group_io_full_pct: share(io.full),
    group_cpu_some_pct: share(cpu.some),
    group_cpu_full_pct: share(cpu.full),
  };
}
