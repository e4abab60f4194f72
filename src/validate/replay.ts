/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import { clockBeforeNs, delaysOf } from './clocks.js';
import { type Cast, schedOfPrio } from './history.js';
import { type ReplayCounts, Tally } from './tally.js';
import { gridTicks, shownTicks, TICK_DELAY_NS, type Ticks } from './ticks.js';
import type { RecordedTrace, TracedEvent, TracedTask } from './trace.js';
import { Unknowns } from './unknowns.js';
import { NEVER, type Offset, VirtualTimes } from './virtual_times.js';
import { placeQueues } from './vruntimes.js';

/** A charge printed within this of a grid point is the tick's own. */
const TICK_CHARGE_NS = 2_500;
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
  offsets: readonly Offset[];
  /** What is decided before this does not count: the offsets follow from it. */
  fromNs: number;
}

/** Replays a trace up to `untilNs`. Also returns how far its choices have moved the model's virtual times. */
export function replay(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
  untilNs = Number.POSITIVE_INFINITY,
): { counts: ReplayCounts; moved: readonly Offset[] } {
  const walk = new Walk(cast, trace, options);
  return { counts: walk.run(untilNs), moved: walk.moved };
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
  /** A wakeup has asked for the reschedule. */
  byWakeup: boolean;
  /** Its clock serves for the switch, too. */
  clockRead: boolean;
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
  readonly #tally: Tally;
  readonly #delays: ReturnType<typeof delaysOf>;
  readonly #prios = new Map<number, number>();
  #placed = false;
  readonly #times: VirtualTimes;

  constructor(
    readonly cast: Cast,
    readonly trace: RecordedTrace,
    readonly options: ReplayOptions,
  ) {
    this.#tally = new Tally(options.fromNs);
    this.#delays = delaysOf(cast.scenario.kernel.fair);
    this.#driver = new Driver(cast.scenario);
    this.#lanes = Array.from({ length: cast.scenario.machine.cpus }, () => ({
      curr: -1,
      chanceAt: null,
      ticks: 0,
      remote: false,
      recalledAt: Number.NEGATIVE_INFINITY,
      hangs: false,
      byWakeup: false,
      clockRead: false,
    }));
    const { tickNs, windowNs } = options;
    this.#ticks = options.realTime
      ? shownTicks(trace, cast, this.#lanes.length, tickNs)
      : gridTicks(trace, this.#lanes.length, tickNs, windowNs);
    this.#eevdf = cast.scenario.kernel.fair.startsWith('eevdf');
    this.#resolutionNs = options.realTime ? RESOLUTION_NS.realTime : RESOLUTION_NS.counted;
    this.#exact = isExact(trace);
    this.#times = new VirtualTimes(this.#driver, cast.scenario);
    this.#unknowns = new Unknowns(this.#driver, cast.scenario, this.#resolutionNs, tickNs);
    if (this.#exact) this.#driver.exact();
    this.#rootKnown = this.#exact && placeQueues(this.#driver, cast, trace, options.creditNs);
  }

  get moved(): readonly Offset[] {
    return [...this.#times.moved.values()];
  }

  run(untilNs: number): ReplayCounts {
    const { controller, controllerCpu } = this.trace;
    const first = this.#id(controller.pid);
    this.#driver.wake(first, controllerCpu, false, 0);
    this.#driver.pick(controllerCpu, 'runnable', 0);
    this.#driver.force(controllerCpu, first);
    this.#lane(controllerCpu).curr = first;
    for (const event of this.trace.events) {
      if (event.atNs > untilNs) break;
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
    const { curr, chanceAt, hangs, byWakeup } = lane;
    if (chanceAt === null || atNs - chanceAt < this.options.windowNs) return;
    lane.chanceAt = null;
    lane.hangs = false;
    lane.byWakeup = false;
    lane.clockRead = false;
    // The kernel may have rescheduled and picked the same task again, which no event shows.
    const choice = this.#driver.asked(cpu) ? this.#driver.pick(cpu, 'runnable', chanceAt) : curr;
    if (choice === curr) {
      if (hangs) this.#tally.open('ties', chanceAt);
      else this.#tally.right(chanceAt);
      return;
    }
    this.#driver.force(cpu, curr);
    const tie = this.#unknowns.drained(choice);
    // With so little left of its quota it may have been throttled; what was wrong is not carried on.
    const drained = tie || this.#driver.drain(choice, this.options.tickNs);
    const offNs = drained || hangs || this.#exact ? NEVER : this.#times.stayed(curr, choice, byWakeup);
    if (tie || hangs || offNs <= this.#resolutionNs) this.#tally.open('ties', chanceAt);
    else this.#wrong('extraPreemptions', chanceAt, cpu, 'would preempt', curr, 'for', choice);
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
    const before = this.#driver.asked(target);
    this.#driver.wake(this.#id(task.pid), target, fresh, wokenAt === undefined ? atNs : wokenAt + this.#delays.wakeNs);
    this.#noteAsked(this.#id(task.pid), target, before);
    if (this.#id(task.pid) === this.#lane(target).curr) this.#lane(target).recalledAt = atNs;
    else this.#chance(target, atNs, this.#isNearTick(atNs), cpu !== target);
  }

  /**
   * A wakeup that asks for a reschedule, or finds it asked for, has read the clock for the switch, too (rq_clock_skip_update). Not one
   * that asks for it in another group: of whatever reason, S19 of 6.1 and of 6.12 show that the clock is read again then.
   */
  #noteAsked(woken: number, cpu: number, before: boolean): void {
    const lane = this.#lane(cpu);
    if (!this.#driver.asked(cpu)) return;
    lane.byWakeup = !before;
    if (before || this.#groupOf(woken) === this.#groupOf(lane.curr)) lane.clockRead = true;
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
    this.#changePolicy(cpu, from, prev, atNs);
    this.#place();
    // What has been runnable since before T0 is not in the history.
    const known = this.#driver.queued(to);
    const regroups = this.#groupOf(from) !== this.#groupOf(to);
    const skips = prevState === 'runnable' && lane.clockRead;
    const clockNs = skips ? 0 : atNs - clockBeforeNs(this.#delays, event, this.#driver.runnable(cpu), regroups);
    if (!known) this.#driver.wake(to, cpu, false, clockNs);
    if (known && from !== -1 && prevState === 'runnable') this.#preempt(event, from, to, clockNs);
    lane.chanceAt = null;
    lane.hangs = false;
    const lent = known && this.#unknowns.lent(to);
    const choice = this.#driver.pick(cpu, prevState, clockNs);
    lane.byWakeup = false;
    lane.clockRead = false;
    lane.recalledAt = Number.NEGATIVE_INFINITY;
    lane.curr = to;
    this.#prios.set(to, next.prio);
    const strayed = this.#unknowns.arrive(to);
    if (choice === to) {
      this.#seen.add(to);
      if (lent) this.#tally.open('ties', atNs);
      else if (known && to !== -1) this.#tally.right(atNs);
      return;
    }
    this.#driver.force(cpu, to);
    const kept = this.#unknowns.kept(choice, to, cpu);
    const offNs = this.#followPick(to, choice);
    (globalThis as any).off = offNs;
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const unseen = this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice));
    this.#seen.add(to);
    if (!this.#exact && (lent || kept || offNs <= this.#resolutionNs)) this.#tally.open('ties', atNs);
    else if (!this.#exact && (strayed || unseen) && Number.isFinite(offNs)) this.#tally.open('firstPicks', atNs);
    else if (known) this.#wrong('wrongPicks', atNs, cpu, 'would pick', choice, 'not', to);
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

  /** The tasks that were woken at T0 get the places that the offsets give them. */
  #place(): void {
    if (this.#placed) return;
    this.#placed = true;
    this.#times.place(this.options.offsets);
  }

  /** A choice says where the recorded kernel's virtual times lie. */
  #followPick(task: number, other: number): number {
    return this.#exact ? NEVER : this.#times.chosen(task, other);
  }

  #followPreemption(task: number, by: number): number {
    return this.#exact || !this.#eevdf ? NEVER : this.#times.gaveWay(task, by);
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
    const asked = this.#driver.asked(cpu, clockNs);
    const served = !asked && this.#unknowns.served(from, to, cpu, clockNs);
    if (lane.hangs || served) this.#tally.open('ties', atNs);
    else if (asked) this.#tally.right(atNs);
    else if (this.#followPreemption(from, to) <= this.#resolutionNs) this.#tally.open('ties', atNs);
    else this.#wrong('missedPreemptions', atNs, cpu, 'would not preempt', from, 'for', to);
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

/** Whether a trace holds every charge. */
export function isExact(trace: RecordedTrace): boolean {
  return trace.events.some(({ event }) => event === 'charge');
}
