/**
 * Replay: walks through a recorded trace with the simulated scheduling classes, asks them at every chance what they would do, and counts how
 * often that is what the recorded kernel did.
 */
import { Driver } from '../kernel/driver.js';
import type { TaskSpec } from '../scenario/scenario.js';
import { type Cast, FAIR_PRIO, schedOfPrio } from './history.js';
import { type ReplayCounts, Tally, wrongOf } from './tally.js';
import type { RecordedTrace, TracedEvent, TracedTask } from './trace.js';
import { placeQueues } from './vruntimes.js';

/** A tick's handler runs so long after its grid point, as sched_stat_runtime shows in one-instruction-a-nanosecond recordings. */
const TICK_DELAY_NS = 1_760;
/** A charge printed within this of a grid point is the tick's own. */
const TICK_CHARGE_NS = 2_500;
/**
 * When the runqueue's clock was read: so long after sched_waking for a wakeup, and so long before the sched_switch of a task that is
 * preempted by a tick, and of one that sleeps (the last two by its class); longer by so much for each further level of the tree of waiting
 * tasks, and if the next one is in another group. After a wakeup that finds a reschedule wanted it is not read again
 * for the switch (rq_clock_skip_update). `wake` is from S06 recorded with and without sched_stat_runtime. The others follow from what
 * /proc/PID/sched of the recorded tasks says that they ran (kernel_accounting of the summaries), by least squares over the one-CPU cases.
 */
const CLOCKS = {
  cfs: {
    wakeNs: 860,
    preemptNs: 1_450,
    sleepNs: 1_730,
    sleepLevelNs: 100,
    sleepRtNs: 1_940,
    regroupNs: 1_070,
    sleepRegroupNs: 1_780,
  },
  eevdf: {
    wakeNs: 860,
    preemptNs: 1_860,
    sleepNs: 2_060,
    sleepLevelNs: 220,
    sleepRtNs: 2_140,
    regroupNs: 1_000,
    sleepRegroupNs: 2_200,
  },
} as const;
/**
 * A trace without charges tells the clock only to within a few of these lengths. What would be decided otherwise if virtual times lay by less
 * than this elsewhere is a tie that it cannot decide.
 */
const TIE_NS = 5_000;
/** Virtual times are moved as far as it takes. */
const ALWAYS_NS = Number.MAX_SAFE_INTEGER;

/** Where a task, or the group `up` levels above it, lies in virtual time when it first runs, beside where it is placed without lag. */
export interface Offset {
  task: number;
  up: number;
  ns: number;
}

export interface ReplayOptions {
  tickNs: number;
  /** A reschedule that was asked for shows as a switch within this time. */
  windowNs: number;
  /** How far behind its queue's min_vruntime a long sleeper is placed. */
  creditNs: (task: TaskSpec | undefined) => number;
  offsets: readonly Offset[];
  /** What is decided before this does not count: the offsets follow from it. */
  fromNs: number;
}

export function replay(cast: Cast, trace: RecordedTrace, options: ReplayOptions): ReplayCounts {
  return new Walk(cast, trace, options, ALWAYS_NS).run(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
}

/**
 * How badly the offsets explain what was decided before `untilNs`: wrong decisions, first picks included, and a tenth for a tie. Stops
 * counting above `most`.
 */
export function misfit(
  cast: Cast,
  trace: RecordedTrace,
  options: ReplayOptions,
  untilNs: number,
  most: number,
): number {
  return misfitOf(new Walk(cast, trace, { ...options, fromNs: 0 }, TIE_NS).run(untilNs, most));
}

function misfitOf(counts: ReplayCounts): number {
  return wrongOf(counts) + counts.firstPicks + counts.ties / 10;
}

type Switch = Extract<TracedEvent, { event: 'switch' }>;

interface Lane {
  /** The running task; −1: idle. */
  curr: number;
  /** When a chance to preempt arose that has not been answered; null: none. */
  chanceAt: number | null;
  lastTick: number;
  /** A wakeup has found a reschedule wanted: its clock serves for the switch, too. */
  byWakeup: boolean;
}

class Walk {
  readonly #driver: Driver;
  readonly #lanes: Lane[];
  readonly #tally: Tally;
  readonly #chosen = new Map<number, number>();
  /** By pid: the last sched_waking. */
  readonly #wokenAt = new Map<number, number>();
  /** By task that has run: the last wakeup. */
  readonly #awakeSince = new Map<number, number>();
  /** By task: the prio that it was last seen with. */
  readonly #prios = new Map<number, number>();
  /** Tasks that have run, and those whose vruntime a charge has shown. */
  readonly #seen = new Set<number>();
  readonly #charged = new Set<number>();
  readonly #exact: boolean;
  /** The root queue's virtual time follows from the scenario's own tasks. */
  readonly #rootKnown: boolean;
  readonly #eevdf: boolean;
  readonly #clocks: (typeof CLOCKS)['cfs' | 'eevdf'];
  #placed = false;

  /** Virtual times are corrected after a decision if that takes no more than `followNs`. */
  constructor(
    readonly cast: Cast,
    readonly trace: RecordedTrace,
    readonly options: ReplayOptions,
    readonly followNs: number,
  ) {
    this.#driver = new Driver(cast.scenario);
    this.#tally = new Tally(options.fromNs);
    this.#lanes = Array.from({ length: cast.scenario.machine.cpus }, () => ({
      curr: -1,
      chanceAt: null,
      lastTick: 0,
      byWakeup: false,
    }));
    this.#eevdf = cast.scenario.kernel.fair.startsWith('eevdf');
    this.#clocks = CLOCKS[this.#eevdf ? 'eevdf' : 'cfs'];
    this.#exact = isExact(trace);
    if (this.#exact) this.#driver.exact();
    this.#rootKnown = this.#exact && placeQueues(this.#driver, cast, trace, options.creditNs);
  }

  run(untilNs: number, mostMisfit: number): ReplayCounts {
    const { controller, controllerCpu, events } = this.trace;
    const first = this.#id(controller.pid);
    this.#driver.wake(first, controllerCpu, false, 0);
    this.#driver.pick(controllerCpu, 'runnable', 0);
    this.#driver.force(controllerCpu, first);
    this.#lane(controllerCpu).curr = first;
    for (const event of events) {
      if (event.atNs > untilNs || misfitOf(this.#tally.counts) > mostMisfit) break;
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
    this.#lane(cpu).byWakeup = false;
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
    const { curr, chanceAt } = lane;
    if (chanceAt === null || atNs - chanceAt < this.options.windowNs) return;
    lane.chanceAt = null;
    // The kernel may have rescheduled and picked the same task again, which no event shows.
    const choice = this.#driver.asked(cpu) ? this.#driver.pick(cpu, 'runnable', chanceAt) : curr;
    if (choice === curr) {
      this.#tally.right(chanceAt);
      return;
    }
    this.#driver.force(cpu, curr);
    if (this.#followPick(curr, choice) <= TIE_NS) this.#tally.open('ties', chanceAt);
    else this.#wrong('extraPreemptions', chanceAt, cpu, 'would preempt', curr, 'for', choice);
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
    const id = this.#id(task.pid);
    const chosen =
      fresh && this.#isFree(task.pid) ? this.#driver.choose(id, cpu, true, atNs) : this.#chosen.get(task.pid);
    this.#chosen.delete(task.pid);
    if (chosen === target) this.#tally.right(atNs);
    else if (chosen !== undefined) {
      this.#tally.wrong('wrongCpus', atNs, cpu, () => `would wake ${task.name} on CPU ${chosen}, not ${target}`);
    }
    this.#settle(target, atNs);
    const wokenAt = this.#wokenAt.get(task.pid);
    if (this.#seen.has(id)) this.#awakeSince.set(id, atNs);
    this.#driver.wake(id, target, fresh, wokenAt === undefined ? atNs : wokenAt + this.#clocks.wakeNs);
    this.#lane(target).byWakeup = this.#driver.asked(target);
    this.#chance(target, atNs);
  }

  #switch(event: Switch): void {
    const { prev, prevState, next, cpu, atNs } = event;
    const lane = this.#lane(cpu);
    const from = this.#id(prev.pid);
    const to = this.#id(next.pid);
    if (from !== lane.curr) this.#repair(cpu, from, atNs);
    this.#changePolicy(cpu, from, prev, atNs);
    this.#place();
    // What has been runnable since before T0 is not in the history.
    const known = this.#driver.queued(to);
    const clockNs = atNs - this.#clockBefore(event);
    if (!known) this.#driver.wake(to, cpu, false, clockNs);
    if (known && from !== -1 && prevState === 'runnable') this.#preempt(cpu, from, to, atNs);
    lane.chanceAt = null;
    const skips = prevState === 'runnable' && lane.byWakeup;
    const choice = this.#driver.pick(cpu, prevState, skips ? 0 : clockNs);
    lane.byWakeup = false;
    this.#driver.force(cpu, to);
    lane.curr = to;
    this.#prios.set(to, next.prio);
    if (choice === to) {
      this.#seen.add(to);
      if (known && to !== -1) this.#tally.right(atNs);
      return;
    }
    const offNs = this.#followPick(to, choice);
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const unknown = this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice)) && Number.isFinite(offNs);
    this.#seen.add(to);
    if (offNs <= TIE_NS) this.#tally.open('ties', atNs);
    else if (unknown) this.#tally.open('firstPicks', atNs);
    else if (known) this.#wrong('wrongPicks', atNs, cpu, 'would pick', choice, 'not', to);
  }

  /** A task that leaves with another prio than it came with has changed its policy meanwhile. */
  #changePolicy(cpu: number, task: number, { prio }: TracedTask, atNs: number): void {
    const before = this.#prios.get(task);
    this.#prios.set(task, prio);
    if (task === -1 || before === undefined || before === prio) return;
    this.#driver.changePolicy(cpu, schedOfPrio(prio), atNs - this.#clocks.preemptNs);
  }

  /** How long before a sched_switch the clock was read. */
  #clockBefore({ prev, prevState, next, cpu }: Switch): number {
    const { preemptNs, sleepNs, sleepLevelNs, sleepRtNs, regroupNs, sleepRegroupNs } = this.#clocks;
    if (prev.prio < FAIR_PRIO) return prevState === 'runnable' ? preemptNs : sleepRtNs;
    const regroups = this.#groupOf(prev.pid) !== this.#groupOf(next.pid);
    if (prevState === 'runnable') return regroups ? preemptNs + regroupNs : preemptNs;
    const levels = Math.floor(Math.log2(Math.max(2, this.#driver.runnable(cpu)))) - 1;
    return sleepNs + levels * sleepLevelNs + (regroups ? sleepRegroupNs : 0);
  }

  #groupOf(pid: number): string | null {
    return this.cast.scenario.tasks[this.#id(pid)]?.cgroup ?? null;
  }

  /** The kernel preempted `from`: the model must want that, too. */
  #preempt(cpu: number, from: number, to: number, atNs: number): void {
    const { chanceAt, lastTick } = this.#lane(cpu);
    const { tickNs, windowNs } = this.options;
    // A late tick is asked again at the time at which it came.
    const late = chanceAt !== null && atNs - lastTick * tickNs < windowNs;
    if (!this.#driver.asked(cpu) && late && !this.#exact) this.#driver.tick(cpu, atNs - this.#clocks.preemptNs);
    if (this.#driver.asked(cpu)) this.#tally.right(atNs);
    else if (this.#followPreemption(from, to) <= TIE_NS) this.#tally.open('ties', atNs);
    else this.#wrong('missedPreemptions', atNs, cpu, 'would not preempt', from, 'for', to);
  }

  /** The tasks that were woken at T0 get the places that the offsets give them. */
  #place(): void {
    if (this.#placed) return;
    this.#placed = true;
    for (const { task, up, ns } of this.options.offsets) if (this.#driver.queued(task)) this.#driver.shift(task, up, ns);
  }

  /** A choice says where the recorded kernel's virtual times lie; what was wrong is not carried on. */
  #followPick(task: number, other: number): number {
    if (this.#exact) return Number.POSITIVE_INFINITY;
    return this.#driver.followPick(task, other, this.#wokeLater(other, task), this.followNs);
  }

  #followPreemption(task: number, by: number): number {
    if (this.#exact) return Number.POSITIVE_INFINITY;
    return this.#driver.followPreemption(task, by, this.#wokeLater(by, task), this.followNs);
  }

  /** Who has slept more lately: its place was computed anew, and is the less certain. */
  #wokeLater(a: number, b: number): boolean {
    return (this.#awakeSince.get(a) ?? -1) > (this.#awakeSince.get(b) ?? -1);
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
    if (atNs - tick * this.options.tickNs < TICK_CHARGE_NS && lane.lastTick < tick) {
      lane.lastTick = tick;
      this.#tick(cpu, tick);
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
