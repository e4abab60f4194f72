/** Pressure stall information as the simulated kernel counts it: which numbers there are, and when they are read. */
import type { PressureFigures, PressureResult } from '../results/result.js';
import type { Scenario } from '../scenario/scenario.js';
import type { KernelExports } from './exports.js';

/** Files of /proc/pressure and their lines, in the order of Psi in assembly/sched/psi.ts. */
const FILES = ['io', 'memory', 'cpu'] as const;
const LINES = ['some', 'full'] as const;
/** In the order of psiNumber in assembly/sched/psi_avgs.ts. */
const NUMBERS = ['totalNs', 'avg10', 'avg60', 'avg300'] as const;

/** Whether a scenario's pressure is observed: where it asks for it, or where memory is simulated. */
export const observesPressure = ({ psi, memory }: Pick<Scenario, 'psi' | 'memory'>): boolean =>
  psi ?? memory !== undefined;

/** Reads the files of the machine and of all groups at a time, which brings them up to date. `groups`: in the order of their numbers. */
export function readPressure(kernel: KernelExports, groups: readonly string[], nowNs: number): PressureResult {
  kernel.readPressure(nowNs);
  const figures = (group: number, state: number): PressureFigures =>
    Object.fromEntries(
      NUMBERS.map((name, what) => [name, kernel.pressure(group, state, what)]),
    ) as unknown as PressureFigures;
  return Object.fromEntries(
    ['root', ...groups].map((name, group) => [
      name,
      Object.fromEntries(
        FILES.map((file, i) => [
          file,
          Object.fromEntries(LINES.map((line, j) => [line, figures(group, i * LINES.length + j)])),
        ]),
      ),
    ]),
  ) as unknown as PressureResult;
}
