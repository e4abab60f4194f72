/**
 * Sets of CPUs that a decision would otherwise have to search for, one bit a CPU. `idle` is exact; the `overloaded` sets may hold
 * CPUs that no longer are, which whoever looks takes out.
 */
import { allocateBytes } from '../base/arena';
import { machine } from '../machine/machine';
import { OWN, Part } from '../machine/own';

@unmanaged
export class Masks {
  /** Words of a mask. */
  words: u32;
  nrIdle: u32;
  /** Runnable BT and SCHED_IDLE tasks: without any, a busy CPU is as good as idle to nobody. */
  nrYielding: u32;
  idle: usize;
  /** More than one fair task, or one behind a higher class. */
  fair: usize;
  /** More than one deadline task; and none, which is exact. */
  dl: usize;
  dlFree: usize;
  rt: usize;
  vmf: usize;
  /** BT tasks that do not run. */
  bt: usize;
}

export const masks: Masks = changetype<Masks>(OWN + Part.MASKS);

export function newMasks(): void {
  masks.words = (machine.nrCpus + 63) >> 6;
  const bytes = masks.words << 3;
  masks.idle = allocateBytes(bytes);
  masks.fair = allocateBytes(bytes);
  masks.dl = allocateBytes(bytes);
  masks.dlFree = allocateBytes(bytes);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) setBit(masks.dlFree, cpu);
  masks.rt = allocateBytes(bytes);
  masks.vmf = allocateBytes(bytes);
  masks.bt = allocateBytes(bytes);
}

export function setBit(mask: usize, cpu: u32): void {
  const word = mask + ((cpu >> 6) << 3);
  store<u64>(word, load<u64>(word) | ((<u64>1) << (cpu & 63)));
}

export function clearBit(mask: usize, cpu: u32): void {
  const word = mask + ((cpu >> 6) << 3);
  store<u64>(word, load<u64>(word) & ~((<u64>1) << (cpu & 63)));
}

export function hasBit(mask: usize, cpu: u32): bool {
  return ((load<u64>(mask + ((cpu >> 6) << 3)) >> (cpu & 63)) & 1) != 0;
}

/** First CPU in [begin, end) that is in both masks, or −1. */
export function firstCommon(a: usize, b: usize, begin: u32, end: u32): i32 {
  let cpu = begin;
  while (cpu < end) {
    const offset = (cpu >> 6) << 3;
    const word = (load<u64>(a + offset) & load<u64>(b + offset)) >> (cpu & 63);
    if (word != 0) {
      const found = cpu + <u32>ctz(word);
      return found < end ? <i32>found : -1;
    }
    cpu = ((cpu >> 6) + 1) << 6;
  }
  return -1;
}

/** First CPU of a mask in [begin, end), or −1. */
export function firstIn(mask: usize, begin: u32, end: u32): i32 {
  return firstCommon(mask, mask, begin, end);
}

/** A CPU's cache domain begins here. */
export function llcBegin(cpu: u32): u32 {
  return (cpu / machine.cpusPerLlc) * machine.cpusPerLlc;
}

/** A CPU's cache domain ends before this. */
export function llcEnd(cpu: u32): u32 {
  return min(llcBegin(cpu) + machine.cpusPerLlc, machine.nrCpus);
}

/** The first hyper-thread of a CPU's core. */
export function coreBegin(cpu: u32): u32 {
  return cpu - (cpu % machine.threadsPerCore);
}

/** A CPU's hyper-threads end before this. */
export function coreEnd(cpu: u32): u32 {
  return coreBegin(cpu) + machine.threadsPerCore;
}
