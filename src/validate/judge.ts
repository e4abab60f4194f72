/**
 * Judges what the model would do by what the recorded kernel did: right, wrong, a tie that the trace cannot decide, or a pick that hangs on
 * what was before T0. Where the two differ, the model is made to agree, so that what was wrong is not carried on.
 */
import type { Driver } from '../kernel/driver.js';
import type { Cast } from './history.js';
import { Tally } from './tally.js';
import type { At } from './trace.js';
import { Unknowns } from './unknowns.js';
import { NEVER, VirtualTimes } from './virtual_times.js';

/**
 * A trace without charges tells the clock only to within a few of these lengths, and where the machine was emulated in real time, to within
 * what a tick that is on time varies by. Tasks whose virtual times lie closer together than this are a tie that it cannot decide, and so is
 * there a tick that would be answered otherwise by so much earlier or later.
 */
const RESOLUTION_NS = { counted: 5_000, realTime: 200_000 } as const;

export interface JudgeOptions {
  tickNs: number;
  /** The machine was emulated in real time. */
  realTime: boolean;
  /** The trace holds every charge: virtual times are known, and nothing is a tie. */
  exact: boolean;
  /** What is decided before this does not count. */
  fromNs: number;
}

export class Judge {
  readonly tally: Tally;
  readonly times: VirtualTimes;
  readonly unknowns: Unknowns;
  /** What hangs on less than this is a tie. */
  readonly resolutionNs: number;
  /** Tasks that have run. */
  readonly #seen = new Set<number>();
  readonly #eevdf: boolean;

  constructor(
    readonly driver: Driver,
    readonly cast: Cast,
    readonly options: JudgeOptions,
  ) {
    this.tally = new Tally(options.fromNs);
    this.times = new VirtualTimes(driver, cast.scenario);
    this.resolutionNs = options.realTime ? RESOLUTION_NS.realTime : RESOLUTION_NS.counted;
    this.unknowns = new Unknowns(driver, cast.scenario, this.resolutionNs, options.tickNs);
    this.#eevdf = cast.scenario.kernel.fair.startsWith('eevdf');
  }

  /** `to` was picked, the model picked `choice`. `known`: the history has it that `to` waited; `lent`: but throttled, by less than shows. */
  picked({ atNs, cpu }: At, to: number, choice: number, known: boolean, lent: boolean): void {
    const strayed = this.unknowns.arrive(to);
    // Where a task of EEVDF begins hangs on its lag before T0, which no trace holds.
    const unseen = this.#eevdf && !(this.#seen.has(to) && this.#seen.has(choice));
    this.#seen.add(to);
    if (choice === to) {
      if (lent) this.tally.open('ties', atNs);
      else if (known && to !== -1) this.tally.right(atNs);
      return;
    }
    this.driver.force(cpu, to);
    const kept = this.unknowns.kept(choice, to, cpu);
    const { exact } = this.options;
    const offNs = exact ? NEVER : this.times.chosen(to, choice);
    if (!exact && (lent || kept || this.#isTie(offNs))) this.tally.open('ties', atNs);
    else if ((strayed || unseen) && Number.isFinite(offNs)) this.tally.open('firstPicks', atNs);
    else if (known) this.#wrong('wrongPicks', atNs, cpu, 'would pick', choice, 'not', to);
  }

  /** `from` was preempted for `to`; `asked`: the model wanted that at `clockNs`, too. `hangs`: on less than shows. */
  preempted(at: At, clockNs: number, from: number, to: number, asked: boolean, hangs: boolean): void {
    const { atNs, cpu } = at;
    if (hangs) this.tally.open('ties', atNs);
    else if (asked) this.tally.right(atNs);
    else if (this.unknowns.served(from, to, cpu, clockNs)) this.tally.open('firstPicks', atNs);
    else if (!this.options.exact && this.#isTie(this.times.gaveWay(from, to))) this.tally.open('ties', atNs);
    else this.#wrong('missedPreemptions', atNs, cpu, 'would not preempt', from, 'for', to);
  }

  /** `curr` was not preempted. `choice`: the one that the model picked instead; `woke`: because that one woke. */
  stayed({ atNs, cpu }: At, curr: number, choice: number, woke: boolean, hangs: boolean): void {
    if (choice === curr) {
      if (hangs) this.tally.open('ties', atNs);
      else this.tally.right(atNs);
      return;
    }
    this.driver.force(cpu, curr);
    const drained = this.unknowns.drained(choice);
    // With so little left of its quota it may have been throttled.
    const mayBe = drained || this.driver.drain(choice, this.options.tickNs);
    const offNs = mayBe || hangs || this.options.exact ? NEVER : this.times.stayed(curr, choice, woke);
    if (drained || hangs || this.#isTie(offNs)) this.tally.open('ties', atNs);
    else this.#wrong('extraPreemptions', atNs, cpu, 'would preempt', curr, 'for', choice);
  }

  /** A task was woken on `target`; `chosen`: where the model would have. */
  placed({ atNs, cpu }: At, task: number, target: number, chosen: number): void {
    if (chosen === target) this.tally.right(atNs);
    else
      this.tally.wrong('wrongCpus', atNs, cpu, () => `would wake ${this.#name(task)} on CPU ${chosen}, not ${target}`);
  }

  #isTie(offNs: number): boolean {
    return offNs <= this.resolutionNs;
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
    this.tally.wrong(mistake, atNs, cpu, () => `${verb} ${this.#name(a)} ${but} ${this.#name(b)}`);
  }

  #name(task: number): string {
    if (task === -1) return 'idle';
    return this.cast.names[task] ?? '?';
  }
}
