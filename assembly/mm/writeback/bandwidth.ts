/**
 * Estimates every 200 ms: how fast a device writes, and at which rate each of the tasks that dirty its pages should go so that together they are as
 * fast as it (mm/page-writeback.c wb_update_write_bandwidth, wb_update_dirty_ratelimit, __wb_update_bandwidth, wb_bandwidth_estimate_start).
 */
import { hz, jiffies } from '../jiffies';
import { MemCgroup } from '../memcg';
import { DirtyControl, dtc, freerunCeiling, groupDtc, hardLimit } from './limits';
import { nextLimit } from './position_ratio';
import { bandwidthInterval, domain, RATIO_SHIFT, Wb } from './wb';

/** The next power of two. */
export function roundupPowOfTwo(n: u64): u64 {
  return n <= 1 ? 1 : (<u64>1) << (64 - clz(n - 1));
}

export function ilog2(n: u64): u64 {
  return 63 - clz(n);
}

/** Whether the last estimate is older than it should be. */
export function estimateIsOld(wb: Wb): bool {
  return wb.bwTimeStamp + bandwidthInterval() < jiffies();
}

/** All estimates anew, by a task that has looked at the state of things. `group`: its group, null: the root. */
export function updateRates(wb: Wb, group: MemCgroup): void {
  const now = jiffies();
  const elapsed = max(now - wb.bwTimeStamp, 1);
  if (now >= domain.limitStamp + bandwidthInterval()) {
    domain.limit = nextLimit(dtc);
    domain.limitStamp = now;
    dtc.limit = domain.limit;
  }
  updateRatelimit(wb, dtc, elapsed);
  if (group != null) {
    if (now >= group.dirtyLimitStamp + bandwidthInterval()) {
      group.dirtyLimit = nextLimit(groupDtc);
      group.dirtyLimitStamp = now;
      groupDtc.limit = group.dirtyLimit;
    }
    updateRatelimit(wb, groupDtc, elapsed);
  }
  stamp(wb, now, elapsed);
}

/** The device's bandwidth anew (wb_update_bandwidth). */
export function updateBandwidth(wb: Wb, now: u64): void {
  stamp(wb, now, max(now - wb.bwTimeStamp, 1));
}

function stamp(wb: Wb, now: u64, elapsed: u64): void {
  updateWriteBandwidth(wb, elapsed);
  wb.dirtiedStamp = wb.dirtied;
  wb.writtenStamp = wb.written;
  wb.bwTimeStamp = now;
}

/** The flusher begins to write: a device that was idle is not judged by that time. */
export function startEstimate(wb: Wb): void {
  const now = jiffies();
  if (now - wb.bwTimeStamp <= hz() || wb.writebackFiles != 0) return;
  wb.dirtiedStamp = wb.dirtied;
  wb.writtenStamp = wb.written;
  wb.bwTimeStamp = now;
}

function updateWriteBandwidth(wb: Wb, elapsed: u64): void {
  const period = roundupPowOfTwo(3 * hz());
  const old = wb.writeBandwidth;
  let avg = wb.avgWriteBandwidth;
  let bw = (wb.written - min(wb.written, wb.writtenStamp)) * hz();
  if (elapsed > period) {
    bw /= elapsed;
    avg = bw;
  } else {
    bw = (bw + old * (period - elapsed)) >> ilog2(period);
    if (avg > old && old >= bw) avg -= (avg - old) >> 3;
    if (avg < old && old <= bw) avg += (old - avg) >> 3;
  }
  wb.avgWriteBandwidth = max(avg, 1);
  wb.writeBandwidth = bw;
}

/** Moves the rate towards the balanced one, if that also brings the number of dirty pages towards the setpoint; in small steps when near. */
function updateRatelimit(wb: Wb, dtc: DirtyControl, elapsed: u64): void {
  const setpoint = (freerunCeiling(dtc) + hardLimit(dtc)) / 2;
  const writeBandwidth = wb.avgWriteBandwidth;
  let rate = wb.dirtyRatelimit;
  const dirtyRate = ((wb.dirtied - wb.dirtiedStamp) * hz()) / elapsed;
  const taskRate = ((rate * dtc.posRatio) >> RATIO_SHIFT) + 1;
  const balanced = min((taskRate * writeBandwidth) / (dirtyRate | 1), writeBandwidth);
  let step: u64 = 0;
  if (dtc.dirty < setpoint) {
    const x = min(min(wb.balancedDirtyRatelimit, balanced), taskRate);
    if (rate < x) step = x - rate;
  } else {
    const x = max(max(wb.balancedDirtyRatelimit, balanced), taskRate);
    if (rate > x) step = rate - x;
  }
  const shift = rate / (2 * step + 1);
  step = shift < 64 ? ((step >> shift) + 7) / 8 : 0;
  if (rate < balanced) rate += step;
  else rate -= min(step, rate);
  wb.dirtyRatelimit = max(rate, 1);
  wb.balancedDirtyRatelimit = balanced;
}
