/**
 * Reads what the simulated kernel observed out of its memory: histograms, samples a thread, the trace ring.
 */
import type { HistogramData, MemoryResult, ThreadSamples, TraceEvent } from '../results/result.js';
import type { KernelExports } from './exports.js';
import { MEMCG_NUMBERS, MEMORY_HISTOGRAMS, MEMORY_LEVELS, VMSTAT, ZONE_NUMBERS } from './memory.js';
import { QOS_NUMBERS, RUE_NUMBERS } from './rue.js';

/** Order of `specNumber` in assembly/kernel.ts. */
export const SPEC_NUMBERS = [
  'cpuNs',
  'waitNs',
  'voluntarySwitches',
  'involuntarySwitches',
  'wakeups',
  'migrations',
  'forcedIdleNs',
] as const;

/** Order of `cpuNumber` in assembly/kernel.ts. */
export const CPU_NUMBERS = ['idleNs', 'irqNs', 'switches', 'ticks', 'migrationsIn', 'forcedIdleNs'] as const;

/** Order of `vcpuNumber` in assembly/kernel.ts. */
export const VCPU_NUMBERS = ['haltedNs', 'stealNs', 'hostNs', 'exits', 'halts', 'polls'] as const;

/** Buckets of assembly/base/histogram.ts. */
const BUCKETS = (36 << 7) + (2 << 7);
/** Bytes of assembly/observe/recorder.ts ThreadSamples and assembly/observe/trace.ts TraceEntry. */
const THREAD_BYTES = 64;
const TRACE_BYTES = 32;

/** Views over the kernel's memory. Nobody else looks into it. */
export class Memory {
  readonly #words: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.#words = new Uint32Array(memory.buffer);
  }

  u32(address: number): number {
    return this.#words[address >>> 2] ?? 0;
  }

  /** A u64 below 2⁵³. */
  u64(address: number): number {
    return this.u32(address + 4) * 2 ** 32 + this.u32(address);
  }

  words(address: number, count: number): Uint32Array {
    return this.#words.slice(address >>> 2, (address >>> 2) + count);
  }

  /** Record Histogram: count, sum, min, max as u64, then the buckets' address. */
  histogram(address: number): HistogramData {
    const count = this.u64(address);
    const buckets: HistogramData['buckets'] = [];
    if (count > 0) {
      const words = this.words(this.u32(address + 32), BUCKETS);
      words.forEach((n, index) => {
        if (n !== 0) buckets.push([index, n]);
      });
    }
    return {
      count,
      sumNs: this.u64(address + 8),
      minNs: count > 0 ? this.u64(address + 16) : 0,
      maxNs: this.u64(address + 24),
      buckets,
    };
  }

  /** Record ThreadSamples: count, sum, min, max as u64, then the bins' address. */
  threads(address: number, count: number, binsUs: number): ThreadSamples[] {
    return Array.from({ length: count }, (_, index) => {
      const at = address + index * THREAD_BYTES;
      const samples = this.u64(at);
      return {
        count: samples,
        sumUs: this.u64(at + 8),
        minUs: samples > 0 ? this.u64(at + 16) : 0,
        maxUs: this.u64(at + 24),
        microseconds: this.words(this.u32(at + 32), binsUs),
      };
    });
  }
}

/** Counters, levels and histograms of the memory side. `groups`: names in the order of their numbers. */
export function readMemory(
  kernel: KernelExports,
  memory: Memory,
  groups: readonly string[],
  rue: boolean,
): MemoryResult {
  const numbers = (names: readonly string[], read: (what: number) => number): Record<string, number> =>
    Object.fromEntries(names.map((name, what) => [name, read(what)]));
  const levels = numbers(MEMORY_LEVELS, (what) => kernel.memoryLevel(what));
  return {
    vmstat: numbers(VMSTAT, (what) => kernel.vmstat(what)),
    levels,
    zones: Array.from({ length: levels.zones ?? 0 }, (_, zone) =>
      numbers(ZONE_NUMBERS, (what) => kernel.zone(zone, what)),
    ),
    groups: Object.fromEntries(
      ['root', ...groups].map((name, index) => [name, numbers(MEMCG_NUMBERS, (what) => kernel.memcg(index, what))]),
    ),
    histograms: Object.fromEntries(
      MEMORY_HISTOGRAMS.map((name, what) => [name, memory.histogram(kernel.memoryHistogram(what))]),
    ),
    ...(rue
      ? {
          rue: numbers(RUE_NUMBERS, (what) => kernel.rue(what)),
          qos: Object.fromEntries(
            ['root', ...groups].map((name, index) => [name, numbers(QOS_NUMBERS, (what) => kernel.qos(index, what))]),
          ),
        }
      : {}),
  };
}

/** Names for the numbers in a trace. */
export interface TraceNames {
  task: (id: number) => string;
  noise: (source: number) => string;
  recorder: (index: number) => string;
  group: (index: number) => string | null;
}

const PREV_STATES = ['S', 'R+', 'R', 'X'] as const;
const HELD = [null, 'kernel', 'softirq'] as const;
const BLOCKED = ['page', 'high', 'speed', 'dirty', 'device'] as const;
const RANKS = ['stop', 'deadline', 'rt', 'vmf', 'fair', 'bt', 'idle'] as const;

/** The trace ring's entries, oldest first. */
export function readTrace(memory: Memory, kernel: KernelExports, capacity: number, names: TraceNames): TraceEvent[] {
  const written = kernel.traceWritten();
  const kept = Math.min(written, capacity);
  const begin = kernel.traceEntries();
  const events: TraceEvent[] = [];
  for (let i = written - kept; i < written; i++) {
    const entry = begin + (i % capacity) * TRACE_BYTES;
    const kindAndCpu = memory.u32(entry + 8);
    const base = { at: memory.u64(entry), cpu: kindAndCpu >>> 16 };
    const a = memory.u32(entry + 12);
    const b = memory.u32(entry + 16);
    const flags = memory.u32(entry + 20);
    const value = memory.u64(entry + 24);
    switch (kindAndCpu & 0xffff) {
      case 0:
        events.push({
          ...base,
          event: 'switch',
          prev: names.task(a),
          prevState: PREV_STATES[flags as 0 | 1 | 2 | 3],
          next: names.task(b),
        });
        break;
      case 1:
        events.push({ ...base, event: 'waking', task: names.task(a), target: b });
        break;
      case 2:
        events.push({ ...base, event: 'wakeup', task: names.task(a), target: b, held: HELD[flags as 0 | 1 | 2] });
        break;
      case 3:
        events.push({ ...base, event: 'migrate', task: names.task(a), from: b, to: flags });
        break;
      case 4:
        events.push({ ...base, event: 'irq', source: names.noise(a), lengthNs: value });
        break;
      case 5:
        events.push({
          ...base,
          event: 'throttle',
          what: `${RANKS[a] ?? a} ${flags === 1 ? 'throttled' : 'unthrottled'}`,
        });
        break;
      case 7:
        events.push({ ...base, event: 'oom', task: names.task(a) });
        break;
      case 8:
        events.push({
          ...base,
          event: 'reclaim',
          task: names.task(a),
          group: names.group(b),
          begins: flags === 1,
          pages: value,
        });
        break;
      case 9:
        events.push({ ...base, event: 'blocked', task: names.task(a), on: BLOCKED[flags as 0 | 1 | 2 | 3 | 4] });
        break;
      default:
        events.push({
          ...base,
          event: 'record',
          task: names.task(a),
          recorder: names.recorder(b),
          latencyNs: value,
        });
    }
  }
  // CPUs write at their local times, which run a little ahead of each other.
  return events.sort((x, y) => x.at - y.at);
}
