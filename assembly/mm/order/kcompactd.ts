/**
 * kcompactd: a thread of the simulated machine that makes blocks where kswapd has made room but left it in pieces (mm/compaction.c kcompactd,
 * kcompactd_do_work, wakeup_kcompactd). Not modelled: proactive compaction.
 */
import { Rq } from '../../sched/rq';
import { tryToWakeUp } from '../../sched/wake';
import { psiMemstallEnter, psiMemstallLeave } from '../../sched/psi';
import { Mode, State, Task } from '../../task/task';
import { count, mm, Vm } from '../mm';
import { zoneAt } from '../zone';
import { compactZone, isSuitable } from './compact';
import { highestZone, zoneWatermarkOk } from './watermark';

@unmanaged
class Kcompactd {
  task: Task;
  /** What it is to make; 0: nothing. */
  order: u32;
  waits: bool;
  /** The next zone, counted from the lowest; what it has done there. */
  zone: u32;
  busy: bool;
}

const self: Kcompactd = changetype<Kcompactd>(memory.data(<i32>offsetof<Kcompactd>(), 64));

export function setKcompactd(task: Task): void {
  self.task = task;
}

/** Some zone has room but no block of the order. */
export function wakeupKcompactd(order: u32): void {
  if (order == 0 || self.task == null) return;
  self.order = max(self.order, order);
  if (!self.waits || !hasWork()) return;
  self.waits = false;
  count(Vm.COMPACT_DAEMON_WAKE, 1);
  tryToWakeUp(self.task, 0);
}

function hasWork(): bool {
  for (let i: u32 = 0; i < mm.nrZones; i++) if (needsBlock(i)) return true;
  return false;
}

function needsBlock(index: u32): bool {
  const zone = zoneAt(index);
  if (zoneWatermarkOk(zone, self.order, zone.minMark, highestZone())) return false;
  return isSuitable(zone, self.order, highestZone(), zone.free);
}

/** Makes one block in each zone that has none, and sleeps. */
export function kcompactdStep(rq: Rq, task: Task): bool {
  if (self.busy) {
    self.busy = false;
    psiMemstallLeave(task);
  }
  while (self.order != 0 && self.zone < mm.nrZones) {
    const zone = zoneAt(self.zone);
    if (!needsBlock(self.zone++)) continue;
    const before = mm.compactCostNs;
    compactZone(zone, self.order);
    const cost = mm.compactCostNs - before;
    if (cost == 0) continue;
    self.busy = true;
    psiMemstallEnter(task);
    task.mode = Mode.USER;
    task.remaining = cost;
    return true;
  }
  self.zone = 0;
  self.order = 0;
  self.waits = true;
  task.state = State.SLEEPING;
  rq.needResched = true;
  return true;
}
