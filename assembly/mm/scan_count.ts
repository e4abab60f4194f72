/**
 * How many folios of which list a pass of reclaim looks at (mm/vmscan.c prepare_scan_count, get_scan_count).
 */
import { inactiveIsLow } from './lru';
import { listOf, MemCgroup } from './memcg';
import { flushStats, seenPages } from './memcg_stat';
import { Lru, mm, SWAP_CLUSTER_MAX } from './mm';
import { ScanControl } from './scan_control';
import { totalFree, totalHighMark } from './zone';

/** What is true of the whole pass: whether active lists may be shortened, and whether only one kind of page is worth looking at. */
export function prepareScanCount(sc: ScanControl): void {
  flushStats();
  const target = sc.target;
  sc.anonCost = target.anonCost;
  sc.fileCost = target.fileCost;
  sc.mayDeactivateAnon =
    sc.forceDeactivate || target.activatedAnon != target.seenAnon || inactiveIsLow(target, Lru.INACTIVE_ANON);
  sc.mayDeactivateFile =
    sc.forceDeactivate || target.activatedFile != target.seenFile || inactiveIsLow(target, Lru.INACTIVE_FILE);
  sc.cacheTrim = seenPages(target, Lru.INACTIVE_FILE) >> sc.priority != 0 && !sc.mayDeactivateFile;
  if (sc.target.parent != null) return;
  const file = target.lists2 + target.lists3;
  sc.fileIsTiny = file + totalFree() <= totalHighMark() && !sc.mayDeactivateAnon && target.lists0 >> sc.priority != 0;
}

namespace Balance {
  export const EQUAL: u32 = 0;
  export const FRACT: u32 = 1;
  export const ANON: u32 = 2;
  export const FILE: u32 = 3;
}

/** Whether a group may put pages into swap (can_reclaim_anon_pages). */
export function maySwap(group: MemCgroup): bool {
  if (mm.swapFree == 0) return false;
  for (let g = group; g != null; g = g.parent) if (g.swapUsage >= g.swapMax) return false;
  return true;
}

/** Fills sc.nr0 … nr3 for one group. */
export function getScanCount(sc: ScanControl, group: MemCgroup): void {
  const swappiness: u64 = mm.swappiness;
  let balance = Balance.FRACT;
  if (!sc.maySwap || !maySwap(group)) balance = Balance.FILE;
  else if (sc.target.parent != null && swappiness == 0) balance = Balance.FILE;
  else if (sc.priority == 0 && swappiness != 0) balance = Balance.EQUAL;
  else if (sc.fileIsTiny) balance = Balance.ANON;
  else if (sc.cacheTrim) balance = Balance.FILE;
  const cost = sc.anonCost + sc.fileCost;
  const anonCost = cost + sc.anonCost;
  const fileCost = cost + sc.fileCost;
  const anon = (swappiness * (anonCost + fileCost + 1)) / (anonCost + 1);
  const file = ((200 - swappiness) * (anonCost + fileCost + 1)) / (fileCost + 1);
  for (let list: u32 = 0; list < Lru.COUNT; list++) {
    const isFile = (list & Lru.FILE) != 0;
    let scan = protectedSize(sc, group, list) >> sc.priority;
    if (balance == Balance.FRACT) scan = (scan * (isFile ? file : anon)) / (anon + file);
    else if (balance == (isFile ? Balance.ANON : Balance.FILE)) scan = 0;
    sc.setNr(list, scan);
  }
  sc.saveTargets();
}

/** What of a list the group's protection leaves to be scanned. */
function protectedSize(sc: ScanControl, group: MemCgroup, list: u32): u64 {
  const size = listOf(group, list).pages;
  if (group == sc.target || (group.emin == 0 && group.elow == 0)) return size;
  let protection = group.emin;
  if (!sc.lowReclaim && group.elow > group.emin) {
    protection = group.elow;
    sc.lowSkipped = true;
  }
  const groupSize = max(group.usage, protection);
  return max(size - (size * protection) / (groupSize + 1), <u64>SWAP_CLUSTER_MAX);
}
