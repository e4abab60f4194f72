/**
 * One page for a task: the fast path, and everything that happens when no zone has enough (mm/page_alloc.c __alloc_pages_slowpath,
 * should_reclaim_retry, __alloc_pages_may_oom).
 */
import { machine } from '../machine/machine';
import { Rank } from '../sched/class';
import { Rq } from '../sched/rq';
import { wakeupKswapd } from './kswapd';
import { groupAt, MemCgroup } from './memcg';
import { count, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from './mm';
import { outOfMemory } from './oom';
import { drainAllPages, Gate, takePage, takeUnmovable } from './page_alloc';
import { endReclaim, For, Phase, startReclaim } from './phase';
import { noteTaken, tierOf } from './rue/tiers';
import { TaskMm } from './task_mm';
import { Zone, zoneAt } from './zone';

/** The allocator's fast path, and the begin of the slow one: kswapd is woken, and the min mark decides. */
export function getPage(rq: Rq, m: TaskMm): void {
  m.noProgress = 0;
  let zone = take(rq, m, Gate.LOW, 0);
  if (zone == null) {
    wakeupKswapd();
    zone = take(rq, m, gateOf(m), tierOf(m.group));
  }
  gotPage(m, zone);
}

/** A page for what the task wants one for: its tables lie among the kernel's own. */
function take(rq: Rq, m: TaskMm, gate: u32, tier: i32): Zone {
  const forTable = m.after == For.TABLE || m.after == For.DIRECTORY || m.after == For.HUGE;
  return forTable ? takeUnmovable(rq.id, 1, gate, tier) : takePage(rq.id, mm.nrZones - 1, gate, tier);
}

/** Which part of the min mark keeps a task out: less of a victim, and of a real-time task, which others wait for (gfp_to_alloc_flags). */
export function gateOf(m: TaskMm): u32 {
  if (m.killed) return Gate.OOM;
  return m.task.rank <= Rank.RT ? Gate.RESERVE : Gate.MIN;
}

function gotPage(m: TaskMm, zone: Zone): bool {
  if (zone == null) {
    count(Vm.ALLOCSTALL, 1);
    startReclaim(m, groupAt(0), SWAP_CLUSTER_MAX, Phase.DIRECT);
    return false;
  }
  m.zone = zone;
  mm.inFlight++;
  if (m.group.qos != 0) noteTaken(m.group, zone);
  m.costNs += mm.refillCostNs;
  m.phase = Phase.CHARGE;
  m.retries = MAX_RECLAIM_RETRIES;
  m.drained = false;
  m.passedOom = false;
  return true;
}

/** Direct reclaim is over: a page may be there now; otherwise it is tried again as long as there is hope. */
export function endDirect(rq: Rq, m: TaskMm): void {
  const progress = endReclaim(m, mm.directNs, mm.directPages);
  const gate = gateOf(m);
  let zone = take(rq, m, gate, tierOf(m.group));
  if (zone == null && progress != 0) {
    m.costNs += drainAllPages(machine.nrCpus);
    zone = take(rq, m, gate, tierOf(m.group));
  }
  if (zone != null) {
    gotPage(m, zone);
    return;
  }
  if (m.after == For.CACHE && m.chain != null) {
    // Readahead does without (__GFP_NORETRY).
    endWindow(m);
    return;
  }
  m.noProgress = progress != 0 ? 0 : m.noProgress + 1;
  m.phase = Phase.RETRY;
}

/** What a readahead window has so far is all that will be read. */
export function endWindow(m: TaskMm): void {
  m.raLeft = 0;
  m.phase = Phase.READAHEAD;
}

/** should_reclaim_retry, and the OOM killer when there is no hope; its victim exits while others go on trying. */
export function retryPage(rq: Rq, m: TaskMm): void {
  if (m.noProgress > MAX_RECLAIM_RETRIES || !mayEverFit(0)) {
    const zone = take(rq, m, Gate.HIGH, 0);
    if (zone != null) {
      gotPage(m, zone);
      return;
    }
    m.noProgress = 0;
    outOfMemory(rq, changetype<MemCgroup>(0));
    if (m.killed) {
      leaveToExit(m);
      return;
    }
  }
  wakeupKswapd();
  gotPage(m, take(rq, m, gateOf(m), tierOf(m.group)));
}

/**
 * Pages that per-CPU counters hold back where a mark is checked, but not in this look at a zone (zone_page_state_snapshot): up to stat_threshold, 2 in
 * the smallest zone. A zone that is at its mark to the page therefore seems to have hope.
 */
const HELD_BACK: u64 = 1;

/** Free pages of a zone, and a part of its share of all that reclaim may free. */
export function availablePages(zone: Zone, part: u64): u64 {
  const root = groupAt(0);
  let reclaimable = root.lists2 + root.lists3;
  if (mm.swapFree != 0) reclaimable += root.lists0 + root.lists1;
  return zone.free + (reclaimable * zone.managed) / mm.managed / part;
}

/** Some zone has a block of the order, and would have it above its min mark if all that can be freed were. */
export function mayEverFit(order: u32): bool {
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    const needed = zone.minMark + zone.reserveFor(mm.nrZones - 1) + (1 << order);
    const isThere = order == 0 || zone.blocks.filled >> order != 0;
    if (isThere && availablePages(zone, 1) + HELD_BACK >= needed) return true;
  }
  return false;
}

/** A victim leaves its step: its program goes on with its exit. */
export function leaveToExit(m: TaskMm): void {
  m.phase = Phase.NEXT;
}
