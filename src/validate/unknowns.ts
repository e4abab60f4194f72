/**
 * What no trace holds and a replay has to infer: what of quotas and budgets was used before T0, and where BT tasks come in that wake on
 * another CPU. Each shows once, by whom the recorded kernel kept from a CPU or let run; what follows from it then counts.
 */
import type { Driver } from '../kernel/driver.js';
import type { Scenario } from '../scenario/scenario.js';

export class Unknowns {
  /** BT tasks that woke on another CPU and have not run since. */
  readonly #strays = new Set<number>();
  /** CPUs of which it is known what BT had used of its budget before T0. */
  readonly #budgetsKnown = new Set<number>();

  /** CPUs of which it is known when the fair server's period began. */
  readonly #serversKnown = new Set<number>();

  /** Quotas are told to within `resolutionNs`. */
  constructor(
    readonly driver: Driver,
    readonly scenario: Scenario,
    readonly resolutionNs: number,
    readonly tickNs: number,
  ) {}

  /** A BT task that wakes on another CPU comes in so far behind as both queues have run since boot. */
  stray(task: number, from: number | undefined, target: number): void {
    if (this.scenario.tasks[task]?.sched.class !== 'bt' || from === undefined || from === target) return;
    this.#strays.add(task);
    this.driver.stray(task);
  }

  /** A task has come to run; whether it was a stray until now. */
  arrive(task: number): boolean {
    return this.#strays.delete(task);
  }

  /** `from` is preempted for `to`, which the model does not want: whether the fair server's first turn has come, of which this is the sign. */
  served(from: number, to: number, cpu: number, atNs: number): boolean {
    if (this.#serversKnown.has(cpu) || !this.#isRealTime(from) || this.#isRealTime(to)) return false;
    this.#serversKnown.add(cpu);
    return this.driver.serveFair(cpu, atNs);
  }

  #isRealTime(task: number): boolean {
    const { class: policy } = this.scenario.tasks[task]?.sched ?? {};
    return policy === 'fifo' || policy === 'rr';
  }

  /** A task is about to run: whether its group, which was throttled, had just enough of its quota left. */
  lent(task: number): boolean {
    return task !== -1 && this.driver.lend(task, this.resolutionNs);
  }

  /** A task did not come to run: whether its group may have just used its quota up. */
  drained(task: number): boolean {
    return this.driver.drain(task, this.resolutionNs);
  }

  /** `choice` was kept from the CPU, which ran `to` instead: its group had used its quota up, or the BT class its budget. */
  kept(choice: number, to: number, cpu: number): boolean {
    if (choice === -1) return false;
    if (this.drained(choice)) return true;
    if (to !== -1 || this.#budgetsKnown.has(cpu)) return false;
    // BT is kept from an idle CPU.
    this.#budgetsKnown.add(cpu);
    return this.driver.spend(choice, cpu, this.tickNs / 4);
  }
}
