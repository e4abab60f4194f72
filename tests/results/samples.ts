/** Observations made by hand, for tests. */
import { bucketOf } from '../../src/results/histogram.js';
import type { HistogramData, RecorderResult, Result, ThreadSamples } from '../../src/results/result.js';

export function histogramOf(valuesNs: readonly number[]): HistogramData {
  const counts = new Map<number, number>();
  for (const value of valuesNs) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1);
  return {
    count: valuesNs.length,
    sumNs: valuesNs.reduce((a, b) => a + b, 0),
    minNs: valuesNs.length > 0 ? Math.min(...valuesNs) : 0,
    maxNs: valuesNs.length > 0 ? Math.max(...valuesNs) : 0,
    buckets: [...counts].sort(([a], [b]) => a - b),
  };
}

export function threadOf(valuesUs: readonly number[], binsUs: number): ThreadSamples {
  const microseconds = new Uint32Array(binsUs);
  for (const us of valuesUs) if (us < binsUs) microseconds[us] = (microseconds[us] ?? 0) + 1;
  return {
    count: valuesUs.length,
    sumUs: valuesUs.reduce((a, b) => a + b, 0),
    minUs: Math.min(...valuesUs),
    maxUs: Math.max(...valuesUs),
    microseconds,
  };
}

export function recorderOf(valuesNs: readonly number[], threads: ThreadSamples[] = []): RecorderResult {
  const latency = histogramOf(valuesNs);
  return {
    task: 'vcpu',
    recorder: 'wakeup',
    latency,
    worst: { atNs: 0, instance: 0, latencyNs: latency.maxNs },
    threads,
  };
}

export function resultOf(recorders: RecorderResult[], seed = 1, policy = 'cfs'): Result {
  return {
    scenario: 'test',
    policy,
    kernel: 'linux-6.1',
    machine: 'vm-2',
    seed,
    durationNs: 1e9,
    events: 0,
    switches: 0,
    tasks: [],
    cpus: [],
    guests: [],
    recorders,
    trace: [],
  };
}
