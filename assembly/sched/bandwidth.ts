/**
 * CFS bandwidth control, the global side: a group's quota a period and how its CPUs take from it (kernel/sched/fair.c
 * account_cfs_rq_runtime, start_cfs_bandwidth, __refill_cfs_bandwidth_runtime). What throttling does to the queues is in throttle.ts.
 */
import { startTimer } from '../machine/hrtimer';
import { machine } from '../machine/machine';
import { Bandwidth, CfsRq } from './entity';
import { rqOf, thisRq } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** What a CPU's queue keeps when it runs empty (min_cfs_rq_runtime). */
export const MIN_RUNTIME_NS: i64 = 1_000_000;
/** Returned runtime is handed out this long after it came back (cfs_bandwidth_slack_period)… */
const SLACK_PERIOD_NS: u64 = 5_000_000;
/** …unless a refill is this near (min_bandwidth_expiration). */
const MIN_EXPIRATION_NS: u64 = 2_000_000;

/** The bandwidth that a queue is bound by, or null. */
export function bandwidthOf(q: CfsRq): Bandwidth {
  return q.group == null ? changetype<Bandwidth>(0) : q.group.bandwidth;
}

/**
 * The period timer runs on the grid of its period since boot, so that all groups refill together; from 6.3 on each group's grid is shifted
 * by a random part of its period (start_cfs_bandwidth, init_cfs_bandwidth).
 */
export function startBandwidth(bandwidth: Bandwidth): void {
  if (bandwidth.period.started) return;
  const period = bandwidth.periodNs;
  const sinceBoot = machine.bootNs + machine.now + period - bandwidth.offsetNs;
  startTimer(thisRq(), bandwidth.period, (sinceBoot / period) * period + bandwidth.offsetNs - machine.bootNs, 0);
}

/** Takes up to `wanted` from the pool. */
function take(bandwidth: Bandwidth, wanted: u64): u64 {
  startBandwidth(bandwidth);
  const amount = min(wanted, bandwidth.runtimeNs);
  if (amount != 0) {
    bandwidth.runtimeNs -= amount;
    bandwidth.idle = false;
  }
  return amount;
}

/** Brings a queue's runtime to at least `target` if the pool has it (__assign_cfs_rq_runtime). True if it has some now. */
export function assignRuntime(bandwidth: Bandwidth, q: CfsRq, target: i64): bool {
  q.runtimeRemaining += take(bandwidth, <u64>(target - q.runtimeRemaining));
  return q.runtimeRemaining > 0;
}

/** Charges a queue for `delta` ns; with nothing left, and nothing to be had, the CPU must reschedule (__account_cfs_rq_runtime). */
export function accountRuntime(bandwidth: Bandwidth, q: CfsRq, delta: u64): void {
  q.runtimeRemaining -= delta;
  if (tunables.runtimeExpires) expireRuntime(bandwidth, q);
  if (q.runtimeRemaining > 0 || q.throttled) return;
  if (!assignRuntime(bandwidth, q, <i64>tunables.bandwidthSliceNs) && q.curr != null) reschedCurr(rqOf(q.cpu));
}

/** Before 5.4 what a CPU took in one period is void in the next (expire_cfs_rq_runtime). */
function expireRuntime(bandwidth: Bandwidth, q: CfsRq): void {
  if (q.runtimePeriod == bandwidth.nrPeriods) return;
  q.runtimePeriod = bandwidth.nrPeriods;
  if (q.runtimeRemaining > 0) q.runtimeRemaining = 0;
}

/** A queue that has run empty gives back what it does not need (return_cfs_rq_runtime). */
export function returnRuntime(bandwidth: Bandwidth, q: CfsRq): void {
  const slack = q.runtimeRemaining - MIN_RUNTIME_NS;
  if (slack <= 0) return;
  bandwidth.runtimeNs += slack;
  q.runtimeRemaining -= slack;
  if (bandwidth.runtimeNs <= tunables.bandwidthSliceNs || bandwidth.throttledHead == null) return;
  if (refillWithin(bandwidth, SLACK_PERIOD_NS + MIN_EXPIRATION_NS) || bandwidth.slack.started) return;
  startTimer(thisRq(), bandwidth.slack, machine.now + SLACK_PERIOD_NS, 0);
}

/** Whether the next refill is so near that slack is not worth while (runtime_refresh_within). */
function refillWithin(bandwidth: Bandwidth, ns: u64): bool {
  return bandwidth.period.soft <= machine.now + ns;
}

/** Whether returned runtime should be handed out now that the slack timer has expired. */
export function slackIsDue(bandwidth: Bandwidth): bool {
  return !refillWithin(bandwidth, MIN_EXPIRATION_NS) && bandwidth.runtimeNs > tunables.bandwidthSliceNs;
}

/** So many periods are over, the last of which counts: unused quota is kept as far as the burst allows (__refill_cfs_bandwidth_runtime). */
export function refill(bandwidth: Bandwidth, periods: u64): void {
  bandwidth.nrPeriods += periods;
  bandwidth.runtimeNs = min(bandwidth.runtimeNs + bandwidth.quotaNs, bandwidth.quotaNs + bandwidth.burstNs);
}
