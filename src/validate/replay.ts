/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import type { Cast } from './history.js';
import { type ReplayCounts, Tally } from './tally.js';
import { gridTicks, shownTicks, TICK_DELAY_NS, type Ticks } from './ticks.js';
import type { RecordedTrace, TracedEvent } from './trace.js';
import { Unknowns } from './unknowns.js';
import { placeQueues } from './vruntimes.js';

/** A charge printed within this of a grid point is the tick's own. */
const TICK_CHARGE_NS = 2_500;
/**
 * When the runqueue's clock was read, from S02 and S06 recorded with and without sched_stat_runtime: so long after sched_waking for a wakeup;
 * so long before the sched_switch of a task that is preempted by a tick, and of one that sleeps. A preemption by a wakeup does not read
 * it again (rq_clock_skip_update).
 */
const WAKE_CLOCK_NS = 860;
const PREEMPT_CLOCK_NS = 1_400;
const SLEEP_CLOCK_NS = 1_690;
/**
 * A trace without charges tells the clock only to within a few of these lengths, and where the machine was emulated in real time, to within
 * what a tick that is on time varies by. Tasks whose virtual times lie closer together than this are a tie that it cannot decide, and so is
 * there a tick that would be answered otherwise by so much earlier or later.
 */
const RESOLUTION_NS = { counted: 5_000, realTime: 200_000 } as const;

export interface ReplayOptions {
  tickNs: number;
  /** The machine was emulated in real time: ticks came late. */
  realTime: boolean;
  /** A reschedule that was asked for shows as a switch within this time. */
  windowNs: number;
  /** How far behind its queue's min_vruntime a long sleeper is placed. */
  creditNs: (task: TaskSpec | undefined) => number;
}

export function replay(cast: Cast, trace: RecordedTrace, options: ReplayOptions): ReplayCounts {
  return new Walk(cast, trace, options).run();
}

interface Lane {
  /** The running task; −1: idle. */
  curr: number;
  /** When a chance to preempt arose that has not been answered; null: none. */
  chanceAt: number | null;
  /** How many of the known ticks are past. */
  ticks: number;
  /** It came from another CPU: this one shows no sign of life before its next event. */
  remote: boolean;
  /** When the running task was woken on its way to sleep: it schedules all the same, and may stay. */
  recalledAt: number;
  /** That chance hangs on less than the trace's resolution. */
  hangs: boolean;
  /** A wakeup has asked for the reschedule: its clock serves for the switch, too. */
  byWakeup: boolean;
}

class Walk {
  readonly #driver: Driver;
  readonly #lanes: Lane[];
  readonly #ticks: Ticks;
  readonly #chosen = new Map<number, number>();
  readonly #wokenAt = new Map<number, number>();
  readonly #wokenFrom = new Map<number, number>();
  /** Tasks that have run, and those whose vruntime a charge has shown. */
  readonly #seen = new Set<number>();
  readonly #charged = new Set<number>();
  readonly #unknowns: Unknowns;
  readonly #exact: boolean;
  readonly #resolutionNs: number;
  /** The root queue's virtual time follows from the scenario's own tasks. */
  readonly #rootKnown: boolean;
  readonly #eevdf: boolean;
  readonly #tally = new Tally(0);

  constructor(
    readonly cast: Cast,
    readonly trace: RecordedTrace,
    readonly options: ReplayOptions,
  ) {
    this.#driver = new Driver(cast.scenario);
    this.#lanes = Array.from({ length: cast.scenario.machine.cpus }, () => ({
      curr: -1,
      chanceAt: null,
      ticks: 0,
      remote: false,
      recalledAt: Number.NEGATIVE_INFINITY,
      hangs: false,
      byWakeup: false,
    }));
    const { tickNs, windowNs } = options;
    this.#ticks = options.realTime
      ? shownTicks(trace, cast, this.#lanes.length, tickNs)
      : gridTicks(trace, this.#lanes.length, tickNs, windowNs);
    this.#eevdf = cast.scenario.kernel.fair.startsWith('eevdf');
    this.#resolutionNs = options.realTime ? RESOLUTION_NS.realTime : RESOLUTION_NS.counted;
    this.#exact = trace.events.some(({ event }) => event === 'charge');
    this.#unknowns = new Unknowns(this.#driver, cast.scenario, this.#resolutionNs, tickNs);
    if (this.#exact) this.#driver.exact();
    this.#rootKnown = this.#exact && placeQueues(this.#driver, cast, trace, options.creditNs);
  }

  run(): ReplayCounts {
    const { controller, controllerCpu } = this.trace;
    const first = this.#id(controller.pid);
    this.#driver.wake(first, controllerCpu, false, 0);
    this.#driver.pick(controllerCpu, 'runnable', 0);
    this.#driver.force(controllerCpu, first);
    this.#lane(controllerCpu).curr = first;
    for (const event of this.trace.events) {
      if (event.event !== 'charge') this.#ticksUntil(event.atNs - (this.#exact ? TICK_CHARGE_NS : 0));
      this.#step(event);
    }
    return this.#tally.counts;
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
    return this.options.realTime && this.#driver.hangs(cpu, atNs, this.#resolutionNs);
  }

  /** Another task waits: the model may want to preempt. */
  #chance(cpu: number, atNs: number, hangs: boolean, remote: boolean): void {
    const lane = this.#lane(cpu);
    if (lane.curr === -1 || this.#driver.runnable(cpu) < 2) return;
    lane.remote = remote && (lane.chanceAt === null || lane.remote);
    lane.chanceAt ??= atNs;
    lane.hangs ||= hangs;
  }

  /** A chance that no switch has answered in time: the kernel did not preempt. */
  #settle(cpu: number, atNs: number): void {
    const lane = this.#lane(cpu);
    const { curr, chanceAt, hangs } = lane;
    if (chanceAt === null || atNs - chanceAt < this.options.windowNs) return;
    lane.chanceAt = null;
    lane.hangs = false;
    // The kernel may have rescheduled and picked the same task again, which no event shows.
    const choice = this.#driver.asked(cpu) ? this.#driver.pick(cpu, 'runnable', chanceAt) : curr;
    if (choice !== curr) this.#driver.force(cpu, curr);
    const tie = (choice !== curr && this.#unknowns.drained(choice)) || hangs;
    if (tie) this.#tally.open('ties', chanceAt);
    else if (choice === curr) this.#tally.right(chanceAt);
    else {
      this.#wrong('extraPreemptions', chanceAt, cpu, 'would preempt', curr, 'for', choice);
      // With so little left of its quota it may have been throttled; what was wrong is not carried on.
      if (!this.#driver.drain(choice, this.options.tickNs)) this.#stay(cpu, choice);
    }
  }

  #step(event: TracedEvent): void {
    if (event.event !== 'switch' || !this.#lane(event.cpu).remote) this.#settle(event.cpu, event.atNs);
    switch (event.event) {
      case 'switch':
        this.#switch(event);
        break;
      case 'waking':
        this.#wokenAt.set(event.task.pid, event.atNs);
        this.#wokenFrom.set(event.task.pid, event.target);
        if (this.#isFree(event.task.pid)) {
          this.#chosen.set(event.task.pid, this.#driver.choose(this.#id(event.task.pid), event.cpu, false, event.atNs));
        }
        break;
      case 'wakeup':
        this.#wakeup(event);
        break;
      case 'fork':
        this.#driver.fork(this.#id(event.child), event.cpu, event.atNs);
        break;
      case 'migrate':
        this.#driver.migrate(this.#id(event.task.pid), event.to, event.atNs);
        break;
      case 'charge':
        this.#charge(event);
        break;
    }
  }

  /** A task of the scenario that may use more than one CPU. */
  #isFree(pid: number): boolean {
    const task = this.#id(pid);
    return this.#lanes.length > 1 && this.cast.own.has(task) && this.cast.scenario.tasks[task]?.cpus === null;
  }

  #wakeup({ task, target, fresh, cpu, atNs }: Extract<TracedEvent, { event: 'wakeup' }>): void {
    const chosen =
      fresh && this.#isFree(task.pid)
        ? this.#driver.choose(this.#id(task.pid), cpu, true, atNs)
        : this.#chosen.get(task.pid);
    this.#chosen.delete(task.pid);
    if (chosen === target) this.#tally.right(atNs);
    else if (chosen !== undefined) {
      this.#tally.wrong('wrongCpus', atNs, cpu, () => `would wake ${task.name} on CPU ${chosen}, not ${target}`);
    }
    this.#settle(target, atNs);
    const wokenAt = this.#wokenAt.get(task.pid);
    this.#unknowns.stray(this.#id(task.pid), this.#wokenFrom.get(task.pid), target);
    const askedBefore = this.#driver.asked(target);
    this.#driver.wake(this.#id(task.pid), target, fresh, wokenAt === undefined ? atNs : wokenAt + WAKE_CLOCK_NS);
    this.#lane(target).byWakeup = !askedBefore && this.#driver.asked(target);
    if (this.#id(task.pid) === this.#lane(target).curr) this.#lane(target).recalledAt = atNs;
    else this.#chance(target, atNs, this.#isNearTick(atNs), cpu !== target);
  }

  /** Under EEVDF a tick renews the deadline that a wakeup compares with; whether one so near came first is not in a trace of real time. */
  #isNearTick(atNs: number): boolean {
    return this.options.realTime && this.#eevdf && atNs % this.options.tickNs < this.#resolutionNs;
  }

  #switch(event: Extract<TracedEvent, { event: 'switch' }>): void {
    const { prev, prevState, next, cpu, atNs } = event;
    const lane = this.#lane(cpu);
    const from = this.#id(prev.pid);
    const to = this.#id(next.pid);
    if (from !== lane.curr) this.#repair(cpu, from, atNs);
    // What has been runnable since before T0 is not in the history.
    const known = this.#driver.queued(to);
    const clockNs = prevState === 'runnable' ? atNs - PREEMPT_CLOCK_NS : atNs - SLEEP_CLOCK_NS;
    if (!known) this.#driver.wake(to, cpu, false, clockNs);
    if (known && from !== -1 && prevState === 'runnable') this.#preempt(event, from, to, clockNs);
    lane.chanceAt = null;
    lane.hangs = false;
    const lent = known && this.#unknowns.lent(to);
    const skips = prevState === 'runnable' && lane.byWakeup;
    const choice = this.#driver.pick(cpu, prevState, skips ? 0 : clockNs);
    lane.byWakeup = false;
    lane.recalledAt = Number.NEGATIVE_INFINITY;
    lane.curr = to;
    const strayed = this.#unknowns.arrive(to);
    if (choice === to) {
      this.#seen.add(to);
      if (lent) this.#tally.open('ties', atNs);
      else if (known && to !== -1) this.#tally.right(atNs);
      return;
    }
    const apartNs = this.#driver.apart(choice, to);
    this.#driver.force(cpu, to);
    const kept = this.#unknowns.kept(choice, to, cpu);
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const unseen = this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice));
    this.#seen.add(to);
    if (!this.#exact && (lent || kept || apartNs <= this.#resolutionNs)) this.#tally.open('ties', atNs);
    else if (!this.#exact && (strayed || unseen) && Number.isFinite(apartNs)) this.#tally.open('firstPicks', atNs);
    else if (known) this.#wrong('wrongPicks', atNs, cpu, 'would pick', choice, 'not', to);
    this.#follow(to, choice);
  }

  /** The kernel preempted `from`: the model must want that, too. */
  #preempt(event: Extract<TracedEvent, { event: 'switch' }>, from: number, to: number, clockNs: number): void {
    const { cpu, atNs } = event;
    const lane = this.#lane(cpu);
    if (atNs - lane.recalledAt < this.options.windowNs) return;
    // The tick that asked for it came at this time.
    if (!this.#driver.asked(cpu) && this.#ticks.preempting.has(event) && !this.#exact) {
      lane.hangs = this.#hangs(cpu, clockNs);
      this.#driver.tick(cpu, clockNs);
    }
    if (lane.hangs) this.#tally.open('ties', atNs);
    else if (this.#driver.asked(cpu)) this.#tally.right(atNs);
    else this.#wrong('missedPreemptions', atNs, cpu, 'would not preempt', from, 'for', to);
  }

  /** Nor does it lie so far ahead of the choice that it must give way. */
  #stay(cpu: number, choice: number): void {
    const { curr, byWakeup } = this.#lane(cpu);
    if (!this.#exact && !this.#eevdf && Number.isFinite(this.#driver.apart(choice, curr)))
      this.#driver.stay(curr, choice, byWakeup);
  }

  /** The choice says where the recorded kernel's virtual times lie; what was wrong is not carried on. */
  #follow(task: number, choice: number): void {
    if (!this.#exact && Number.isFinite(this.#driver.apart(choice, task))) this.#driver.follow(task, choice);
  }

  /** Events were lost: another task has come to run here. */
  #repair(cpu: number, task: number, atNs: number): void {
    this.#driver.pick(cpu, 'runnable', atNs);
    this.#driver.force(cpu, task);
    this.#lane(cpu).curr = task;
  }

  #charge({ name, pid, ranNs, vruntime, cpu, atNs }: Extract<TracedEvent, { event: 'charge' }>): void {
    const lane = this.#lane(cpu);
    const task = this.#id(pid);
    const tick = Math.floor(atNs / this.options.tickNs);
    this.#ticksUntil((tick - 1) * this.options.tickNs + TICK_DELAY_NS);
    if (task !== lane.curr || vruntime === 0n) return;
    this.#driver.charge(cpu, ranNs);
    if (this.cast.own.has(task) || (this.#rootKnown && this.#charged.has(task))) {
      this.#tally.charge(atNs, name, vruntime - this.#driver.vruntime(task));
    }
    this.#charged.add(task);
    // Ticks are numbered from 1 on, at T0 + tickNs.
    if (atNs - tick * this.options.tickNs < TICK_CHARGE_NS && lane.ticks < tick) {
      lane.ticks = tick;
      this.#tick(cpu, tick * this.options.tickNs + TICK_DELAY_NS);
    }
  }

  #wrong(
    mistake: 'wrongPicks' | 'missedPreemptions' | 'extraPreemptions',
    atNs: number,
    cpu: number,
    verb: string,
    a: number,
    but: string,
    b: number,
  ): void {
    this.#tally.wrong(mistake, atNs, cpu, () => `${verb} ${this.#name(a)} ${but} ${this.#name(b)}`);
  }

  #name(task: number): string {
    if (task === -1) return 'idle';
    return this.cast.names[task] ?? '?';
  }
}
