/**
 * PELT: per-entity load tracking (kernel/sched/pelt.c of 6.1, include/linux/sched.h struct sched_avg). Time counts less the longer ago
 * it was: a period of 1024 µs weighs half after 32 of them.
 *
 * Sums are in units of 1024 ns; an average is the sum over what the sum of an entity that was always there would be.
 */

@unmanaged
export class SchedAvg {
  lastUpdateTime: u64;
  loadSum: u64;
  runnableSum: u64;
  utilSum: u64;
  /** How far into its period `lastUpdateTime` lies. */
  periodContrib: u32;
  /** Of a task: what it used when it last went to sleep; of a CPU's queue: the sum of that over its runnable tasks. */
  utilEst: u32;
  loadAvg: u64;
  runnableAvg: u64;
  utilAvg: u64;
  /** `utilAvg` is what it was when it last went to sleep (UTIL_AVG_UNCHANGED). */
  utilUnchanged: bool;
}

/** What the sum tends to (sched-pelt.h LOAD_AVG_MAX). */
export const LOAD_AVG_MAX: u32 = 47742;
const PERIOD: u32 = 1024;
/** Sums count time in units of this. */
const UNIT_NS: u64 = 1024;
const HALF_LIFE: u32 = 32;
/** Sums of less than a period more than this are never divided by (PELT_MIN_DIVIDER). */
export const MIN_DIVIDER: u64 = LOAD_AVG_MAX - PERIOD;
/** Capacity of a CPU, and the scale of utilisation (SCHED_CAPACITY_SHIFT). */
export const CAPACITY: u64 = 1024;
const CAPACITY_SHIFT: u64 = 10;

/** 2³² × y^n, rounded down (sched-pelt.h runnable_avg_yN_inv). */
const Y_INVERSE: StaticArray<u32> = [
  0xffffffff, 0xfa83b2da, 0xf5257d14, 0xefe4b99a, 0xeac0c6e6, 0xe5b906e6, 0xe0ccdeeb, 0xdbfbb796, 0xd744fcc9,
  0xd2a81d91, 0xce248c14, 0xc9b9bd85, 0xc5672a10, 0xc12c4cc9, 0xbd08a39e, 0xb8fbaf46, 0xb504f333, 0xb123f581,
  0xad583ee9, 0xa9a15ab4, 0xa5fed6a9, 0xa2704302, 0x9ef5325f, 0x9b8d39b9, 0x9837f050, 0x94f4efa8, 0x91c3d373,
  0x8ea4398a, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
];

/** value × y^periods (decay_load). */
export function decayLoad(value: u64, periods: u64): u64 {
  if (value == 0 || periods > HALF_LIFE * 63) return 0;
  const rest = value >> (periods / HALF_LIFE);
  const factor = <u64>unchecked(Y_INVERSE[<u32>(periods % HALF_LIFE)]);
  return mulShift(rest, factor);
}

/** value × factor / 2³² (mul_u64_u32_shr); most values are below 2³². */
function mulShift(value: u64, factor: u64): u64 {
  const low = ((value & 0xffffffff) * factor) >> 32;
  return value >> 32 == 0 ? low : low + (value >> 32) * factor;
}

/** Decays the three sums of an entity by as many periods. */
function decaySums(avg: SchedAvg, periods: u64): void {
  if (periods > HALF_LIFE * 63) {
    avg.loadSum = 0;
    avg.runnableSum = 0;
    avg.utilSum = 0;
    return;
  }
  const shift = periods / HALF_LIFE;
  const factor = <u64>unchecked(Y_INVERSE[<u32>(periods % HALF_LIFE)]);
  avg.loadSum = mulShift(avg.loadSum >> shift, factor);
  avg.runnableSum = mulShift(avg.runnableSum >> shift, factor);
  avg.utilSum = mulShift(avg.utilSum >> shift, factor);
}

/** Whether enough time has passed for the sums to change at all. */
export function isDue(avg: SchedAvg, now: u64): bool {
  return now - avg.lastUpdateTime >= UNIT_NS;
}

/** What an entity that was always there would have as its sum (get_pelt_divider). */
export function dividerOf(avg: SchedAvg): u64 {
  return MIN_DIVIDER + avg.periodContrib;
}

/**
 * Takes the sums to `now`, in which time nothing changed: `load` weight and `runnable` tasks were on the queue, `running` was one of
 * them (___update_load_sum). True if a period ended, so that the averages are due.
 */
export function updateSums(avg: SchedAvg, now: u64, load: u64, runnable: u64, running: bool): bool {
  const delta = now - avg.lastUpdateTime;
  if (<i64>delta < 0) {
    avg.lastUpdateTime = now;
    return false;
  }
  const units = delta >> 10;
  if (units == 0) return false;
  avg.lastUpdateTime += units << 10;
  let contribution = units;
  const total = units + avg.periodContrib;
  const periods = total / PERIOD;
  const rest = <u32>(total % PERIOD);
  if (periods != 0) {
    decaySums(avg, periods);
    if (load != 0) {
      contribution =
        decayLoad(PERIOD - avg.periodContrib, periods) +
        (LOAD_AVG_MAX - decayLoad(LOAD_AVG_MAX, periods) - PERIOD) +
        rest;
    }
  }
  avg.periodContrib = rest;
  if (load != 0) {
    avg.loadSum += load * contribution;
    if (runnable != 0) avg.runnableSum += (runnable * contribution) << CAPACITY_SHIFT;
    if (running) avg.utilSum += contribution << CAPACITY_SHIFT;
  }
  return periods != 0;
}

/** The averages of the sums (___update_load_avg); `weight` is what the load sum lacks. */
export function updateAverages(avg: SchedAvg, weight: u64): void {
  const divider = dividerOf(avg);
  avg.loadAvg = (weight * avg.loadSum) / divider;
  avg.runnableAvg = avg.runnableSum / divider;
  avg.utilAvg = avg.utilSum / divider;
}

/** Utilisations that differ by less than 1 % are the same (UTIL_EST_MARGIN). */
export const UTIL_MARGIN: u64 = CAPACITY / 100;

/** The estimate of utilisation after another sample: more counts at once, less by a quarter of the difference (util_est_update). */
export function estimate(old: u64, util: u64, waited: bool): u64 {
  if (old <= util) return util;
  const less = old - util;
  return less < UTIL_MARGIN || waited ? old : ((old << 2) - less) >> 2;
}
