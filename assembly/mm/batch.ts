/**
 * Operations that need nothing but time, one after another: one segment of work, but each measured by itself, whatever interrupts them.
 *
 * Pages of a batch are taken at its begin: they lie in the CPU's own lists, which nobody else sees.
 */
import { record, recordMany } from '../observe/recorder';
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
import { mmOf, TaskMm, View } from './task_mm';
import { advanceView, nextPage } from './view';
import { pcpOf, zoneAt } from './zone';

/** Operations of a batch at most: what a CPU's list can hold at a time, roughly. */
const MAX_BATCH: u32 = 256;

/** Operations that need nothing but time, all of the same length. False: the next one is no such. */
export function batch(rq: Rq, task: Task, m: TaskMm, view: View, step: Instruction): bool {
  const n = step.c == Access.TOUCH ? touches(rq, task, m, view) : hits(task, m, view, <u32>step.y);
  if (n == 0) return false;
  m.batchLeft = n;
  m.intoNs = 0;
  m.beganAt = machine.now;
  m.opsLeft -= n;
  task.mode = Mode.TOUCH;
  task.remaining = n * m.batchNs;
  return true;
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
        // The page with which the CPU's collection is full takes longer.
        ready = min(ready, LRU_BATCH - 1 - stockOf(rq.id).lruAdds);
      }
      if (!isNew || n == ready || (entry & 1) != 0 || !hasTable(region, page)) break;
      if (newPage(region, slot, folio, m.group, zoneAt(mm.nrZones - 1))) added++;
    }
    n++;
    advanceView(view, 1);
  }
  if (added != 0) addListPages(m.group, Lru.INACTIVE_ANON, added);
  if (n != 0 && isNew) takeReady(rq.id, m.group, n);
  m.batchNs = isNew ? costs.faultNs + (m.group.parent != null ? costs.chargeNs : 0) : costs.hitNs;
  if (isNew) {
    count(Vm.PGFAULT, n);
    if (m.group.qos != 0) noteAllocations(m.group, m.batchNs, n);
  }
  return n;
}

function stockPages(cpu: u32, group: MemCgroup): u32 {
  if (group.parent == null) return MAX_BATCH;
  const stock = stockOf(cpu);
  return stock.group == group ? stock.pages : 0;
}

function takeReady(cpu: u32, group: MemCgroup, pages: u32): void {
  const pcp = pcpOf(zoneAt(mm.nrZones - 1), cpu);
  pcp.count -= pages;
  zoneAt(mm.nrZones - 1).taken += pages;
  for (let i: u32 = 0; i < pages && pcp.freeFactor != 0; i++) pcp.freeFactor >>= 1;
  count(Vm.PGALLOC, pages);
  stockOf(cpu).lruAdds += pages;
  if (group.parent == null) group.usage += pages;
  else stockOf(cpu).pages -= pages;
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
  let time = since;
  const each = m.batchNs;
  if (m.batchLeft == 0) return;
  const first = each - m.intoNs;
  if (left < first) {
    m.intoNs += left;
    return;
  }
  time += first;
  left -= first;
  if (m.recorder != 0) record(task, m.recorder - 1, time - m.beganAt);
  m.batchLeft--;
  const whole = <u32>min(<u64>m.batchLeft, left / max(each, 1));
  if (whole != 0 && m.recorder != 0) recordMany(task, m.recorder - 1, each, whole);
  m.batchLeft -= whole;
  m.beganAt = time + whole * each;
  m.intoNs = left - whole * each;
}
