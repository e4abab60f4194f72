/**
 * By how much tasks that dirty pages go slower or faster than the device's rate, from where the number of dirty pages stands between the point at
 * which nobody is throttled and the limit (mm/page-writeback.c pos_ratio_polynom, wb_position_ratio).
 */
import { DirtyControl, freerunCeiling, hardLimit } from './limits';
import { RATIO_SHIFT, Wb } from './wb';

/** 1 + ((setpoint − dirty) / (limit − setpoint))³, from 0 to 2, in 1024ths. */
export function polynom(setpoint: u64, dirty: u64, limit: u64): u64 {
  const x = ((<i64>setpoint - <i64>dirty) << RATIO_SHIFT) / <i64>((limit - setpoint) | 1);
  let ratio = (x * x) >> RATIO_SHIFT;
  ratio = (ratio * x) >> RATIO_SHIFT;
  ratio += (<i64>1) << RATIO_SHIFT;
  return <u64>min(max(ratio, 0), (<i64>2) << RATIO_SHIFT);
}

/** Sets dtc.posRatio from the machine's dirty pages and the device's. */
export function positionRatio(wb: Wb, dtc: DirtyControl): void {
  const limit = hardLimit(dtc);
  dtc.posRatio = 0;
  if (dtc.dirty >= limit) return;
  const setpoint = (freerunCeiling(dtc) + limit) / 2;
  let ratio = polynom(setpoint, dtc.dirty, limit);
  // A device that was idle for long may have a part of it at once.
  const wbThresh = max(min(dtc.wbThresh, dtc.thresh), (limit - dtc.dirty) / 8);
  // The device's own line: 1 at its setpoint, 0 where it crosses the axis, never below a quarter.
  const share = (wbThresh << 16) / (dtc.thresh | 1);
  const wbSetpoint = (setpoint * share) >> 16;
  const span = ((dtc.thresh - wbThresh + 8 * wb.avgWriteBandwidth) * share) >> 16;
  const crossing = wbSetpoint + span;
  if (dtc.wbDirty < crossing - span / 4) {
    ratio = (ratio * (crossing - dtc.wbDirty)) / ((crossing - wbSetpoint) | 1);
  } else {
    ratio /= 4;
  }
  // So few dirty pages that the device might run out of them.
  const few = wbThresh / 2;
  if (dtc.wbDirty < few) ratio = dtc.wbDirty > few / 8 ? (ratio * few) / dtc.wbDirty : ratio * 8;
  dtc.posRatio = ratio;
}

/** The limit follows the threshold: up at once, down slowly, and never below what is dirty (update_dirty_limit). */
export function nextLimit(dtc: DirtyControl): u64 {
  if (dtc.limit < dtc.thresh) return dtc.thresh;
  const target = max(dtc.thresh, dtc.dirty);
  return dtc.limit > target ? dtc.limit - ((dtc.limit - target) >> 5) : dtc.limit;
}
