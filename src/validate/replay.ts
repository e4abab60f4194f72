/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import type { Cast } from './history.js';
import { gridTicks, shownTicks, TICK_DELAY_NS, type Ticks } from './ticks.js';
import type { RecordedTrace, TracedEvent } from './trace.js';

/** What was counted. */
export interface ReplayCounts {
  /** Picks, chances to preempt and choices of a CPU. */
  decisions: number;
  wrongPicks: number;
  /** The kernel preempted and the model would not have; and the other way round. */
  missedPreemptions: number;
  extraPreemptions: number;
  wrongCpus: number;
  /** Picks that hang on less than the trace's resolution; no decisions. */
  ties: number;
  /** Recorded charges, those after which vruntime was the model's to the nanosecond, and the first that was not. */
  charges: number;
  matchedCharges: number;
  firstMismatch: string | null;
  /** The first decisions that were wrong, for people. */
  examples: string[];
}

const MAX_EXAMPLES = 20;
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

/** Of whatever kind. */
export function wrongDecisions(counts: ReplayCounts): number {
  return counts.wrongPicks + counts.missedPreemptions + counts.extraPreemptions + counts.wrongCpus;
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
  /** BT tasks that woke on another CPU and have not run since. */
  readonly #strays = new Set<number>();
  /** CPUs of which it is known what BT had used of its budget before T0. */
  readonly #budgetsKnown = new Set<number>();
  readonly #exact: boolean;
  readonly #resolutionNs: number;
  /** The root queue's virtual time follows from the scenario's own tasks. */
  #rootKnown = false;
  readonly #eevdf: boolean;
  readonly #counts: ReplayCounts = {
    decisions: 0,
    wrongPicks: 0,
    missedPreemptions: 0,
    extraPreemptions: 0,
    wrongCpus: 0,
    ties: 0,
    charges: 0,
    matchedCharges: 0,
    firstMismatch: null,
    examples: [],
  };

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
    if (this.#exact) {
      this.#driver.exact();
      this.#placeQueues();
    }
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
    return this.#counts;
  }

  /** A waking task's vruntime before it first ran follows from its first charge. */
  #placeQueues(): void {
    const starts = new Map<number, bigint>();
    for (const event of this.trace.events) {
      if (event.event !== 'charge') continue;
      const task = this.#id(event.pid);
      if (starts.has(task) || !this.cast.own.has(task)) continue;
      starts.set(task, event.vruntime - BigInt(this.#driver.virtualNs(task, event.ranNs)));
    }
    const groups = new Map<string, Array<[task: number, start: bigint]>>();
    for (const [task, start] of starts) {
      const group = this.cast.scenario.tasks[task]?.cgroup ?? '';
      groups.set(group, [...(groups.get(group) ?? []), [task, start]]);
    }
    this.#rootKnown = groups.has('');
    for (const members of groups.values()) {
      // All but the last-forked one were placed by their credit.
      const mins = members.map(
        ([task, start]) => start + BigInt(this.options.creditNs(this.cast.scenario.tasks[task])),
      );
      const least = mins.reduce((a, b) => (b < a ? b : a));
      for (const [task, start] of members) this.#driver.place(task, start, least);
    }
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
    if (lane.chanceAt === null || atNs - lane.chanceAt < this.options.windowNs) return;
    if (lane.hangs) this.#counts.ties++;
    else this.#counts.decisions++;
    if (this.#driver.asked(cpu)) {
      // The kernel may have rescheduled and picked the same task again, which no event shows.
      const choice = this.#driver.pick(cpu, 'runnable', lane.chanceAt);
      if (choice !== lane.curr) {
        this.#driver.force(cpu, lane.curr);
        if (this.#driver.drain(choice, this.#resolutionNs)) {
          if (!lane.hangs) this.#untie();
        } else if (!lane.hangs) {
          // With so little left it may have been throttled; what was wrong is not carried on.
          if (!this.#driver.drain(choice, this.options.tickNs)) this.#stay(cpu, choice);
          this.#counts.extraPreemptions++;
          this.#example(lane.chanceAt, cpu, `would preempt ${this.#name(lane.curr)} for ${this.#name(choice)}`);
        }
      }
    }
    lane.chanceAt = null;
    lane.hangs = false;
  }

  /** What was counted as a decision turns out to be a tie. */
  #untie(): void {
    this.#counts.decisions--;
    this.#counts.ties++;
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
    if (chosen !== undefined) {
      this.#counts.decisions++;
      if (chosen !== target) {
        this.#counts.wrongCpus++;
        this.#example(atNs, cpu, `would wake ${task.name} on CPU ${chosen}, not ${target}`);
      }
    }
    this.#settle(target, atNs);
    const wokenAt = this.#wokenAt.get(task.pid);
    this.#stray(this.#id(task.pid), task.pid, target);
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

  /** A BT task that wakes on another CPU comes in so far behind as both queues have run since boot, which no trace holds. */
  #stray(task: number, pid: number, target: number): void {
    const from = this.#wokenFrom.get(pid);
    if (this.cast.scenario.tasks[task]?.sched.class !== 'bt' || from === undefined || from === target) return;
    this.#strays.add(task);
    this.#driver.stray(task);
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
    const recalled = atNs - lane.recalledAt < this.options.windowNs;
    if (known && from !== -1 && prevState === 'runnable' && !recalled) {
      // The tick that asked for it came at this time.
      if (!this.#driver.asked(cpu) && this.#ticks.preempting.has(event) && !this.#exact) {
        lane.hangs = this.#hangs(cpu, clockNs);
        this.#driver.tick(cpu, clockNs);
      }
      if (lane.hangs) {
        this.#counts.ties++;
      } else {
        this.#counts.decisions++;
        if (!this.#driver.asked(cpu)) {
          this.#counts.missedPreemptions++;
          this.#example(atNs, cpu, `would not preempt ${prev.name} for ${next.name}`);
        }
      }
    }
    lane.chanceAt = null;
    lane.hangs = false;
    const lent = known && to !== -1 && this.#driver.lend(to, this.#resolutionNs);
    const skips = prevState === 'runnable' && lane.byWakeup;
    const choice = this.#driver.pick(cpu, prevState, skips ? 0 : clockNs);
    lane.byWakeup = false;
    lane.recalledAt = Number.NEGATIVE_INFINITY;
    const apartNs = choice === to ? Number.POSITIVE_INFINITY : this.#driver.apart(choice, to);
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const strayed = this.#strays.delete(to);
    const unknown = strayed || (this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice)));
    this.#seen.add(to);
    this.#driver.force(cpu, to);
    const near = lent || apartNs <= this.#resolutionNs || (choice !== to && this.#kept(choice, to, cpu));
    const tie = !this.#exact && (near || (unknown && Number.isFinite(apartNs)));
    if (tie) this.#counts.ties++;
    else if (known && (choice !== -1 || to !== -1)) {
      this.#counts.decisions++;
      if (choice !== to) {
        this.#counts.wrongPicks++;
        this.#example(atNs, cpu, `would pick ${this.#name(choice)}, not ${next.name}`);
      }
    }
    if (choice !== to) this.#follow(to, choice);
    lane.curr = to;
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

  /** The choice was kept from the CPU: its group had used its quota up, or the BT class its budget. */
  #kept(choice: number, to: number, cpu: number): boolean {
    if (choice === -1) return false;
    if (this.#driver.drain(choice, this.#resolutionNs)) return true;
    if (to !== -1 || this.#budgetsKnown.has(cpu)) return false;
    // What of the budget was used before T0 shows once, when BT is kept from an idle CPU.
    this.#budgetsKnown.add(cpu);
    return this.#driver.spend(choice, cpu, this.options.tickNs / 4);
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
      this.#counts.charges++;
      if (this.#driver.vruntime(task) === vruntime) this.#counts.matchedCharges++;
      else
        this.#counts.firstMismatch ??= `${(atNs / 1e6).toFixed(6)} ms, ${name}: ${vruntime - this.#driver.vruntime(task)} ns off`;
    }
    this.#charged.add(task);
    // Ticks are numbered from 1 on, at T0 + tickNs.
    if (atNs - tick * this.options.tickNs < TICK_CHARGE_NS && lane.ticks < tick) {
      lane.ticks = tick;
      this.#tick(cpu, tick * this.options.tickNs + TICK_DELAY_NS);
    }
  }

  #name(task: number): string {
    if (task === -1) return 'idle';
    for (const [pid, index] of this.cast.byPid) if (index === task) return `${this.#comm(pid)}`;
    return '?';
  }

  #comm(pid: number): string {
    for (const event of this.trace.events) {
      if (event.event === 'switch' && event.next.pid === pid) return event.next.name;
    }
    return `${pid}`;
  }

  #example(atNs: number, cpu: number, what: string): void {
    if (this.#counts.examples.length >= MAX_EXAMPLES) return;
    this.#counts.examples.push(`${(atNs / 1e6).toFixed(6)} ms CPU ${cpu}: ${what}`);
  }
}
