/** Pressure stall information as the simulated kernel counts it: which numbers there are, and when they are read. */
import type { PressureFigures, PressureResult } from '../results/result.js';
import type { Scenario } from '../scenario/scenario.js';
import type { KernelExports } from './exports.js';

/** The `some` states of Psi in assembly/sched/psi_group.ts; each one's `full` comes next. */
const PSI_IO = 0;
const PSI_MEM = 2;
const PSI_CPU = 4;

/** Whether a scenario's pressure is observed: where it asks for it, or where memory is simulated. */
export const observesPressure = ({ psi, memory }: Pick<Scenario, 'psi' | 'memory'>): boolean =>
  psi ?? memory !== undefined;

/**
 * Reads the files of the machine and of all groups at a time, which brings them up to date; a line's numbers are those of psiNumber in
 * assembly/sched/psi_avgs.ts. `groups`: in the order of their numbers.
 */
export function readPressure(kernel: KernelExports, groups: readonly string[], nowNs: number): PressureResult {
  kernel.readPressure(nowNs);
  const line = (group: number, state: number): PressureFigures => {
    const number = (what: number): number => kernel.pressure(group, state, what);
    return { totalNs: number(0), avg10: number(1), avg60: number(2), avg300: number(3) };
  };
  const lines = (group: number, some: number) => ({ some: line(group, some), full: line(group, some + 1) });
  return Object.fromEntries(
    ['root', ...groups].map((name, group) => [
      name,
      { io: lines(group, PSI_IO), memory: lines(group, PSI_MEM), cpu: lines(group, PSI_CPU) },
    ]),
  );
}
