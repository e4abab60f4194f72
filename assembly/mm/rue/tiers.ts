/**
 * Tiered watermarks (memory.priority_wmark_ratio): the min mark that a group's allocations see. The body of the original is not public; where
 * it acts is ours: wherever the allocator compares with MIN. LOW, at which kswapd is woken, is the same for all.
 */
import { MemCgroup } from '../memcg';
import { mm } from '../mm';
import { Zone } from '../zone';
import { GroupQos, isOn, Part, qosOf } from './rue';

/** The ratio of a group: 0 without RUE. */
export function tierOf(group: MemCgroup): i32 {
  return group.qos == 0 ? 0 : ratioOf(qosOf(group));
}

function ratioOf(qos: GroupQos): i32 {
  return isOn(Part.TIERS) ? qos.wmarkRatio : 0;
}

/** MIN lowered by so many percent of itself, or raised by so many percent of the way to LOW. */
export function tieredMin(zone: Zone, ratio: i32): u64 {
  if (ratio < 0) return zone.minMark - (zone.min * <u64>-ratio) / 100;
  return zone.minMark + ((zone.low - zone.min) * <u64>ratio) / 100;
}

/** Remembers how few pages the highest zone had free when the group got one there. */
export function noteTaken(group: MemCgroup, zone: Zone): void {
  if (zone.index != mm.nrZones - 1) return;
  const qos = qosOf(group);
  qos.leastFree = min(qos.leastFree, <i64>zone.free - <i64>zone.minMark);
}
