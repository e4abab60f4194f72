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
  periodContrib: u16;
  /** `utilAvg` is what it was when it last went to sleep (UTIL_AVG_UNCHANGED). */
  utilUnchanged: bool;
  /** Of a task: what it used when it last went to sleep; of a CPU's queue: the sum of that over its runnable tasks. */
  utilEst: u32;
  loadAvg: u64;
  runnableAvg: u64;
  utilAvg: u64;
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

/** Beyond so many periods nothing is left of any sum. */
const FORGOTTEN: u64 = HALF_LIFE * 63;

/** value × factor / 2³² (mul_u64_u32_shr). */
function mulShift(value: u64, factor: u64): u64 {
  return (((value & 0xffffffff) * factor) >> 32) + (value >> 32) * factor;
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
    // 0 would say that it is attached to no queue.
    avg.lastUpdateTime = max(now, 1);
    return false;
  }
  const units = delta >> 10;
  if (units == 0) return false;
  avg.lastUpdateTime += units << 10;
  const total = units + avg.periodContrib;
  const periods = total / PERIOD;
  const begun = <u64>avg.periodContrib;
  avg.periodContrib = <u16>(<u32>total % PERIOD);
  if (periods == 0) {
    if (load != 0) contribute(avg, units, load, runnable, running);
    return false;
  }
  // value × y^periods = (value >> shift) × factor / 2³² (decay_load)
  const shift = periods / HALF_LIFE;
  const factor = periods > FORGOTTEN ? 0 : <u64>unchecked(Y_INVERSE[<u32>periods % HALF_LIFE]);
  avg.loadSum = mulShift(avg.loadSum >> shift, factor);
  avg.runnableSum = mulShift(avg.runnableSum >> shift, factor);
  avg.utilSum = mulShift(avg.utilSum >> shift, factor);
  if (load != 0) {
    // What is left of the first period's rest, all of those between, and the begin of the last (__accumulate_pelt_segments).
    const first = (((PERIOD - begun) >> shift) * factor) >> 32;
    const between = LOAD_AVG_MAX - (((<u64>LOAD_AVG_MAX >> shift) * factor) >> 32) - PERIOD;
    contribute(avg, first + between + avg.periodContrib, load, runnable, running);
  }
  return true;
}

function contribute(avg: SchedAvg, contribution: u64, load: u64, runnable: u64, running: bool): void {
  avg.loadSum += load * contribution;
  avg.runnableSum += (runnable * contribution) << CAPACITY_SHIFT;
  if (running) avg.utilSum += contribution << CAPACITY_SHIFT;
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
