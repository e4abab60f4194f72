/**
 * Several kernels share the simulated hardware: the host's, and one a guest. What a kernel has for itself (its machine, its tunables, its
 * sets of CPUs, its classes) lies in one block at a fixed address, which makes it as cheap as global variables; when an event
 * is another kernel's than the last, the whole block is swapped. Without guests that never happens.
 *
 *   OWN ┌ Machine, its own part    ┬ Masks ┬ Topology ┬ Balance ─ ┬ Groups ┬ SchedClass[] ┬ Tunables ┐ OWN_BYTES
 *       └───────────────────────────┴───────┴──────────┴───────────┴────────┴──────────────┴──────────┘
 */
import { allocate, allocateBytes } from '../base/arena';
import { machine } from './machine';
import { OWN, OWN_BYTES } from './own';

/** A simulated kernel. */
@unmanaged
export class Kernel {
  index: u32;
  /** Its CPUs are these of all, in order. */
  firstCpu: u32;
  nrCpus: u32;
  /** Where its block lies while another kernel is at work. */
  away: usize;
}

/** A kernel that has nothing yet; from now on it is the one at work. */
export function newKernel(index: u32, firstCpu: u32, nrCpus: u32): Kernel {
  const kernel = allocate<Kernel>();
  kernel.index = index;
  kernel.firstCpu = firstCpu;
  kernel.nrCpus = nrCpus;
  kernel.away = allocateBytes(OWN_BYTES);
  if (machine.kernel == null) machine.kernel = kernel;
  else useKernel(kernel);
  return kernel;
}

/** Lets a kernel be at work. */
export function useKernel(kernel: Kernel): void {
  if (kernel != machine.kernel) swapKernel(kernel);
}

function swapKernel(kernel: Kernel): void {
  memory.copy(machine.kernel.away, OWN, OWN_BYTES);
  memory.copy(OWN, kernel.away, OWN_BYTES);
  machine.kernel = kernel;
}
