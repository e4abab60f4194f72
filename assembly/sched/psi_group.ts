/** The records of pressure: what each CPU counts of a group, and what becomes of it (include/linux/psi_types.h). psi.ts and psi_avgs.ts fill them. */
import { at } from '../base/arena';

/** States of a CPU in a group (enum psi_states): bit numbers of stateMask, indices of times. */
export namespace Psi {
  export const IO_SOME: u32 = 0;
  export const IO_FULL: u32 = 1;
  export const MEM_SOME: u32 = 2;
  export const MEM_FULL: u32 = 3;
  export const CPU_SOME: u32 = 4;
  export const CPU_FULL: u32 = 5;
  /** That many have a total and averages. */
  export const REPORTED: u32 = 6;
  export const NONIDLE: u32 = 6;
  export const COUNT: u32 = 7;
  /** Some task of the group is on the CPU. */
  export const ONCPU: u32 = 7;
}

/** What a CPU has counted of a group. */
@unmanaged
export class PsiGroupCpu {
  nrIowait: u32;
  nrMemstall: u32;
  nrRunning: u32;
  nrMemstallRunning: u32;
  stateMask: u32;
  /** Since when it has been in these states. */
  stateStart: u64;
  /** Time in each state, and as of the last time that it was collected: address of u64[Psi.COUNT]. */
  times: usize;
  collected: usize;
}

/** A cgroup, or the whole machine, which has no parent. */
@unmanaged
export class PsiGroup {
  parent: PsiGroup;
  /** Address of PsiGroupCpu[nrCpus]. */
  cpus: usize;
  /** When its CPUs are collected next; NEVER: its clock stands still. And on which CPU that is done. */
  clockAt: u64;
  clockCpu: u32;
  lastUpdate: u64;
  nextUpdate: u64;
  /** Address of u64[Psi.REPORTED]: stalled so long, and how much of that the averages know. */
  totals: usize;
  averaged: usize;
  /** Address of u64[Psi.REPORTED][3]: over 10, 60 and 300 seconds. */
  averages: usize;
}

export function psiCpuOf(group: PsiGroup, cpu: u32): PsiGroupCpu {
  return at<PsiGroupCpu>(group.cpus, cpu);
}

/** A clock that stands still. */
export const NEVER: u64 = u64.MAX_VALUE;
