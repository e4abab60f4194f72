/**
 * What the recorded programs spend in system calls that steps do not have: medians of the recordings, less what the step costs anyway.
 */

/** In ns. */
export interface ProgramCosts {
  /** fork(2) in the parent. */
  forkNs: number;
  /** A child's first page faults and its exit. */
  childNs: number;
  /** A write to a pipe and a read from it, over system calls that do nothing. */
  writeNs: number;
  readNs: number;
}

/** By recorded kernel: run segments of S17's forker and children; S18's rounds, of 6.12 those in which the writer goes on to sleep. */
const COSTS: Readonly<Record<string, ProgramCosts>> = {
  'linux-6.1': { forkNs: 67_500, childNs: 122_000, writeNs: 760, readNs: 0 },
  'linux-6.12': { forkNs: 81_500, childNs: 132_000, writeNs: 310, readNs: 690 },
  'tk3-4.14': { forkNs: 36_300, childNs: 71_600, writeNs: 0, readNs: 0 },
};

/** Costs of programs under a kernel; of an unknown one, none. */
export function programCosts(kernel: string): ProgramCosts {
  return COSTS[kernel] ?? { forkNs: 0, childNs: 0, writeNs: 0, readNs: 0 };
}
