/** What one reclaim wants and how far it has come (struct scan_control, and the variables of shrink_lruvec): it can stop between two batches. */
import { machine } from '../machine/machine';
import { Folio } from './folio';
import { MemCgroup } from './memcg';
import { DEF_PRIORITY } from './mm';

@unmanaged
export class ScanControl {
  nrToReclaim: u64;
  nrReclaimed: u64;
  nrScanned: u64;
  priority: i32;
  /** The group whose limit was hit; the root: the machine is short. */
  target: MemCgroup;
  isKswapd: bool;
  mayDeactivateAnon: bool;
  mayDeactivateFile: bool;
  forceDeactivate: bool;
  skippedDeactivate: bool;
  /** Groups below memory.low are reclaimed, too; some were left out. */
  lowReclaim: bool;
  lowSkipped: bool;
  maySwap: bool;
  mayWritepage: bool;
  cacheTrim: bool;
  fileIsTiny: bool;
  anonCost: u64;
  fileCost: u64;
  /** The group that the pass is at, and whether it is in the middle of it. */
  cursor: u32;
  inGroup: bool;
  /** The next list of the round. */
  list: u32;
  nr0: u64;
  nr1: u64;
  nr2: u64;
  nr3: u64;
  target0: u64;
  target1: u64;
  target2: u64;
  target3: u64;
  groupReclaimed: u64;
  /** Folios that go to swap when the group is done with: the block layer's plug. */
  plug: Folio;
  plugPages: u32;
  /** Pages of this pass, and of files; dirty ones; of these, those that nobody writes, and those that come around again before they are written. */
  nrTaken: u64;
  nrFileTaken: u64;
  nrDirty: u64;
  nrUnqueuedDirty: u64;
  nrCongested: u64;
  /** Those under writeback: met for the first time, and again. */
  nrWriteback: u64;
  nrImmediate: u64;
  /** A task's own reclaim, which may sleep, and why it has to now (throttle_reclaim.ts). */
  mayThrottle: bool;
  throttle: u32;
  /** What the last step cost. */
  costNs: u64;
  /** When it began. */
  beganAt: u64;
  /** In the middle of a pass, before which so much had been freed. */
  inPass: bool;
  reclaimedBefore: u64;

  setNr(list: u32, n: u64): void {
    if (list == 0) this.nr0 = n;
    else if (list == 1) this.nr1 = n;
    else if (list == 2) this.nr2 = n;
    else this.nr3 = n;
  }

  nr(list: u32): u64 {
    return list == 0 ? this.nr0 : list == 1 ? this.nr1 : list == 2 ? this.nr2 : this.nr3;
  }

  targetOf(list: u32): u64 {
    return list == 0 ? this.target0 : list == 1 ? this.target1 : list == 2 ? this.target2 : this.target3;
  }

  saveTargets(): void {
    this.target0 = this.nr0;
    this.target1 = this.nr1;
    this.target2 = this.nr2;
    this.target3 = this.nr3;
  }
}

/** A pass begins: it has met no pages yet. */
export function resetMet(sc: ScanControl): void {
  sc.nrTaken = 0;
  sc.nrFileTaken = 0;
  sc.nrDirty = 0;
  sc.nrUnqueuedDirty = 0;
  sc.nrCongested = 0;
  sc.nrWriteback = 0;
  sc.nrImmediate = 0;
}

/** A reclaim of `target` for `pages`, from the lowest priority. */
export function beginReclaim(sc: ScanControl, target: MemCgroup, pages: u64, isKswapd: bool): void {
  sc.target = target;
  sc.nrToReclaim = pages;
  sc.nrReclaimed = 0;
  sc.nrScanned = 0;
  sc.priority = DEF_PRIORITY;
  sc.isKswapd = isKswapd;
  sc.forceDeactivate = false;
  sc.skippedDeactivate = false;
  sc.lowReclaim = false;
  sc.lowSkipped = false;
  sc.maySwap = true;
  sc.mayWritepage = true;
  sc.fileIsTiny = false;
  sc.inGroup = false;
  sc.inPass = false;
  sc.mayThrottle = false;
  sc.throttle = 0;
  sc.costNs = 0;
  sc.beganAt = machine.now;
}
