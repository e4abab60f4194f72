/**
 * Where tasks of CFS lay before they first ran, from a trace that holds every charge with its vruntime.
 */
import type { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import type { Cast } from './history.js';
import type { RecordedTrace } from './trace.js';

/**
 * Gives the scenario's tasks, and their queues, the virtual times that follow from their first charges. Returns whether the root queue's
 * follows, too. `creditNs`: how far behind its queue's min_vruntime a long sleeper is placed.
 */
export function placeQueues(
  driver: Driver,
  { scenario, own, byPid }: Cast,
  trace: RecordedTrace,
  creditNs: (task: TaskSpec | undefined) => number,
): boolean {
  const starts = new Map<number, bigint>();
  for (const event of trace.events) {
    if (event.event !== 'charge') continue;
    const task = byPid.get(event.pid) ?? -1;
    if (starts.has(task) || !own.has(task)) continue;
    starts.set(task, event.vruntime - BigInt(driver.virtualNs(task, event.ranNs)));
  }
  const groups = new Map<string, Array<[task: number, start: bigint]>>();
  for (const [task, start] of starts) {
    const group = scenario.tasks[task]?.cgroup ?? '';
    groups.set(group, [...(groups.get(group) ?? []), [task, start]]);
  }
  for (const members of groups.values()) {
    // All but the last-forked one were placed by their credit.
    const mins = members.map(([task, start]) => start + BigInt(creditNs(scenario.tasks[task])));
    const least = mins.reduce((a, b) => (b < a ? b : a));
    for (const [task, start] of members) driver.place(task, start, least);
  }
  return groups.has('');
}
