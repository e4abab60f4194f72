/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import type { Cast } from './history.js';
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
/** A tick's handler runs so long after its grid point, as sched_stat_runtime shows in one-instruction-a-nanosecond recordings. */
const TICK_DELAY_NS = 1_760;
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
 * A trace without charges tells the clock only to within a few of these lengths. Tasks whose virtual times lie closer together than this are
 * a tie that it cannot decide.
 */
const TIE_NS = 5_000;

export interface ReplayOptions {
  tickNs: number;
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
  lastTick: number;
  /** A wakeup has asked for the reschedule: its clock serves for the switch, too. */
  byWakeup: boolean;
}

class Walk {
  readonly #driver: Driver;
  readonly #lanes: Lane[];
  readonly #chosen = new Map<number, number>();
  readonly #wokenAt = new Map<number, number>();
  /** Tasks that have run, and those whose vruntime a charge has shown. */
  readonly #seen = new Set<number>();
  readonly #charged = new Set<number>();
  readonly #exact: boolean;
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
      lastTick: 0,
      byWakeup: false,
    }));
    this.#eevdf = cast.scenario.kernel.fair.startsWith('eevdf');
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
    const { tickNs } = this.options;
    for (const [cpu, lane] of this.#lanes.entries()) {
      let tick = lane.lastTick + 1;
      for (; tick * tickNs + TICK_DELAY_NS <= atNs; tick++) if (lane.curr !== -1) this.#tick(cpu, tick);
      lane.lastTick = tick - 1;
    }
  }

  #tick(cpu: number, tick: number): void {
    const atNs = tick * this.options.tickNs + TICK_DELAY_NS;
    this.#settle(cpu, atNs);
    this.#driver.tick(cpu, atNs);
    this.#chance(cpu, atNs);
  }

  /** Another task waits: the model may want to preempt. */
  #chance(cpu: number, atNs: number): void {
    const lane = this.#lane(cpu);
    if (lane.curr === -1 || this.#driver.runnable(cpu) < 2) return;
    lane.chanceAt ??= atNs;
  }

  /** A chance that no switch has answered in time: the kernel did not preempt. */
  #settle(cpu: number, atNs: number): void {
    const lane = this.#lane(cpu);
    if (lane.chanceAt === null || atNs - lane.chanceAt < this.options.windowNs) return;
    this.#counts.decisions++;
    if (this.#driver.asked(cpu)) {
      // The kernel may have rescheduled and picked the same task again, which no event shows.
      const choice = this.#driver.pick(cpu, 'runnable', lane.chanceAt);
      if (choice !== lane.curr) {
        this.#counts.extraPreemptions++;
        this.#example(lane.chanceAt, cpu, `would preempt ${this.#name(lane.curr)} for ${this.#name(choice)}`);
        this.#driver.force(cpu, lane.curr);
      }
    }
    lane.chanceAt = null;
  }

  #step(event: TracedEvent): void {
    this.#settle(event.cpu, event.atNs);
    switch (event.event) {
      case 'switch':
        this.#switch(event);
        break;
      case 'waking':
        this.#wokenAt.set(event.task.pid, event.atNs);
        if (this.#isFree(event.task.pid)) {
          this.#chosen.set(event.task.pid, this.#driver.choose(this.#id(event.task.pid), event.cpu, false, event.atNs));
        }
        break;
      case 'wakeup':
        this.#wakeup(event);
        break;
      case 'migrate':
        this.#driver.migrate(this.#id(event.task.pid), event.to, event.atNs);
        break;
      case 'charge':
        this.#charge(event);
        break;
      default:
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
    const askedBefore = this.#driver.asked(target);
    this.#driver.wake(this.#id(task.pid), target, fresh, wokenAt === undefined ? atNs : wokenAt + WAKE_CLOCK_NS);
    this.#lane(target).byWakeup = !askedBefore && this.#driver.asked(target);
    this.#chance(target, atNs);
  }

  #switch({ prev, prevState, next, cpu, atNs }: Extract<TracedEvent, { event: 'switch' }>): void {
    const lane = this.#lane(cpu);
    const from = this.#id(prev.pid);
    const to = this.#id(next.pid);
    if (from !== lane.curr) this.#repair(cpu, from, atNs);
    // What has been runnable since before T0 is not in the history.
    const known = this.#driver.queued(to);
    const clockNs = prevState === 'runnable' ? atNs - PREEMPT_CLOCK_NS : atNs - SLEEP_CLOCK_NS;
    if (!known) this.#driver.wake(to, cpu, false, clockNs);
    if (known && from !== -1 && prevState === 'runnable') {
      this.#counts.decisions++;
      // A late tick is asked again at the time at which it came.
      const late = lane.chanceAt !== null && atNs - lane.lastTick * this.options.tickNs < this.options.windowNs;
      if (!this.#driver.asked(cpu) && late && !this.#exact) this.#driver.tick(cpu, clockNs);
      if (!this.#driver.asked(cpu)) {
        this.#counts.missedPreemptions++;
        this.#example(atNs, cpu, `would not preempt ${prev.name} for ${next.name}`);
      }
    }
    lane.chanceAt = null;
    const skips = prevState === 'runnable' && lane.byWakeup;
    const choice = this.#driver.pick(cpu, prevState, skips ? 0 : clockNs);
    lane.byWakeup = false;
    const apartNs = choice === to ? Number.POSITIVE_INFINITY : this.#driver.apart(choice, to);
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const unknown = this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice));
    const tie = !this.#exact && (apartNs <= TIE_NS || (unknown && Number.isFinite(apartNs)));
    this.#seen.add(to);
    if (tie) this.#counts.ties++;
    else if (known && (choice !== -1 || to !== -1)) {
      this.#counts.decisions++;
      if (choice !== to) {
        this.#counts.wrongPicks++;
        this.#example(atNs, cpu, `would pick ${this.#name(choice)}, not ${next.name}`);
      }
    }
    this.#driver.force(cpu, to);
    // The choice says where the recorded kernel's virtual times lie; what was wrong is not carried on.
    if (!this.#exact && Number.isFinite(apartNs)) this.#driver.follow(to, choice);
    lane.curr = to;
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
    if (atNs - tick * this.options.tickNs < TICK_CHARGE_NS && lane.lastTick < tick) {
      lane.lastTick = tick;
      this.#tick(cpu, tick);
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
