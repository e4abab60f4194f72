/**
 * A CPU as hardware: which timer and work it is armed for, how deep it sleeps. The scheduler's half is sched/rq.ts, which extends it.
 */
import { at } from '../base/arena';
import { Distribution, sample } from '../base/random';
import { RbTree } from '../base/rbtree';
import { Event } from '../base/wheel';
import { Kernel } from './kernels';
import { HrTimer } from './timer';
import { machine } from './machine';
import { Vcpu } from '../virt/vcpu';

/** An idle state of the processor (cpuidle). */
@unmanaged
export class IdleState {
  exitLatencyNs: u64;
  targetResidencyNs: u64;
}

/** A source of interference: device interrupts (`preemptOff` false, interrupts off) or kernel work that only interrupts may enter. */
@unmanaged
export class NoiseSource {
  interval: Distribution;
  length: Distribution;
  preemptOff: bool;
}

@unmanaged
export class Cpu {
  /** Its number in its kernel. */
  id: u32;
  /** Part of the pass that ends the current instant. */
  touched: bool;
  /** A guest's: its thread is not in guest mode, so that no time passes here. */
  stopped: bool;
  /** Its number among the CPUs of all kernels. */
  index: u16;
  nextTouched: Cpu;
  kernel: Kernel;
  /** Local time within the current instant. */
  now: u64;
  /** Interrupts are off until then: events of this CPU wait. */
  kernelUntil: u64;
  /** When the running segment (task, kernel section or idle) last went on. */
  segmentBegin: u64;
  /** How fast its task works: it shares a core (segment.ts). */
  speed: u64;
  /** What is left of a kernel section on top of the current task; it cannot be preempted. */
  sectionRemaining: u64;
  clockevent: Event;
  segmentEnd: Event;
  ipi: Event;
  /** Address of Event[nrNoise], and of their random streams u64[nrNoise]. */
  noiseEvents: usize;
  noiseStreams: usize;
  timers: RbTree;
  tick: HrTimer;
  /** What it is for its host, if it is a guest's CPU. */
  vcpu: Vcpu;
  /** Exit latency of the idle state it is in. */
  idleExitNs: u64;
  idleSince: u64;
  /** Moving average of idle lengths, weight 1/8, for the choice of an idle state. */
  avgIdleNs: u64;
  /** The guest's CPU that is in guest mode here, if it is a host's CPU. */
  guest: Vcpu;
}

/**
 * Chooses an idle state as the menu governor does in essence: the deepest whose target residency fits the predicted idle time, the
 * prediction being the recent average, or the next timer if that is near enough to be in the CPU's queue (cpuidle.rst; simplified).
 */
export function enterIdle(cpu: Cpu, now: u64): void {
  cpu.idleSince = now;
  cpu.idleExitNs = 0;
  if (machine.nrIdleStates == 0) return;
  const next = cpu.timers.leftmost;
  const untilTimer = next == null ? u64.MAX_VALUE : next.key > now ? next.key - now : 0;
  const predicted = min(untilTimer, cpu.avgIdleNs);
  for (let i: u32 = 0; i < machine.nrIdleStates; i++) {
    const state = at<IdleState>(machine.idleStates, i);
    if (i > 0 && state.targetResidencyNs > predicted) break;
    cpu.idleExitNs = state.exitLatencyNs;
  }
}

/** Leaves the idle state; returns what waking up costs. */
export function exitIdle(cpu: Cpu, now: u64): u64 {
  const length = now - cpu.idleSince;
  cpu.avgIdleNs = cpu.avgIdleNs - (cpu.avgIdleNs >> 3) + (length >> 3);
  return cpu.idleExitNs;
}

/** Arms the next occurrence of a noise source after `from`. */
export function armNoise(cpu: Cpu, index: u32, from: u64): void {
  const source = at<NoiseSource>(machine.noise, index);
  const interval = sample(source.interval, cpu.noiseStreams + (index << 3));
  machine.wheel.insert(
    changetype<Event>(load<usize>(cpu.noiseEvents + (index << alignof<usize>()))),
    from + max(interval, 1),
  );
}
