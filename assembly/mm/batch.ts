/**
 * Operations that need nothing but time, one after another: one segment of work, but each measured by itself, whatever interrupts them.
 *
 * All take the same time, but that a new page with which the CPU's collection is full takes longer: the collected pages then come to
 * their lists (lru_add_drain). Pages of a batch are taken at its begin: they lie in the CPU's own lists, which nobody else sees.
 */
import { recordAt, recordMany } from '../observe/recorder';
import { Rq } from '../sched/rq';
import { Instruction } from '../task/instruction';
import { Mode, Task } from '../task/task';
import { machine } from '../machine/machine';
import { newPage } from './fault';
import { entryOf, folioAt, hasPage, hasTable, Pg, slotOf } from './folio';
import { markAccessed } from './lru';
import { addListPages, MemCgroup, stockOf } from './memcg';
import { costs, count, Lru, LRU_BATCH, mm, Vm } from './mm';
import { readyPages } from './page_alloc';
import { Access } from './phase';
import { noteAllocations } from './rue/charged';
import { countFaults, mmOf, TaskMm, View } from './task_mm';
import { advanceView, nextPage } from './view';
import { pcpOf, zoneAt } from './zone';

/** Operations of a batch at most: what a CPU's list can hold at a time, roughly. */
const MAX_BATCH: u32 = 256;

/** Operations that need nothing but time, all of the same length. False: the next one is no such. */
export function batch(rq: Rq, task: Task, m: TaskMm, view: View, step: Instruction): bool {
  m.untilDrain = 0;
  const n = step.c == Access.TOUCH ? touches(rq, task, m, view) : hits(task, m, view, <u32>step.y);
  if (n == 0) return false;
  m.batchLeft = n;
  m.intoNs = 0;
  m.beganAt = machine.now;
  m.opsLeft -= n;
  task.mode = Mode.TOUCH;
  task.remaining = n * m.batchNs + drainsOf(m, n) * costs.lruAddNs;
  return true;
}

/** How many of the batch's next `n` operations fill the CPU's collection. */
function drainsOf(m: TaskMm, n: u32): u32 {
  return m.untilDrain == 0 || n < m.untilDrain ? 0 : 1 + (n - m.untilDrain) / LRU_BATCH;
}

/** Touches of pages that are there, or of new ones for which a page and its charge are at hand. */
function touches(rq: Rq, task: Task, m: TaskMm, view: View): u32 {
  const most = <u32>min(m.opsLeft, <u64>MAX_BATCH);
  const region = view.region;
  let n: u32 = 0;
  let ready: u32 = 0;
  let isNew = false;
  let added: u32 = 0;
  while (n < most) {
    const page = view.first + nextPage(task, view);
    const slot = slotOf(region, page);
    const entry = entryOf(region, slot);
    const folio = folioAt(entry);
    if (folio != null && hasPage(folio, page)) {
      if (isNew || (folio.flags & (Pg.LOCKED | Pg.DIRTY)) != Pg.DIRTY) break;
      folio.flags |= Pg.YOUNG;
    } else {
      if (n == 0) {
        isNew = true;
        ready = min(readyPages(rq.id, mm.nrZones - 1), stockPages(rq.id, m.group));
      }
      if (!isNew || n == ready || (entry & 1) != 0 || !hasTable(region, page)) break;
      if (newPage(region, slot, folio, m.group, zoneAt(mm.nrZones - 1))) added++;
    }
    n++;
    advanceView(view, 1);
  }
  if (added != 0) addListPages(m.group, Lru.INACTIVE_ANON, added);
  m.batchNs = isNew ? costs.faultNs + (m.group.parent != null ? costs.chargeNs : 0) : costs.hitNs;
  if (n != 0 && isNew) takeReady(rq.id, m, n);
  return n;
}

function stockPages(cpu: u32, group: MemCgroup): u32 {
  if (group.parent == null) return MAX_BATCH;
  const stock = stockOf(cpu);
  return stock.group == group ? stock.pages : 0;
}

/** The batch's new pages leave the CPU's list and its stock, and join those that it has collected. */
function takeReady(cpu: u32, m: TaskMm, pages: u32): void {
  const zone = zoneAt(mm.nrZones - 1);
  const pcp = pcpOf(zone, cpu);
  const stock = stockOf(cpu);
  const group = m.group;
  pcp.count -= pages;
  pcp.freeFactor = pages < 32 ? pcp.freeFactor >> pages : 0;
  zone.taken += pages;
  count(Vm.PGALLOC, pages);
  count(Vm.PGFAULT, pages);
  countFaults(m, pages, true);
  m.untilDrain = LRU_BATCH - stock.lruAdds;
  stock.lruAdds = (stock.lruAdds + pages) % LRU_BATCH;
  if (group.parent == null) group.usage += pages;
  else stock.pages -= pages;
  if (group.qos == 0) return;
  const drains = drainsOf(m, pages);
  noteAllocations(group, m.batchNs, pages - drains);
  if (drains != 0) noteAllocations(group, m.batchNs + costs.lruAddNs, drains);
}

/** Reads of pages that are all cached. */
function hits(task: Task, m: TaskMm, view: View, chunk: u32): u32 {
  const most = <u32>min(m.opsLeft, <u64>MAX_BATCH);
  const region = view.region;
  let n: u32 = 0;
  for (; n < most; n++) {
    const begin = view.first + nextPage(task, view);
    for (let i: u32 = 0; i < chunk; i++) {
      const folio = folioAt(entryOf(region, slotOf(region, begin + i)));
      if (folio == null || !hasPage(folio, begin + i) || (folio.flags & (Pg.LOCKED | Pg.READAHEAD)) != 0) {
        m.batchNs = costs.readNs + chunk * costs.readPageNs;
        return n;
      }
    }
    for (let i: u32 = 0; i < chunk; i++) markAccessed(folioAt(entryOf(region, slotOf(region, begin + i))));
    view.raPrev = begin + chunk;
    advanceView(view, chunk);
  }
  m.batchNs = costs.readNs + chunk * costs.readPageNs;
  return n;
}

/** The task has worked for `done` ns since `since`: those of its batch that ended are measured. */
export function settleBatch(task: Task, since: u64, done: u64): void {
  const m = mmOf(task);
  let left = done;
  while (m.batchLeft != 0) {
    const drains = m.untilDrain == 1;
    const each = drains ? m.batchNs + costs.lruAddNs : m.batchNs;
    const first = each - m.intoNs;
    if (left < first) break;
    left -= first;
    const time = since + done - left;
    ended(task, m, time - m.beganAt, 1, time);
    // More of the same length, up to the next that drains.
    let alike = m.batchLeft;
    if (m.untilDrain != 0) alike = drains ? 0 : min(alike, m.untilDrain - 1);
    const whole = <u32>min(<u64>alike, left / max(each, 1));
    if (whole != 0) ended(task, m, each, whole, time + each);
    left -= whole * each;
    m.beganAt = since + done - left;
    m.intoNs = 0;
  }
  m.intoNs += left;
}

/** So many operations of a batch have ended, each of which took so long; the first of them at `time`. */
function ended(task: Task, m: TaskMm, latencyNs: u64, operations: u32, time: u64): void {
  m.batchLeft -= operations;
  if (m.untilDrain != 0) m.untilDrain = m.untilDrain > operations ? m.untilDrain - operations : LRU_BATCH;
  if (m.recorder == 0) return;
  if (operations == 1) recordAt(task, m.recorder - 1, latencyNs, time);
  else recordMany(task, m.recorder - 1, latencyNs, operations);
}
