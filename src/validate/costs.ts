/**
 * What the recorded programs spend in system calls that steps do not have: medians of the recordings, less what the step costs anyway.
 */

/** In ns. */
export interface ProgramCosts {
  /** fork(2) in the parent. */
  forkNs: number;
  /** A child's first page faults and its exit. */
  childNs: number;
  /** A write or read of a pipe, over a system call that does nothing. */
  pipeNs: number;
}

/** By recorded kernel: run segments of S17's forker and children, and of S18's pingers. */
const COSTS: Readonly<Record<string, ProgramCosts>> = {
  'linux-6.1': { forkNs: 67_500, childNs: 122_000, pipeNs: 760 },
  'linux-6.12': { forkNs: 81_500, childNs: 132_000, pipeNs: 0 },
  'tk3-4.14': { forkNs: 36_300, childNs: 71_600, pipeNs: 0 },
};

/** Costs of programs under a kernel; of an unknown one, none. */
export function programCosts(kernel: string): ProgramCosts {
  return COSTS[kernel] ?? { forkNs: 0, childNs: 0, pipeNs: 0 };
}
