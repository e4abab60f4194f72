/**
 * What the recorded choices say about virtual times, which the trace does not hold. A choice that the model would not have made moves its
 * virtual times by as little as explains it: what was wrong is not carried on. How little that is says whether the choice was foreseeable.
 */
import type { Driver } from '../kernel/driver.js';
import type { Scenario } from '../scenario/scenario.js';

/** Virtual times do not explain a choice. */
export const NEVER = Number.POSITIVE_INFINITY;

/** How far a task, or its group as a whole, is moved among those that it competes with. */
export interface Offset {
  task: number;
  group: boolean;
  ns: number;
}

/** Distances are returned as the time that the lighter of two would have to run: a clock that is so much off explains them. */
export class VirtualTimes {
  readonly eevdf: boolean;
  /** How far each has been moved, by task or group. */
  readonly moved = new Map<string, Offset>();

  constructor(
    readonly driver: Driver,
    readonly scenario: Scenario,
  ) {
    this.eevdf = scenario.kernel.fair.startsWith('eevdf');
  }

  /** Moves those that are awake. */
  place(offsets: readonly Offset[]): void {
    for (const { task, group, ns } of offsets) {
      const rival = this.scenario.tasks.findIndex(
        (_, id) => this.#compete(task, id) && this.#apart(task, id) === group,
      );
      if (rival >= 0) this.driver.shift(task, rival, ns);
    }
  }

  #compete(task: number, other: number): boolean {
    const { driver } = this;
    if (task === other || !driver.queued(task) || !driver.queued(other)) return false;
    return Number.isFinite(driver.laterThan(task, other));
  }

  /** They compete as members of groups, or one of a group and one of none. */
  #apart(task: number, other: number): boolean {
    const group = this.#groupOf(task);
    return group !== null && group !== this.#groupOf(other);
  }

  #groupOf(task: number): string | null {
    return this.scenario.tasks[task]?.cgroup ?? null;
  }

  /** The running task was chosen, and not `other`. Returns how far it was from that. */
  chosen(task: number, other: number): number {
    const { driver } = this;
    if (!Number.isFinite(driver.laterThan(task, other))) return NEVER;
    if (!this.#hasLag(task)) {
      const behind = Math.max(0, 1 + driver.laterThan(task, other));
      this.#shift(task, other, -behind);
      return driver.runningTime(task, other, behind);
    }
    const beyond = Math.max(0, driver.beyondEligible(task, other));
    this.#shift(task, other, -beyond);
    // And the other one had a later deadline, or was not eligible itself.
    const gap = 1 + driver.laterThan(task, other);
    const lead = 1 - driver.beyondEligible(other, task);
    if (lead < gap) this.#shift(other, task, Math.max(0, lead));
    else this.#shift(task, other, -Math.max(0, gap));
    return driver.runningTime(task, other, Math.max(beyond, Math.min(gap, lead)));
  }

  /** The running task had to give way to `other`: under EEVDF it was not eligible, or was cut short. Returns how far it was from that. */
  gaveWay(task: number, other: number): number {
    const { driver } = this;
    if (!this.#hasLag(task) || !Number.isFinite(driver.laterThan(task, other))) return NEVER;
    const lead = 1 - driver.beyondEligible(task, other);
    const gap =
      driver.mayCutShort(other, task) && driver.beyondEligible(other, task) <= 0
        ? 1 + driver.laterThan(other, task)
        : NEVER;
    const least = Math.min(lead, gap);
    if (least <= 0) return NEVER;
    this.#shift(task, other, least);
    return driver.runningTime(task, other, least);
  }

  /** The running task did not have to give way to `other`, which waits or `woke`. Returns how far it was from that. */
  stayed(task: number, other: number, woke: boolean): number {
    const { driver } = this;
    if (!Number.isFinite(driver.laterThan(task, other))) return NEVER;
    const hasLag = this.#hasLag(task);
    if (hasLag && !driver.keepsTurn(task, other)) return this.chosen(task, other);
    const ahead = hasLag
      ? driver.beyondEligible(task, other)
      : driver.laterThan(task, other) - driver.mostAhead(task, other, woke);
    if (ahead <= 0) return NEVER;
    this.#shift(task, other, -ahead);
    return driver.runningTime(task, other, ahead);
  }

  /** EEVDF serves it; BT is a CFS under every kernel. */
  #hasLag(task: number): boolean {
    return this.eevdf && this.scenario.tasks[task]?.sched.class !== 'bt';
  }

  #shift(task: number, other: number, ns: number): void {
    if (ns === 0) return;
    this.driver.shift(task, other, ns);
    const group = this.#apart(task, other);
    const key = group ? `group of ${this.#groupOf(task)}` : `${task}`;
    const before = this.moved.get(key) ?? { task, group, ns: 0 };
    this.moved.set(key, { ...before, ns: before.ns + ns });
  }
}
