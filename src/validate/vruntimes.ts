/**
 * A trace that holds every charge with its vruntime (CFS): where the tasks lay before they first ran, and whether the model's vruntime is the
 * kernel's after each.
 */
import type { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import type { Cast } from './history.js';
import type { Tally } from './tally.js';
import type { RecordedTrace, TracedEvent } from './trace.js';

type Charge = Extract<TracedEvent, { event: 'charge' }>;

export class Vruntimes {
  /** Tasks whose vruntime a charge has shown. */
  readonly #shown = new Set<number>();
  /** Tasks that are about to exit. */
  readonly #exiting = new Set<number>();
  /** The root queue's virtual time follows from the scenario's own tasks. */
  readonly #rootKnown: boolean;

  /** Gives the tasks their virtual times. `creditNs`: how far behind its queue's min_vruntime a long sleeper is placed. */
  constructor(
    readonly driver: Driver,
    readonly cast: Cast,
    readonly tally: Tally,
    trace: RecordedTrace,
    creditNs: (task: TaskSpec | undefined) => number,
  ) {
    driver.exact();
    this.#rootKnown = placeQueues(driver, cast, trace, creditNs);
  }

  /** The running task was charged. */
  charge(task: number, { cpu, atNs, name, ranNs, vruntime }: Charge): void {
    this.driver.charge(cpu, ranNs);
    if (this.cast.own.has(task) || (this.#rootKnown && this.#shown.has(task))) {
      this.tally.charge(atNs, name, vruntime - this.driver.vruntime(task));
    }
    this.#shown.add(task);
    // The first charge of an exit is that of leaving the queue for a moment.
    if (this.#exiting.delete(task)) this.driver.rejoin(cpu);
  }

  exit(task: number): void {
    this.#exiting.add(task);
  }
}

/** Gives the scenario's tasks, and their queues, the virtual times that follow from their first charges. Returns whether the root queue's does, too. */
function placeQueues(
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
