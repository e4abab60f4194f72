/**
 * Load weights and the fixed-point arithmetic on them (kernel/sched/core.c sched_prio_to_weight and sched_prio_to_wmult,
 * kernel/sched/fair.c __calc_delta).
 */

/** Weight of nice 0, and of a group with cpu.weight 100, at the kernel's 64-bit resolution. */
export const NICE_0_LOAD: u64 = 1 << 20;
/** 64-bit kernels keep weights shifted left by this much. */
const SCALE: u64 = 10;
/** SCHED_IDLE (kernel/sched/sched.h WEIGHT_IDLEPRIO, WMULT_IDLEPRIO). */
const IDLE_WEIGHT: u64 = 3;
const IDLE_WMULT: u32 = 1431655765;
const WMULT_CONST: u64 = 0xffffffff;

const WEIGHTS: StaticArray<u32> = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];

const WMULTS: StaticArray<u32> = [
  48388, 59856, 76040, 92818, 118348, 147320, 184698, 229616, 287308, 360437, 449829, 563644, 704093, 875809, 1099582,
  1376151, 1717300, 2157191, 2708050, 3363326, 4194304, 5237765, 6557202, 8165337, 10153587, 12820798, 15790321,
  19976592, 24970740, 31350126, 39045157, 49367440, 61356676, 76695844, 95443717, 119304647, 148102320, 186737708,
  238609294, 286331153,
];

/** load.weight of a nice value, or of SCHED_IDLE. */
export function weightOf(nice: i32, idlePolicy: bool): u64 {
  return (idlePolicy ? IDLE_WEIGHT : <u64>WEIGHTS[nice + 20]) << SCALE;
}

/** load.inv_weight of a nice value, or of SCHED_IDLE: the table's, not recomputed. */
export function wmultOf(nice: i32, idlePolicy: bool): u32 {
  return idlePolicy ? IDLE_WMULT : WMULTS[nice + 20];
}

/** Weight without the extra resolution, at least 2 when not 0 (scale_load_down). */
export function scaleLoadDown(weight: u64): u64 {
  return weight == 0 ? 0 : max(weight >> SCALE, 2);
}

/** inv_weight of a queue or group (__update_inv_weight): from 2³² − 1, hence a tiny downward bias. */
export function inverseOf(weight: u64): u32 {
  const w = scaleLoadDown(weight);
  if (w >= WMULT_CONST) return 1;
  return w == 0 ? <u32>WMULT_CONST : <u32>(WMULT_CONST / w);
}

/** delta × weight / load, where `inverse` is load's inv_weight. */
export function calcDelta(delta: u64, weight: u64, inverse: u32): u64 {
  let fact = scaleLoadDown(weight);
  let shift: u64 = 32;
  let high = <u32>(fact >> 32);
  if (high != 0) {
    const bits = 32 - <u64>clz(high);
    shift -= bits;
    fact >>= bits;
  }
  fact = <u64>(<u32>fact) * <u64>inverse;
  high = <u32>(fact >> 32);
  if (high != 0) {
    const bits = 32 - <u64>clz(high);
    shift -= bits;
    fact >>= bits;
  }
  // mul_u64_u32_shr: a 96-bit product, exact.
  return (((delta & 0xffffffff) * fact) >> shift) + (((delta >> 32) * fact) << (32 - shift));
}
