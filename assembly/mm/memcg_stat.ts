/**
 * Statistics of groups as reclaim sees them: sums over a group and those below it, which are brought up to date only after enough has changed on
 * some CPU, or every two seconds (mm/memcontrol.c memcg_rstat_updated, mem_cgroup_flush_stats, lruvec_page_state).
 *
 * Simplified: changes are counted for the machine as a whole, and all groups' sums are of the same time, or later.
 */
import { machine } from '../machine/machine';
import { MemCgroup } from './memcg';
import { mm } from './mm';

/** A CPU reports what it has changed in such portions (MEMCG_CHARGE_BATCH); more of them than there are CPUs are worth a flush. */
const PORTION: u64 = 64;
/** FLUSH_TIME */
const FLUSH_NS: u64 = 2_000_000_000;

/** Sums are brought up to date if it is worth it (mem_cgroup_flush_stats). */
export function flushStats(): void {
  const isDue = machine.now - mm.statFlushedAt >= FLUSH_NS;
  if (mm.statUpdates <= (mm.nrCpus + 1) * PORTION && !isDue) return;
  mm.statUpdates = 0;
  mm.statFlushes++;
  mm.statFlushedAt = machine.now;
}

/** Pages of a kind of list in a group and below it, as of the last flush. */
export function seenPages(group: MemCgroup, list: u32): u64 {
  if (group.seenFlush != mm.statFlushes) {
    group.seenFlush = mm.statFlushes;
    group.seen0 = group.lists0;
    group.seen1 = group.lists1;
    group.seen2 = group.lists2;
    group.seen3 = group.lists3;
  }
  return list == 0 ? group.seen0 : list == 1 ? group.seen1 : list == 2 ? group.seen2 : group.seen3;
}
