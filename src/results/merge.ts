/** Several results in one: those of all instances of a guest. */
import { merge } from './histogram.js';
import type { RecorderResult, TaskResult } from './result.js';

/** Items with the same key together, in the order of their first. */
export function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Array<[Item, ...Item[]]> {
  const groups = new Map<string, [Item, ...Item[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Sums over the same task of several guests. */
export function mergeTasks(results: [TaskResult, ...TaskResult[]]): TaskResult {
  const [first] = results;
  if (results.length === 1) return first;
  const sum = (of: (result: TaskResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  return {
    name: first.name,
    role: first.role,
    count: sum(({ count }) => count),
    cpuNs: sum(({ cpuNs }) => cpuNs),
    waitNs: sum(({ waitNs }) => waitNs),
    voluntarySwitches: sum(({ voluntarySwitches }) => voluntarySwitches),
    involuntarySwitches: sum(({ involuntarySwitches }) => involuntarySwitches),
    wakeups: sum(({ wakeups }) => wakeups),
    migrations: sum(({ migrations }) => migrations),
    forcedIdleNs: sum(({ forcedIdleNs }) => forcedIdleNs),
    wakeupLatency: merge(results.map(({ wakeupLatency }) => wakeupLatency)),
    runSegment: merge(results.map(({ runSegment }) => runSegment)),
    preemptedWait: merge(results.map(({ preemptedWait }) => preemptedWait)),
  };
}

/** The same recorder of several guests: instances are numbered over all of them. */
export function mergeRecorders(results: [RecorderResult, ...RecorderResult[]]): RecorderResult {
  const [first] = results;
  if (results.length === 1) return first;
  return {
    task: first.task,
    recorder: first.recorder,
    latency: merge(results.map(({ latency }) => latency)),
    worst: results.map(({ worst }) => worst).reduce((x, y) => (y.latencyNs > x.latencyNs ? y : x)),
    threads: results.flatMap(({ threads }) => threads),
  };
}
