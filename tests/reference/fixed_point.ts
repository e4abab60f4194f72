/**
 * The kernel's weights and its fixed-point arithmetic, written with BigInt from their definition (kernel/sched/core.c
 * sched_prio_to_weight and sched_prio_to_wmult; kernel/sched/fair.c __calc_delta, __update_inv_weight).
 */

/** A weight as 64-bit kernels keep it (10 bits of extra resolution), and its inverse (struct load_weight). */
export interface Load {
  readonly weight: bigint;
  readonly inverse: bigint;
}

const SCALE = 10n;
const TWO_32 = 1n << 32n;

/** Weight of nice 0, and of a group with cpu.weight 100. */
export const NICE_0_LOAD = 1024n << SCALE;

const WEIGHTS = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];

/** The kernel's table; it is not always ⌊2³² / weight⌋. */
const INVERSES = [
  48388, 59856, 76040, 92818, 118348, 147320, 184698, 229616, 287308, 360437, 449829, 563644, 704093, 875809, 1099582,
  1376151, 1717300, 2157191, 2708050, 3363326, 4194304, 5237765, 6557202, 8165337, 10153587, 12820798, 15790321,
  19976592, 24970740, 31350126, 39045157, 49367440, 61356676, 76695844, 95443717, 119304647, 148102320, 186737708,
  238609294, 286331153,
];

/** The weight of a nice value. */
export function niceLoad(nice: number): Load {
  const weight = WEIGHTS[nice + 20];
  const inverse = INVERSES[nice + 20];
  if (weight === undefined || inverse === undefined) throw new RangeError(`nice ${nice} is not in −20…19`);
  return { weight: BigInt(weight) << SCALE, inverse: BigInt(inverse) };
}

/** The weight of a SCHED_IDLE task (kernel/sched/sched.h WEIGHT_IDLEPRIO, WMULT_IDLEPRIO). */
export const IDLE_LOAD: Load = { weight: 3n << SCALE, inverse: 1431655765n };

/** Weight without the extra resolution, at least 2 unless it is 0 (scale_load_down). */
export function scaleDown(weight: bigint): bigint {
  if (weight === 0n) return 0n;
  const scaled = weight >> SCALE;
  return scaled < 2n ? 2n : scaled;
}

/** A group's or a queue's weight, whose inverse is computed: from 2³² − 1, hence a little too small. */
export function sumLoad(weight: bigint): Load {
  const scaled = scaleDown(weight);
  if (scaled >= TWO_32 - 1n) return { weight, inverse: 1n };
  return { weight, inverse: scaled === 0n ? TWO_32 - 1n : (TWO_32 - 1n) / scaled };
}

/** delta × weight / load, with a factor of at most 32 bits in between (__calc_delta). */
export function calcDelta(delta: bigint, weight: bigint, load: Load): bigint {
  let factor = scaleDown(weight);
  let shift = 32n;
  const fitInto32Bits = () => {
    for (; factor >= TWO_32; shift--) factor >>= 1n;
  };
  fitInto32Bits();
  factor *= load.inverse;
  fitInto32Bits();
  return (delta * factor) >> shift;
}

/** The virtual time that `delta` ns are for this weight (calc_delta_fair): nice 0 passes unrounded. */
export function calcDeltaFair(delta: bigint, load: Load): bigint {
  return load.weight === NICE_0_LOAD ? delta : calcDelta(delta, NICE_0_LOAD, load);
}

export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** a / b towards −∞; BigInt's own division goes towards 0, as the kernel's div_s64 does. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}
