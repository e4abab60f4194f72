/**
 * A reclaim from the lowest priority to the highest, in steps between which time passes: that of a task which needs a page, or of a group at
 * its limit (mm/vmscan.c do_try_to_free_pages, try_to_free_pages, try_to_free_mem_cgroup_pages).
 */
import { Rq } from '../sched/rq';
import { DEF_PRIORITY, mm } from './mm';
import { ScanControl } from './scan_control';
import { beginPass, snapshotRefaults, stepPass } from './shrink_node';
import { Throttle, throttleAfterPass } from './throttle_reclaim';
import { vmpressure, vmpressurePrio } from './vmpressure';

/** A reclaim gives way to others at least this often: the kernel does so page by page (cond_resched). */
const STEP_NS: u64 = 50_000;

/** Goes on until there is enough work for a step: its cost is in sc.costNs. False: the reclaim is over, what is left of its cost, too. */
export function stepReclaim(sc: ScanControl, rq: Rq): bool {
  while (true) {
    if (!sc.inPass) {
      sc.nrScanned = 0;
      sc.reclaimedBefore = sc.nrReclaimed;
      sc.inPass = true;
      vmpressurePrio(rq, sc.target, sc.priority);
      beginPass(sc);
      if (rq.needResched && sc.costNs != 0) return true;
    }
    while (stepPass(sc, rq)) if (sc.costNs >= STEP_NS) return true;
    sc.inPass = false;
    vmpressure(rq, sc.target, sc.nrScanned);
    if (sc.nrReclaimed != sc.reclaimedBefore) mm.kswapdFailures = 0;
    sc.throttle = sc.mayThrottle ? throttleAfterPass(sc) : Throttle.NONE;
    if (sc.nrReclaimed < sc.nrToReclaim && --sc.priority >= 0) {
      if (sc.costNs >= STEP_NS || sc.throttle != Throttle.NONE) return true;
      continue;
    }
    snapshotRefaults(sc.target);
    if (sc.target.parent != null) sc.target.congested = false;
    if (sc.nrReclaimed != 0 || !startsAgain(sc)) return false;
  }
}

/** Nothing was freed: once more with active lists, then with protected groups. */
function startsAgain(sc: ScanControl): bool {
  if (sc.skippedDeactivate) {
    sc.skippedDeactivate = false;
    sc.forceDeactivate = true;
  } else if (sc.lowSkipped) {
    sc.lowSkipped = false;
    sc.forceDeactivate = false;
    sc.lowReclaim = true;
  } else {
    return false;
  }
  sc.priority = DEF_PRIORITY;
  return true;
}
