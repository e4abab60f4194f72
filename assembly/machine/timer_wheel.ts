/** The kernel's timer wheel, as far as it rounds: an ordinary timer never comes early, and the later the coarser (kernel/time/timer.c calc_wheel_index). */
import { machine } from './machine';

/** Levels of the wheel: 64 buckets each, eight times as coarse as the level below (LVL_CLK_SHIFT). */
const LEVEL_BUCKETS: u64 = 63;

/** When a timer expires that is set `now` for so many jiffies later. */
export function wheelExpiry(now: u64, jiffies: u64): u64 {
  const period = machine.tickPeriodNs;
  const clock = (machine.bootNs + now) / period;
  let shift: u64 = 0;
  while (jiffies >= LEVEL_BUCKETS << shift) shift += 3;
  const expires = (((clock + jiffies) >> shift) + 1) << shift;
  return expires * period - machine.bootNs;
}
