/** Set-up of writeback: the machine's limits, and each device's estimates before anything is known of it. */
import { allocate, allocateArray } from '../base/arena';
import { deviceAt } from '../mm/block';
import { hz, jiffies } from '../mm/jiffies';
import { mm } from '../mm/mm';
import { dirtyLimits, dtc, totalReserve } from '../mm/writeback/limits';
import { domain, FileQueue, INIT_BW, setWbs, Wb, wbAt } from '../mm/writeback/wb';
import { DeviceTable, MemoryTable, rowAt } from '../tables';
import { specAt } from '../task/fork';
import { Task, taskAt } from '../task/task';

const NSEC_PER_SEC: u64 = 1_000_000_000;

export function readWriteback(table: MemoryTable, deviceTables: usize, devices: u32): void {
  domain.ratio = <u64>table.dirtyRatio;
  domain.backgroundRatio = <u64>table.dirtyBackgroundRatio;
  domain.expire = (<u64>table.dirtyExpireNs * hz()) / NSEC_PER_SEC;
  domain.interval = (<u64>table.dirtyWritebackNs * hz()) / NSEC_PER_SEC;
  domain.reserve = totalReserve();
  domain.limitStamp = jiffies();
  // The limit is first computed while half of memory is yet to come up (page_writeback_init; recorded: 10282 of a threshold of 20735).
  dirtyLimits(changetype<Task>(0));
  domain.limit = dtc.thresh / 2;
  domain.ratelimitPages = max(domain.limit / (mm.nrCpus * 32), 16);
  setWbs(allocateArray<Wb>(devices), devices);
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
