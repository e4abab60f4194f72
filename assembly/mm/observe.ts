/** What the harness may ask about memory, as numbers: /proc/zoneinfo, the levels of /proc/vmstat, memory.stat and memory.events. */
import { groupAt, MemCgroup } from './memcg';
import { mm } from './mm';
import { blocksOf } from './order/blocks';
import { pcpPages } from './page_alloc';
import { totalFree, zoneAt } from './zone';
import { Task } from '../task/task';
import { dirtyLimits, dtc } from './writeback/limits';
import { domain } from './writeback/wb';
import { zram } from './zram';

/** In the order of ZONE_NUMBERS in src/kernel/memory.ts. */
export function zoneNumber(index: u32, what: u32): f64 {
  const zone = zoneAt(index);
  switch (what) {
    case 0:
      return <f64>zone.managed;
    case 1:
      return <f64>zone.free;
    case 2:
      return <f64>zone.min;
    case 3:
      return <f64>zone.low;
    case 4:
      return <f64>zone.high;
    case 5:
      return <f64>zone.boost;
    case 6:
      return <f64>zone.reserve1;
    case 7:
      return <f64>zone.reserve2;
    case 8:
      return <f64>zone.pcpHigh;
    case 9:
      return <f64>zone.pcpBatch;
    default:
      return mm.orders ? <f64>blocksOf(zone.blocks, what - 10) : 0;
  }
}

/** In the order of MEMORY_LEVELS. */
export function memoryNumber(what: u32): f64 {
  const root = groupAt(0);
  switch (what) {
    case 0:
      return mm.nrZones;
    case 1:
      return <f64>totalFree();
    case 2:
      return <f64>pcpPages(mm.nrCpus);
    case 3:
      return <f64>root.lists0;
    case 4:
      return <f64>root.lists1;
    case 5:
      return <f64>root.lists2;
    case 6:
      return <f64>root.lists3;
    case 7:
      return <f64>mm.kernelPages;
    case 8:
      return <f64>(mm.swapTotal - mm.swapFree);
    case 9:
      return <f64>mm.managed;
    case 10:
      return <f64>domain.nrDirty;
    case 11:
      return <f64>domain.nrWriteback;
    case 12:
      dirtyLimits(changetype<Task>(0));
      return <f64>dtc.thresh;
    case 13:
      dirtyLimits(changetype<Task>(0));
      return <f64>dtc.bgThresh;
    default:
      return <f64>zram.pool;
  }
}

/** In the order of MEMCG_NUMBERS. */
export function groupNumber(group: MemCgroup, what: u32): f64 {
  switch (what) {
    case 0:
      return <f64>group.usage;
    case 1:
      return <f64>group.swapUsage;
    case 2:
      return <f64>group.peak;
    case 3:
      return <f64>group.lowEvents;
    case 4:
      return <f64>group.highEvents;
    case 5:
      return <f64>group.maxEvents;
    case 6:
      return <f64>group.oomEvents;
    case 7:
      return <f64>group.oomKills;
    case 8:
      return <f64>group.oomGroupKills;
    case 9:
      return <f64>group.scanned;
    case 10:
      return <f64>group.stolen;
    case 11:
      return <f64>group.refaultsAnon;
    case 12:
      return <f64>group.refaultsFile;
    case 13:
      return <f64>group.lists0;
    case 14:
      return <f64>group.lists1;
    case 15:
      return <f64>group.lists2;
    default:
      return <f64>group.lists3;
  }
}
