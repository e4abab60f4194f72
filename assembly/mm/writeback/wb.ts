/**
 * What the kernel keeps of dirty pages: for the machine (struct wb_domain) and for each device (struct bdi_writeback): how many there are, how
 * fast they are written, how fast tasks may dirty more, and which files have some.
 */
import { at } from '../../base/arena';
import { Task } from '../../task/task';
import { BlockDevice, Request } from '../block';
import { Folio, Region } from '../folio';
import { hz } from '../jiffies';

/** Files in the order in which they came (a list of inodes). */
@unmanaged
export class FileQueue {
  first: Region;
  last: Region;

  push(file: Region): void {
    file.wbNext = changetype<Region>(0);
    if (this.first == null) this.first = file;
    else this.last.wbNext = file;
    this.last = file;
  }

  pop(): Region {
    const file = this.first;
    if (file != null) this.first = file.wbNext;
    return file;
  }

  /** All of `other` comes behind what is here. */
  splice(other: FileQueue): void {
    if (other.first == null) return;
    if (this.first == null) this.first = other.first;
    else this.last.wbNext = other.first;
    this.last = other.last;
    other.first = changetype<Region>(0);
  }
}

@unmanaged
export class Wb {
  device: BlockDevice;
  /** Dirty pages, pages under writeback, and those that ever became dirty or were written. */
  reclaimable: u64;
  writeback: u64;
  dirtied: u64;
  written: u64;
  /** Estimates, in pages a second: of writing, and of what one task may dirty; when they were made, and the counters then. */
  writeBandwidth: u64;
  avgWriteBandwidth: u64;
  dirtyRatelimit: u64;
  balancedDirtyRatelimit: u64;
  bwTimeStamp: u64;
  dirtiedStamp: u64;
  writtenStamp: u64;
  /** When a late estimate is due; 0: none is. */
  bwWorkAt: u64;
  /** Files of which some page is under writeback. */
  writebackFiles: u32;
  dirtyExceeded: bool;
  /** Its part of all completions, as of a period of the machine's. */
  completions: u64;
  period: u64;
  /** Files with dirty pages: waiting, taken up, to be gone on with. */
  dirty: FileQueue;
  io: FileQueue;
  moreIo: FileQueue;
  /** The flusher; null: nobody writes to the device. */
  flusher: Task;
  /** Where it stands (flusher.ts). */
  stage: u32;
  kind: u32;
  nextCheck: u32;
  /** It waits for work; it works; it is to look again; all is to be written. */
  idle: bool;
  running: bool;
  pending: bool;
  startAll: bool;
  lastOldFlush: u64;
  workPages: i64;
  batchSince: u64;
  progress: u64;
  /** The file that it writes: its next slot, pages that may still be written, and whether that was all of it. */
  file: Region;
  slot: u32;
  toWrite: i64;
  chunk: i64;
  fileOver: bool;
  /** A page that waits for its request. */
  held: Folio;
  /** Requests that have not been sent, by next; the last may still grow behind its last page. */
  plug: Request;
  plugLast: Request;
  plugged: u32;
  plugPages: u32;
  endSlot: u32;
  endFile: Region;
}

/** INIT_BW: 100 MiB/s. */
export const INIT_BW: u64 = 100 << 8;
/** RATELIMIT_CALC_SHIFT: ratios are in 1024ths. */
export const RATIO_SHIFT: u64 = 10;

/** BANDWIDTH_INTERVAL: estimates are made every 200 ms. */
export function bandwidthInterval(): u64 {
  return max(hz() / 5, 1);
}

@unmanaged
export class Domain {
  /** NR_FILE_DIRTY and NR_WRITEBACK. */
  nrDirty: u64;
  nrWriteback: u64;
  /** vm.dirty_ratio, dirty_background_ratio; dirty_expire_centisecs and dirty_writeback_centisecs in jiffies. */
  ratio: u64;
  backgroundRatio: u64;
  expire: u64;
  interval: u64;
  /** totalreserve_pages: what no file may have. */
  reserve: u64;
  /** The limit that follows the threshold, and since when it is what it is. */
  limit: u64;
  limitStamp: u64;
  /** Pages that a CPU may dirty before somebody on it has to look (ratelimit_pages). */
  ratelimitPages: u64;
  /** Buffer heads of written pages, and the kernel's pages that hold them (buffers.ts). */
  buffers: u64;
  bufferPages: u64;
  /** Completions of all devices, halved every period. */
  completions: u64;
  period: u64;
  periodEnds: u64;
  /** Address of Wb[nrWbs], one of each device. */
  wbs: usize;
  nrWbs: u32;
}

export const domain: Domain = changetype<Domain>(memory.data(<i32>offsetof<Domain>(), 64));

/** The writeback of a device, by its number. */
export function wbAt(device: u32): Wb {
  return at<Wb>(domain.wbs, device);
}

/** wb_has_dirty_io */
export function hasDirtyIo(wb: Wb): bool {
  return wb.dirty.first != null || wb.io.first != null || wb.moreIo.first != null || wb.file != null;
}
