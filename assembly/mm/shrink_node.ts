/**
 * One pass over the groups at one priority, batch by batch: time passes between batches, and other tasks may run (mm/vmscan.c shrink_node,
 * shrink_node_memcgs, shrink_lruvec).
 *
 * Who pays is decided here: `nextGroup` names the groups of a pass in their order, and leaves out those that are protected.
 */
import { Rq } from '../sched/rq';
import { calculateProtection, groupAt, isBelow, MemCgroup } from './memcg';
import { costs, DEF_PRIORITY, Lru, mm, SWAP_CLUSTER_MAX } from './mm';
import { getScanCount, prepareScanCount } from './scan_count';
import { resetMet, ScanControl } from './scan_control';
import { ageActiveAnon, flushPlug, shrinkList } from './shrink_list';
import { shrinkNodes } from './writeback/cache_nodes';

/** Begins a pass. */
export function beginPass(sc: ScanControl): void {
  prepareScanCount(sc);
  resetMet(sc);
  sc.cursor = 0;
  sc.inGroup = false;
  sc.costNs += costs.passNs;
  if (sc.isKswapd) sc.costNs += costs.balanceNs;
  else if (sc.target.parent == null) sc.costNs += costs.directNs;
}

/** Does the next batch. False: the pass is over. What it cost is in sc.costNs, which the caller takes. */
export function stepPass(sc: ScanControl, rq: Rq): bool {
  while (true) {
    if (!sc.inGroup) {
      if (!nextGroup(sc)) return false;
      getScanCount(sc, groupAt(sc.cursor - 1));
      sc.inGroup = true;
      sc.list = 0;
      sc.groupReclaimed = 0;
    }
    const group = groupAt(sc.cursor - 1);
    if (sc.list == 0 && sc.nr0 == 0 && sc.nr2 == 0 && sc.nr3 == 0) {
      endGroup(sc, rq, group);
      continue;
    }
    while (sc.list < Lru.COUNT) {
      const list = sc.list++;
      const left = sc.nr(list);
      if (left == 0) continue;
      const scan = min(left, <u64>SWAP_CLUSTER_MAX);
      sc.setNr(list, left - scan);
      sc.groupReclaimed += shrinkList(sc, rq, group, list, scan);
      if (sc.costNs != 0) return true;
    }
    sc.list = 0;
    if (!goesOn(sc)) endGroup(sc, rq, group);
  }
}

/** The next group of the pass that may be reclaimed from: the one before sc.cursor. */
function nextGroup(sc: ScanControl): bool {
  while (sc.cursor < mm.nrGroups) {
    const group = groupAt(sc.cursor++);
    if (!isBelow(group, sc.target)) continue;
    sc.costNs += costs.groupPassNs;
    calculateProtection(sc.target, group);
    if (group != sc.target) {
      if (group.usage <= group.emin && group.emin != 0) continue;
      if (group.usage <= group.elow && group.elow != 0) {
        if (!sc.lowReclaim) {
          sc.lowSkipped = true;
          continue;
        }
        for (let g = group; g != null; g = g.parent) g.lowEvents++;
      }
    }
    return true;
  }
  return false;
}

/** After a round over the lists: whether the group is scanned further; once there is enough, both kinds stop in proportion. */
function goesOn(sc: ScanControl): bool {
  const isDirect = !sc.isKswapd && sc.target.parent == null;
  const proportional = isDirect && sc.priority == DEF_PRIORITY;
  if (sc.groupReclaimed < sc.nrToReclaim || proportional) return true;
  const file = sc.nr2 + sc.nr3;
  const anon = sc.nr0 + sc.nr1;
  if (file == 0 || anon == 0) return false;
  const isFileLess = file <= anon;
  const stopped = isFileLess ? Lru.INACTIVE_FILE : Lru.INACTIVE_ANON;
  const other = isFileLess ? Lru.INACTIVE_ANON : Lru.INACTIVE_FILE;
  const target = sc.targetOf(stopped) + sc.targetOf(stopped + 1) + 1;
  const percentage = ((isFileLess ? file : anon) * 100) / target;
  sc.setNr(stopped, 0);
  sc.setNr(stopped + 1, 0);
  for (let list = other; list <= other + 1; list++) {
    const done = sc.targetOf(list) - sc.nr(list);
    const wanted = (sc.targetOf(list) * (100 - percentage)) / 100;
    sc.setNr(list, wanted > done ? wanted - done : 0);
  }
  return true;
}

/** The group is done with: its writes are sent, and active anonymous pages age. */
function endGroup(sc: ScanControl, rq: Rq, group: MemCgroup): void {
  sc.inGroup = false;
  sc.nrReclaimed += sc.groupReclaimed;
  ageActiveAnon(sc, group, group);
  flushPlug(sc, rq);
  shrinkNodes(rq.id);
}

/** What a reclaim has seen of refaults, so that the next one notices new ones (snapshot_refaults). */
export function snapshotRefaults(target: MemCgroup): void {
  target.seenAnon = target.activatedAnon;
  target.seenFile = target.activatedFile;
}
