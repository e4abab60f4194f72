/**
 * What the recorded choices say about virtual times, which the trace does not hold. A choice that the model would not have made moves its
 * virtual times by as little as explains it: what was wrong is not carried on. How little that is says whether the choice was foreseeable.
 */
import type { Driver } from '../kernel/driver.js';
import type { Scenario } from '../scenario/scenario.js';

/** Virtual times are not what explains a choice. */
export const NEVER = Number.POSITIVE_INFINITY;

/** A task among those of its group, or a group among others: its name, and a task by which to find it. */
export interface Offset {
  task: number;
  group: boolean;
  ns: number;
}

export class VirtualTimes {
  readonly #eevdf: boolean;
  /** How far each has been moved. */
  readonly moved = new Map<string, Offset>();

  constructor(
    readonly driver: Driver,
    readonly scenario: Scenario,
  ) {
    this.#eevdf = scenario.kernel.fair.startsWith('eevdf');
  }

  /** Gives those that are awake the places that they had at T0. */
  place(offsets: readonly Offset[]): void {
    const { driver, scenario } = this;
    const groupOf = (task: number) => scenario.tasks[task]?.cgroup ?? null;
    for (const { task, group, ns } of offsets) {
      const other = scenario.tasks.findIndex(
        (_, id) => id !== task && driver.queued(id) && (groupOf(id) !== groupOf(task)) === group && Number.isFinite(driver.laterThan(task, id)),
      );
      if (driver.queued(task) && other >= 0) driver.shift(task, other, ns);
    }
  }

  /** The running task was chosen, and not `other`. Returns by how much running time it was behind; infinite if it is not that. */
  chosen(task: number, other: number): number {
    const { driver } = this;
    if (!Number.isFinite(driver.laterThan(task, other))) return NEVER;
    if (!this.#eevdfBetween(task)) {
      const behind = Math.max(0, driver.laterThan(task, other));
      this.#shift(task, other, -behind);
      return driver.runningTime(task, other, behind);
    }
    const late = Math.max(0, driver.beyondEligible(task, other));
    this.#shift(task, other, -late);
    // And the other one had a later deadline, or was not eligible itself.
    const gap = driver.laterThan(task, other);
    const lead = 1 - driver.beyondEligible(other, task);
    const least = Math.max(0, Math.min(gap, lead));
    if (least > 0 && lead < gap) this.#shift(other, task, lead);
    else if (least > 0) this.#shift(task, other, -gap);
    return driver.runningTime(task, other, Math.max(late, least));
  }

  /** EEVDF: the running task had to give way to `other`, so that it was not eligible. Returns how far it was from that. */
  gaveWay(task: number, other: number): number {
    const lead = 1 - this.driver.beyondEligible(task, other);
    if (lead <= 0 || !Number.isFinite(lead)) return NEVER;
    this.#shift(task, other, lead);
    return this.driver.runningTime(task, other, lead);
  }

  /** The running task did not have to give way to `other`. Returns by how much running time it was too far ahead. */
  stayed(task: number, other: number, woke: boolean): number {
    const { driver } = this;
    if (!Number.isFinite(driver.laterThan(task, other))) return NEVER;
    if (this.#eevdfBetween(task) && !driver.keepsTurn(task, other)) return this.chosen(task, other);
    const ahead = this.#eevdfBetween(task)
      ? driver.beyondEligible(task, other)
      : driver.laterThan(task, other) - driver.mostAhead(task, other, woke);
    if (ahead <= 0) return NEVER;
    this.#shift(task, other, -ahead);
    return driver.runningTime(task, other, ahead);
  }

  #eevdfBetween(task: number): boolean {
    return this.#eevdf && this.scenario.tasks[task]?.sched.class !== 'bt';
  }

  #shift(task: number, other: number, ns: number): void {
    if (ns === 0) return;
    this.driver.shift(task, other, ns);
    const group = this.scenario.tasks[task]?.cgroup ?? null;
    const among = group !== null && group !== (this.scenario.tasks[other]?.cgroup ?? null);
    const key = among ? group : `${task}`;
    const before = this.moved.get(key) ?? { task, group: among, ns: 0 };
    this.moved.set(key, { ...before, ns: before.ns + ns });
  }
}
