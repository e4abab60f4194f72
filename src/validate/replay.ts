/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import { CLOCK_STANDS, clockBeforeNs, type Delays, delaysOf } from './clocks.js';
import { type Cast, schedOfPrio } from './history.js';
import { Judge } from './judge.js';
import { answered, chance, type Lane, newLane } from './lane.js';
import type { ReplayCounts } from './tally.js';
import { gridTicks, shownTicks, TICK_DELAY_NS, type Ticks } from './ticks.js';
import type { RecordedTrace, TracedEvent, TracedTask } from './trace.js';
import type { Offset } from './virtual_times.js';
import { Vruntimes } from './vruntimes.js';

/** A charge printed within this of a grid point is the tick's own. */
const TICK_CHARGE_NS = 2_500;
export interface ReplayOptions {
  tickNs: number;
  /** The machine was emulated in real time: ticks came late. */
  realTime: boolean;
  /** A reschedule that was asked for shows as a switch within this time. */
  windowNs: number;
  /** How far behind its queue's min_vruntime a long sleeper is placed. */
  creditNs: (task: TaskSpec | undefined) => number;
  /** Where tasks lay at T0. */
  offsets: readonly Offset[];
  /** What is decided before this does not count: the offsets follow from it. */
  fromNs: number;
}

/** Replays a trace. Also returns how far its choices have moved the model's virtual times. */
export function replay(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
): { counts: ReplayCounts; moved: readonly Offset[] } {
  const walk = new Walk(cast, trace, options);
  return { counts: walk.run(), moved: walk.moved };
}

type Switch = Extract<TracedEvent, { event: 'switch' }>;

/** A task that is about to wake up: since when, where it slept, and the CPU that the model chooses for it; null: it has no choice. */
interface Waking {
  atNs: number;
  from: number;
  chosen: number | null;
}

class Walk {
  readonly #driver: Driver;
  readonly #judge: Judge;
  readonly #lanes: Lane[];
  readonly #ticks: Ticks;
  readonly #delays: Delays;
  /** By pid: who is about to wake up. */
  readonly #waking = new Map<number, Waking>();
  /** By task: the prio that it was last seen with. */
  readonly #prios = new Map<number, number>();
  /** Null: the trace does not hold the charges. */
  readonly #vruntimes: Vruntimes | null;
  #placed = false;

  constructor(
    readonly cast: Cast,
    readonly trace: RecordedTrace,
    readonly options: ReplayOptions,
  ) {
    const { tickNs, windowNs, realTime, fromNs } = options;
    const { machine, kernel } = cast.scenario;
    this.#driver = new Driver(cast.scenario);
    this.#judge = new Judge(this.#driver, cast, { tickNs, realTime, exact: trace.exact, fromNs });
    const { tally } = this.#judge;
    this.#vruntimes = trace.exact ? new Vruntimes(this.#driver, cast, tally, trace, options.creditNs) : null;
    this.#lanes = Array.from({ length: machine.cpus }, newLane);
    this.#ticks = realTime
      ? shownTicks(trace, cast, machine.cpus, tickNs)
      : gridTicks(trace, machine.cpus, tickNs, windowNs);
    this.#delays = delaysOf(kernel.fair);
  }

  /** How far choices have moved virtual times. */
  get moved(): readonly Offset[] {
    return [...this.#judge.times.moved.values()];
  }

  run(): ReplayCounts {
    const { controller, controllerCpu } = this.trace;
    const first = this.#id(controller.pid);
    this.#driver.wake(first, controllerCpu, false, 0);
    this.#driver.pick(controllerCpu, 'runnable', 0);
    this.#driver.force(controllerCpu, first);
    this.#lane(controllerCpu).curr = first;
    for (const event of this.trace.events) {
      if (event.event !== 'charge') this.#ticksUntil(event.atNs - (this.#vruntimes === null ? 0 : TICK_CHARGE_NS));
      this.#step(event);
    }
    return this.#judge.tally.counts;
  }

  #id(pid: number): number {
    return pid === 0 ? -1 : (this.cast.byPid.get(pid) ?? -1);
  }

  #lane(cpu: number): Lane {
    const lane = this.#lanes[cpu];
    if (lane === undefined) throw new Error(`a trace with CPU ${cpu}`);
    return lane;
  }

  #ticksUntil(atNs: number): void {
    for (const [cpu, lane] of this.#lanes.entries()) {
      const known = this.#ticks.known[cpu] ?? [];
      let next = known[lane.ticks];
      while (next !== undefined && next <= atNs) {
        lane.ticks++;
        if (lane.curr !== -1) this.#tick(cpu, next);
        next = known[lane.ticks];
      }
    }
  }

  #tick(cpu: number, atNs: number): void {
    this.#settle(cpu, atNs);
    const hangs = this.#hangs(cpu, atNs);
    this.#driver.tick(cpu, atNs);
    this.#chance(cpu, atNs, hangs, false);
  }

  #hangs(cpu: number, atNs: number): boolean {
    return this.options.realTime && this.#driver.hangs(cpu, atNs, this.#judge.resolutionNs);
  }

  /** Another task waits: the model may want to preempt. */
  #chance(cpu: number, atNs: number, hangs: boolean, remote: boolean): void {
    const lane = this.#lane(cpu);
    if (lane.curr === -1 || this.#driver.runnable(cpu) < 2) return;
    chance(lane, atNs, hangs, remote);
  }

  /** A chance that no switch has answered in time: the kernel did not preempt. */
  #settle(cpu: number, atNs: number): void {
    const lane = this.#lane(cpu);
    const { curr, chanceAt, hangs, byWakeup } = lane;
    if (chanceAt === null || atNs - chanceAt < this.options.windowNs) return;
    answered(lane);
    // The kernel may have rescheduled and picked the same task again, which no event shows.
    const choice = this.#driver.asked(cpu) ? this.#driver.pick(cpu, 'runnable', chanceAt) : curr;
    this.#judge.stayed({ atNs: chanceAt, cpu }, curr, choice, byWakeup, hangs);
  }

  #step(event: TracedEvent): void {
    if (event.event !== 'switch' || !this.#lane(event.cpu).remote) this.#settle(event.cpu, event.atNs);
    switch (event.event) {
      case 'switch':
        this.#switch(event);
        break;
      case 'waking':
        this.#waking.set(event.task.pid, this.#aboutToWake(event));
        break;
      case 'wakeup':
        this.#wakeup(event);
        break;
      case 'fork':
        this.#driver.fork(this.#id(event.child), event.cpu, event.atNs);
        break;
      case 'exit':
        this.#vruntimes?.exit(this.#id(event.pid));
        break;
      case 'migrate':
        this.#driver.migrate(this.#id(event.task.pid), event.to, event.atNs);
        break;
      case 'charge':
        this.#charge(event);
        break;
    }
  }

  #aboutToWake({ task, target, cpu, atNs }: Extract<TracedEvent, { event: 'waking' }>): Waking {
    const id = this.#id(task.pid);
    return { atNs, from: target, chosen: this.#isFree(id) ? this.#driver.choose(id, cpu, false, atNs) : null };
  }

  /** A task of the scenario that may use more than one CPU. */
  #isFree(task: number): boolean {
    return this.#lanes.length > 1 && this.cast.own.has(task) && this.cast.scenario.tasks[task]?.cpus === null;
  }

  #wakeup(event: Extract<TracedEvent, { event: 'wakeup' }>): void {
    const { target, fresh, cpu, atNs } = event;
    const task = this.#id(event.task.pid);
    const lane = this.#lane(target);
    const waking = this.#waking.get(event.task.pid);
    this.#waking.delete(event.task.pid);
    const chosen = fresh && this.#isFree(task) ? this.#driver.choose(task, cpu, true, atNs) : (waking?.chosen ?? null);
    if (chosen !== null) this.#judge.placed(event, task, target, chosen);
    this.#settle(target, atNs);
    this.#judge.unknowns.stray(task, waking?.from, target);
    const before = this.#driver.asked(target);
    this.#driver.wake(task, target, fresh, waking === undefined ? atNs : waking.atNs + this.#delays.wakeNs);
    if (this.#driver.asked(target)) this.#asked(lane, task, before);
    if (task === lane.curr) lane.recalledAt = atNs;
    else this.#chance(target, atNs, this.#isNearTick(atNs), cpu !== target);
  }

  /**
   * A wakeup that asks for a reschedule, or finds it asked for (`before`), has read the clock for the switch, too (rq_clock_skip_update). That it
   * is read again if the two are of different groups and the wakeup asks, is what S19 of 6.1 and of 6.12 show: what `per` was charged for
   * beside S05, where there are no groups, and the order of the hogs.
   */
  #asked(lane: Lane, woken: number, before: boolean): void {
    lane.byWakeup = !before;
    lane.clockRead ||= before || this.#groupOf(woken) === this.#groupOf(lane.curr);
  }

  /** Under EEVDF a tick renews the deadline that a wakeup compares with; whether one so near came first is not in a trace of real time. */
  #isNearTick(atNs: number): boolean {
    return this.options.realTime && this.#judge.times.eevdf && atNs % this.options.tickNs < this.#judge.resolutionNs;
  }

  #switch(event: Switch): void {
    const { prev, prevState, next, cpu, atNs } = event;
    const lane = this.#lane(cpu);
    const from = this.#id(prev.pid);
    const to = this.#id(next.pid);
    if (from !== lane.curr) this.#repair(cpu, from, atNs);
    this.#changePolicy(cpu, from, prev, atNs);
    // The tasks that were woken at T0 get their places.
    if (!this.#placed) this.#judge.times.place(this.options.offsets);
    this.#placed = true;
    // What has been runnable since before T0 is not in the history.
    const known = this.#driver.queued(to);
    const clockNs =
      prevState === 'runnable' && lane.clockRead ? CLOCK_STANDS : atNs - this.#clockBefore(event, from, to);
    if (!known) this.#driver.wake(to, cpu, false, clockNs);
    if (known && from !== -1 && prevState === 'runnable') this.#preempt(event, from, to, clockNs);
    const lent = known && this.#judge.unknowns.lent(to);
    const choice = this.#driver.pick(cpu, prevState, clockNs);
    this.#judge.picked(event, to, choice, known, lent);
    answered(lane);
    lane.recalledAt = Number.NEGATIVE_INFINITY;
    lane.curr = to;
    this.#prios.set(to, next.prio);
  }

  #clockBefore(event: Switch, from: number, to: number): number {
    const regroups = this.#groupOf(from) !== this.#groupOf(to);
    return clockBeforeNs(this.#delays, event, this.#driver.runnable(event.cpu), regroups);
  }

  /** A task that leaves with another prio than it came with has changed its policy meanwhile. */
  #changePolicy(cpu: number, task: number, { prio }: TracedTask, atNs: number): void {
    const before = this.#prios.get(task);
    this.#prios.set(task, prio);
    if (task === -1 || before === undefined || before === prio) return;
    this.#driver.changePolicy(cpu, schedOfPrio(prio), atNs - this.#delays.preemptNs);
  }

  #groupOf(task: number): string | null {
    return this.cast.scenario.tasks[task]?.cgroup ?? null;
  }

  /** The kernel preempted `from`: the model must want that, too. */
  #preempt(event: Switch, from: number, to: number, clockNs: number): void {
    const { cpu, atNs } = event;
    const lane = this.#lane(cpu);
    if (atNs - lane.recalledAt < this.options.windowNs) return;
    // The tick that asked for it came at this time.
    if (!this.#driver.asked(cpu) && this.#ticks.preempting.has(event) && this.#vruntimes === null) {
      lane.hangs = this.#hangs(cpu, clockNs);
      this.#driver.tick(cpu, clockNs);
    }
    this.#judge.preempted(event, clockNs, from, to, this.#driver.asked(cpu, clockNs), lane.hangs);
  }

  /** Events were lost: another task has come to run here. */
  #repair(cpu: number, task: number, atNs: number): void {
    this.#driver.pick(cpu, 'runnable', atNs);
    this.#driver.force(cpu, task);
    this.#lane(cpu).curr = task;
  }

  #charge(event: Extract<TracedEvent, { event: 'charge' }>): void {
    const { cpu, atNs } = event;
    const { tickNs } = this.options;
    const lane = this.#lane(cpu);
    const task = this.#id(event.pid);
    const tick = Math.floor(atNs / tickNs);
    this.#ticksUntil((tick - 1) * tickNs + TICK_DELAY_NS);
    if (task !== lane.curr || event.vruntime === 0n) return;
    this.#vruntimes?.charge(task, event);
    // Ticks are numbered from 1 on, at T0 + tickNs.
    if (atNs - tick * tickNs >= TICK_CHARGE_NS || lane.ticks >= tick) return;
    lane.ticks = tick;
    this.#tick(cpu, tick * tickNs + TICK_DELAY_NS);
  }
}
