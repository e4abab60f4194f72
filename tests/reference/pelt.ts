/**
 * Per-entity load tracking on one clock, with BigInt (kernel/sched/pelt.c of 6.1): a sum of the past in periods of 1024 µs, in which
 * the period p periods ago counts y^p, y³² = ½. Time is counted in units of 1024 ns.
 */

/** ⌊y^n · 2³²⌋ for n = 0…31 as the kernel rounds them (sched-pelt.h runnable_avg_yN_inv). */
const POWERS = [
  0xffffffffn,
  0xfa83b2dan,
  0xf5257d14n,
  0xefe4b99an,
  0xeac0c6e6n,
  0xe5b906e6n,
  0xe0ccdeebn,
  0xdbfbb796n,
  0xd744fcc9n,
  0xd2a81d91n,
  0xce248c14n,
  0xc9b9bd85n,
  0xc5672a10n,
  0xc12c4cc9n,
  0xbd08a39en,
  0xb8fbaf46n,
  0xb504f333n,
  0xb123f581n,
  0xad583ee9n,
  0xa9a15ab4n,
  0xa5fed6a9n,
  0xa2704302n,
  0x9ef5325fn,
  0x9b8d39b9n,
  0x9837f050n,
  0x94f4efa8n,
  0x91c3d373n,
  0x8ea4398an,
  0x8b95c1e3n,
  0x88980e80n,
  0x85aac367n,
  0x82cd8698n,
];
const PERIOD = 1024n;
/** The sum of a past without end (sched-pelt.h LOAD_AVG_MAX). */
export const LOAD_AVG_MAX = 47742n;
const SCALE = 10n;

/** value · y^periods (decay_load). */
export function decay(value: bigint, periods: bigint): bigint {
  if (periods > 63n * 32n) return 0n;
  const power = POWERS[Number(periods % 32n)] ?? 0n;
  return ((value >> (periods / 32n)) * power) >> 32n;
}

/** What a span of time was: how much load and how many runnable there were, and whether it ran. */
export interface Activity {
  readonly load: bigint;
  readonly runnable: bigint;
  readonly running: boolean;
}

export class PeltReference {
  loadSum = 0n;
  runnableSum = 0n;
  utilSum = 0n;
  loadAvg = 0n;
  runnableAvg = 0n;
  utilAvg = 0n;
  /** Units of the present period that have passed. */
  #contrib = 0n;
  #last: bigint;

  constructor(now = 0n) {
    this.#last = now;
  }

  /** What a full past would sum up to now (get_pelt_divider). */
  get divider(): bigint {
    return LOAD_AVG_MAX - PERIOD + this.#contrib;
  }

  /** Adds what was since the last update; averages change only where a period ends. `weight`: of the task, 1 of a queue. */
  update(now: bigint, { load, runnable, running }: Activity, weight: bigint): boolean {
    if (now < this.#last) {
      this.#last = now;
      return false;
    }
    const units = (now - this.#last) >> 10n;
    if (units === 0n) return false;
    this.#last += units << 10n;
    const periods = (this.#contrib + units) / PERIOD;
    const begun = (this.#contrib + units) % PERIOD;
    let added = units;
    if (periods > 0n) {
      for (const sum of ['loadSum', 'runnableSum', 'utilSum'] as const) this[sum] = decay(this[sum], periods);
      // The period that ended, those that lie between, and the one that has begun.
      const between = LOAD_AVG_MAX - decay(LOAD_AVG_MAX, periods) - PERIOD;
      added = decay(PERIOD - this.#contrib, periods) + between + begun;
    }
    this.#contrib = begun;
    if (load > 0n) {
      this.loadSum += load * added;
      this.runnableSum += (runnable * added) << SCALE;
      if (running) this.utilSum += added << SCALE;
    }
    if (periods === 0n) return false;
    this.loadAvg = (weight * this.loadSum) / this.divider;
    this.runnableAvg = this.runnableSum / this.divider;
    this.utilAvg = this.utilSum / this.divider;
    return true;
  }
}

/** How many CPUs of a cache domain a wakeup looks at for an idle one, from the domain's utilisation (update_idle_cpu_scan). */
export function nrIdleScan(cpus: number, utilSum: number): number {
  // imbalance_pct of a cache domain.
  const percent = 117n;
  const x = BigInt(Math.trunc(utilSum)) / BigInt(cpus);
  const used = (x * x * percent * percent) / (10_000n * 1024n);
  const y = 1024n - (used < 1024n ? used : 1024n);
  return Number((BigInt(cpus) * y) / 1024n);
}
