/** Set-up of writeback: the machine's limits, and each device's estimates before anything is known of it. */
import { allocate, allocateArray } from '../base/arena';
import { machine } from '../machine/machine';
import { deviceAt } from '../mm/block';
import { jiffies } from '../mm/jiffies';
import { mm } from '../mm/mm';
import { dirtyLimits, dtc, totalReserve } from '../mm/writeback/limits';
import { domain, FileQueue, INIT_BW, Wb, wbAt } from '../mm/writeback/wb';
import { DeviceTable, MemoryTable, rowAt } from '../tables';
import { specAt } from '../task/fork';
import { Task, taskAt } from '../task/task';

/** vm.dirty_ratio as booted. */
const DEFAULT_RATIO: u64 = 20;

/** Whole ticks, upwards (msecs_to_jiffies). */
function jiffiesOf(ns: u64): u64 {
  return (ns + machine.tickPeriodNs - 1) / machine.tickPeriodNs;
}

export function readWriteback(table: MemoryTable, deviceTables: usize, devices: u32): void {
  domain.ratio = <u64>table.dirtyRatio;
  domain.backgroundRatio = <u64>table.dirtyBackgroundRatio;
  domain.expire = jiffiesOf(<u64>table.dirtyExpireNs);
  domain.interval = jiffiesOf(<u64>table.dirtyWritebackNs);
  domain.reserve = totalReserve();
  domain.limitStamp = jiffies();
  // The limit is first computed while half of memory is yet to come up (recorded: 10282 of a threshold of 20735), and anew when the sysctl is changed.
  dirtyLimits(changetype<Task>(0));
  domain.limit = domain.ratio == DEFAULT_RATIO ? dtc.thresh / 2 : dtc.thresh;
  domain.ratelimitPages = max(domain.limit / (mm.nrCpus * 32), 16);
  domain.wbs = allocateArray<Wb>(devices);
  domain.nrWbs = devices;
  for (let i: u32 = 0; i < devices; i++) {
    const spec = rowAt<DeviceTable>(deviceTables, i).flusherSpec;
    const wb = wbAt(i);
    wb.device = deviceAt(i);
    wb.dirty = allocate<FileQueue>();
    wb.io = allocate<FileQueue>();
    wb.moreIo = allocate<FileQueue>();
    wb.writeBandwidth = INIT_BW;
    wb.avgWriteBandwidth = INIT_BW;
    wb.dirtyRatelimit = INIT_BW;
    wb.balancedDirtyRatelimit = INIT_BW;
    wb.bwTimeStamp = jiffies();
    if (spec >= 0) wb.flusher = taskAt(specAt(<u32>spec).firstTask);
  }
}
