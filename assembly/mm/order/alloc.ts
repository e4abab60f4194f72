/**
 * Pages of the kernel, in blocks of some order, that a task asks for and keeps (mm/page_alloc.c __alloc_pages, __alloc_pages_slowpath,
 * __alloc_pages_direct_compact, should_compact_retry, __alloc_pages_may_oom).
 *
 * Simplified: blocks do not go through per-CPU lists, nor are they charged to a group (no __GFP_ACCOUNT).
 */
import { at } from '../../base/arena';
import { machine } from '../../machine/machine';
import { psiMemstallEnter, psiMemstallLeave } from '../../sched/psi';
import { Rq } from '../../sched/rq';
import { Instruction } from '../../task/instruction';
import { Mode, Task } from '../../task/task';
import { availablePages, gateOf, leaveToExit, mayEverFit } from '../get_page';
import { groupAt, MemCgroup } from '../memcg';
import { costs, count, MAX_RECLAIM_RETRIES, mm, SWAP_CLUSTER_MAX, Vm } from '../mm';
import { outOfMemory } from '../oom';
import { drainAllPages, freePages, Gate, markOf, takeUnmovable } from '../page_alloc';
import { endReclaim, pass, Phase, startReclaim } from '../phase';
import { noteTaken, tierOf } from '../rue/tiers';
import { TaskMm } from '../task_mm';
import { wakeupKswapdFor } from '../kswapd';
import { MAX_ZONES, Zone, zoneAt } from '../zone';
import { giveBack, giveBlock, LARGEST_ORDER, nextPlace, NO_PLACE, takeBlock } from './blocks';
import { Compact, compactZones, isSuitable } from './compact';
import { noteFreed } from './returns';
import { COSTLY_ORDER, highestZone, zoneWatermarkOk } from './watermark';

/** Classes of requests (InstructionTable.z of an allocation); src/kernel/tables.ts says the same. */
export namespace Gfp {
  export const KERNEL: u32 = 0;
  /** GFP_KERNEL | __GFP_HIGH. */
  export const HIGH: u32 = 1;
  /** One try of everything (__GFP_NORETRY). */
  export const NORETRY: u32 = 2;
  /** The last three may not sleep. */
  export const NOWAIT: u32 = 3;
  export const ATOMIC: u32 = 4;
  /** Of a task that frees memory itself (PF_MEMALLOC). */
  export const MEMALLOC: u32 = 5;
}

/** How hard compaction tries: COMPACT_PRIO_ASYNC, _SYNC_LIGHT, _SYNC_FULL. */
const SYNC_FULL: u32 = 0;
const SYNC_LIGHT: u32 = 1;
const ASYNC: u32 = 2;
const MAX_COMPACT_RETRIES: u32 = 16;

/** Blocks of an order and a zone that a task keeps: the last ones, which lie side by side, and others. */
@unmanaged
export class Kept {
  place: u32;
  neighbours: u32;
  others: u32;
}

/** So many a task has. */
export const KEPT: u32 = (LARGEST_ORDER + 1) * MAX_ZONES;

function keptOf(m: TaskMm, order: u32, zone: u32): Kept {
  return at<Kept>(m.kept, order * MAX_ZONES + zone);
}

function keep(m: TaskMm, zone: Zone): void {
  const place = m.place;
  const kept = keptOf(m, m.order, zone.index);
  if (place != kept.place + (kept.neighbours << m.order) || place == NO_PLACE) {
    kept.others += kept.neighbours;
    kept.neighbours = 0;
    kept.place = place;
  }
  kept.neighbours++;
}

/** A block of the highest zone that may give one, or null. */
function takeOrder(cpu: u32, m: TaskMm, gate: u32): Zone {
  const order = m.order;
  const tier = gate == Gate.LOW ? 0 : tierOf(m.group);
  if (order == 0) {
    const zone = takeUnmovable(cpu, 1, gate, tier);
    if (zone != null) m.place = nextPlace(zone.blocks);
    return zone;
  }
  for (let i = <i32>highestZone(); i >= 0; i--) {
    const zone = zoneAt(i);
    if (!zoneWatermarkOk(zone, order, markOf(zone, gate, tier), highestZone())) continue;
    m.place = takeBlock(zone.blocks, order);
    if (m.place == NO_PLACE) continue;
    zone.free -= 1 << order;
    zone.taken += 1 << order;
    count(Vm.PGALLOC, 1 << order);
    return zone;
  }
  return changetype<Zone>(0);
}

/** Which part of the min mark keeps the request out (gfp_to_alloc_flags, __zone_watermark_ok). */
function gate(m: TaskMm): u32 {
  switch (m.killed ? Gfp.KERNEL : m.gfp) {
    case Gfp.HIGH:
      return Gate.RESERVE;
    case Gfp.NOWAIT:
      return Gate.MIN;
    case Gfp.ATOMIC:
      return Gate.ATOMIC;
    case Gfp.MEMALLOC:
      return Gate.NONE;
    default:
      return gateOf(m);
  }
}

/** Whether the request may reclaim, and wait (__GFP_DIRECT_RECLAIM). */
function mayWait(m: TaskMm): bool {
  return m.gfp < Gfp.NOWAIT;
}

/** The fast path, and the begin of the slow one. */
export function beginAlloc(rq: Rq, m: TaskMm, step: Instruction): void {
  m.order = <u32>step.y;
  m.gfp = <u32>step.z;
  m.noProgress = 0;
  m.retries = 0;
  m.compactPriority = ASYNC;
  m.costNs += m.order == 0 ? costs.hitNs : costs.refillNs;
  if (got(m, takeOrder(rq.id, m, Gate.LOW))) return;
  wakeupKswapdFor(m.order, mayWait(m));
  if (got(m, takeOrder(rq.id, m, gate(m)))) return;
  if (!mayWait(m)) fail(m);
  else if (m.order != 0) m.phase = Phase.COMPACT;
  else reclaim(m);
}

function got(m: TaskMm, zone: Zone): bool {
  if (zone == null) return false;
  keep(m, zone);
  mm.kernelPages += 1 << m.order;
  if (m.order == 0) m.costNs += mm.refillCostNs;
  if (m.group.qos != 0) noteTaken(m.group, zone);
  m.phase = Phase.ALLOCATED;
  return true;
}

function fail(m: TaskMm): void {
  count(Vm.ALLOC_FAILURES, 1);
  m.phase = Phase.ALLOCATED;
}

function reclaim(m: TaskMm): void {
  count(Vm.ALLOCSTALL, 1);
  startReclaim(m, groupAt(0), SWAP_CLUSTER_MAX, Phase.ALLOC_RECLAIM);
}

/** Direct compaction: what it does takes time. True: some passes. */
export function compactDirect(task: Task, m: TaskMm): bool {
  m.compacted = compactZones(m.order, highestZone(), gate(m), m.compactPriority == ASYNC);
  if (m.compacted != Compact.SKIPPED) count(Vm.COMPACT_STALL, 1);
  m.costNs += mm.compactCostNs;
  psiMemstallEnter(task);
  return pass(task, m, Phase.COMPACTED);
}

/** Compaction is over: there may be a block now. Before reclaim has been tried, that comes next; afterwards it is tried again as long as there is hope. */
export function endCompact(rq: Rq, m: TaskMm): void {
  psiMemstallLeave(m.task);
  const zone = takeOrder(rq.id, m, gate(m));
  if (m.compacted != Compact.SKIPPED) count(zone != null ? Vm.COMPACT_SUCCESS : Vm.COMPACT_FAIL, 1);
  if (got(m, zone)) return;
  if (m.compactPriority == ASYNC) {
    m.compactPriority = SYNC_LIGHT;
    // Whoever gives up at once does not reclaim for a compaction that cannot be: there is little hope.
    if (m.order > COSTLY_ORDER && m.gfp == Gfp.NORETRY && m.compacted <= Compact.DEFERRED) fail(m);
    else reclaim(m);
    return;
  }
  tryAgain(rq, m);
}

/** Direct reclaim is over. */
export function endAllocReclaim(rq: Rq, m: TaskMm): void {
  const progress = endReclaim(m, mm.directNs, mm.directPages);
  if (got(m, takeOrder(rq.id, m, gate(m)))) return;
  if (progress != 0) {
    m.costNs += drainAllPages(machine.nrCpus);
    if (got(m, takeOrder(rq.id, m, gate(m)))) return;
  }
  if (m.order != 0) m.phase = Phase.COMPACT;
  else tryAgain(rq, m);
}

/** should_reclaim_retry, should_compact_retry, and the OOM killer when there is no hope; its victim exits while others go on trying. */
function tryAgain(rq: Rq, m: TaskMm): void {
  if (m.killed) {
    leaveToExit(m);
    return;
  }
  if (m.gfp == Gfp.NORETRY || m.order > COSTLY_ORDER) {
    fail(m);
    return;
  }
  const progress = m.sc.nrReclaimed != 0;
  m.noProgress = progress ? 0 : m.noProgress + 1;
  if ((m.noProgress > MAX_RECLAIM_RETRIES || !mayEverFit(m.order)) && !(progress && mayCompact(m))) {
    if (got(m, takeOrder(rq.id, m, Gate.HIGH))) return;
    m.noProgress = 0;
    outOfMemory(rq, changetype<MemCgroup>(0));
    if (m.killed) {
      leaveToExit(m);
      return;
    }
  }
  wakeupKswapdFor(m.order, true);
  if (!got(m, takeOrder(rq.id, m, gate(m)))) reclaim(m);
}

function mayCompact(m: TaskMm): bool {
  if (m.order == 0) return false;
  if (m.compacted == Compact.SKIPPED) {
    // compaction_zonelist_suitable: if some of what may be freed were.
    for (let i: u32 = 0; i < mm.nrZones; i++) {
      if (isSuitable(zoneAt(i), m.order, highestZone(), availablePages(zoneAt(i), m.order))) return true;
    }
    return false;
  }
  if (m.compacted == Compact.SUCCESS && ++m.retries <= MAX_COMPACT_RETRIES) return true;
  if (m.compactPriority == SYNC_FULL) return false;
  m.compactPriority--;
  m.retries = 0;
  return true;
}

/** Gives back what a task has kept, and what that takes; false: it had nothing. */
export function releaseKept(rq: Rq, task: Task, m: TaskMm): bool {
  if (m.kept == 0) return false;
  let blocks: u64 = 0;
  for (let order: u32 = 0; order <= LARGEST_ORDER; order++) {
    for (let i = <i32>highestZone(); i >= 0; i--) blocks += releaseBlocks(rq.id, zoneAt(i), order, keptOf(m, order, i));
  }
  task.mode = Mode.USER;
  task.remaining = blocks * costs.freeNs;
  return task.remaining != 0;
}

/** How many there were. */
function releaseBlocks(cpu: u32, zone: Zone, order: u32, kept: Kept): u32 {
  const blocks = kept.neighbours + kept.others;
  for (let i: u32 = 0; i < kept.neighbours; i++) release(cpu, zone, order, kept.place + (i << order));
  for (; kept.others != 0; kept.others--) release(cpu, zone, order, NO_PLACE);
  kept.neighbours = 0;
  kept.place = NO_PLACE;
  return blocks;
}

/** A block of the kernel's goes back to its zone; single pages by way of the CPU's list. */
function release(cpu: u32, zone: Zone, order: u32, from: u32): void {
  const pages: u32 = 1 << order;
  mm.kernelPages -= pages;
  if (order == 0) noteFreed(zone, from, 1);
  if (order == 0 || zone.taken < pages) {
    freePages(zone, cpu, pages);
    return;
  }
  count(Vm.PGFREE, pages);
  zone.taken -= pages;
  zone.free += pages;
  if (from == NO_PLACE) giveBlock(zone.blocks, order);
  else giveBack(zone.blocks, order, from);
}
