/** How far memory is used up beyond what the reserve asks for (TencentOS 6.6 mm/memcontrol.c, the curve of memcg_priod; it is writeback's pos_ratio_polynom). */

/** 1.0 */
export const ONE: i64 = 1024;
const SHIFT: i64 = 10;

/**
 * Pressure in 1024ths: 0 while at least twice the reserve is free, 1 when just the reserve is, 2 when nothing is; 1 + x³ in between.
 */
export function positionRatio(used: i64, total: i64, reserve: i64): i64 {
  const setpoint = total - reserve;
  const tight = setpoint < reserve;
  const limit = tight ? 2 * setpoint : total;
  const freerun = tight ? 0 : setpoint - reserve;
  if (used <= freerun || limit == setpoint) return 0;
  const x = ((used - setpoint) << SHIFT) / (limit - setpoint);
  const cube = (((x * x) >> SHIFT) * x) >> SHIFT;
  return min(max(ONE + cube, 0), 2 * ONE);
}
