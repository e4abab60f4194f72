/**
 * Dirty throttling: a task that has dirtied some pages looks at the state of things, wakes the flusher, and sleeps as long as makes its rate what it
 * should be (mm/page-writeback.c balance_dirty_pages, balance_dirty_pages_ratelimited_flags, wb_min_pause, wb_max_pause).
 */
import { startTimer } from '../../machine/hrtimer';
import { Blocked, traceBlocked } from '../../observe/trace';
import { Rq } from '../../sched/rq';
import { State, Task } from '../../task/task';
import { hz, jiffies } from '../jiffies';
import { MemCgroup, stockOf } from '../memcg';
import { count, mm, Vm } from '../mm';
import { Phase } from '../phase';
import { TaskMm } from '../task_mm';
import { timerWheelExpiry } from '../throttle_high';
import { estimateIsOld, ilog2, roundupPowOfTwo, updateRates } from './bandwidth';
import { lateEstimate } from './dirty';
import { wakeFlusher } from './flusher';
import { DirtyControl, dirtyLimits, dtc, freerunCeiling, groupDtc, groupLimits, wbLimits } from './limits';
import { positionRatio } from './position_ratio';
import { domain, RATIO_SHIFT, Wb } from './wb';

/** MAX_PAUSE: a fifth of a second. */
function maxPause(): u64 {
  return max(hz() / 5, 1);
}

/** DIRTY_POLL_THRESH: 128 KiB. A task begins with as many pages, too (copy_process). */
export const POLL_PAGES: u64 = 32;
/** With the limit exceeded, tasks look every 32 KiB. */
const EXCEEDED_PAGES: u64 = 8;
/** wb_stat_error of a machine with one CPU: a batch of 8 pages. */
const STAT_ERROR: u64 = 8;

/** Whether the task has dirtied so many pages that it has to look. */
export function balanceIsDue(m: TaskMm, wb: Wb, cpu: u32): bool {
  const stock = stockOf(cpu);
  let most = m.nrDirtiedPause;
  if (wb.dirtyExceeded) most = min(most, EXCEEDED_PAGES);
  if (m.nrDirtied >= most) {
    stock.dirtied = 0;
  } else if (stock.dirtied >= domain.ratelimitPages) {
    stock.dirtied = 0;
    most = 0;
  }
  // Tasks that have ended leave theirs to those that go on.
  if (stock.dirtyLeaks != 0 && m.nrDirtied < most) {
    const pages = min(stock.dirtyLeaks, most - m.nrDirtied);
    stock.dirtyLeaks -= pages;
    m.nrDirtied += pages;
  }
  return m.nrDirtied >= most;
}

/** The task looks. True: it sleeps. */
export function balanceDirtyPages(rq: Rq, task: Task, m: TaskMm, wb: Wb): bool {
  if (m.killed) {
    m.phase = Phase.WRITE;
    return false;
  }
  const now = jiffies();
  const group = m.group.parent != null ? m.group : changetype<MemCgroup>(0);
  lateEstimate(wb);
  dtc.dirty = domain.nrDirty + domain.nrWriteback;
  dirtyLimits(task);
  if (group != null) {
    groupDtc.dirty = group.nrDirty + group.nrWriteback;
    groupLimits(group, task);
  }
  if (domain.nrDirty > dtc.bgThresh && !wb.running) wakeFlusher(wb);
  if (isFree(dtc) && (group == null || isFree(groupDtc))) {
    m.dirtyPausedWhen = now;
    m.nrDirtied = 0;
    m.nrDirtiedPause = pollInterval(dtc);
    if (group != null) m.nrDirtiedPause = min(m.nrDirtiedPause, pollInterval(groupDtc));
    m.phase = Phase.WRITE;
    return false;
  }
  if (!wb.running) wakeFlusher(wb);
  wbLimits(wb);
  positionRatio(wb, dtc);
  wb.dirtyExceeded = isExceeded(dtc);
  let strictest = dtc;
  if (group != null) {
    positionRatio(wb, groupDtc);
    if (isExceeded(groupDtc)) wb.dirtyExceeded = true;
    if (groupDtc.posRatio < dtc.posRatio) strictest = groupDtc;
  }
  if (estimateIsOld(wb)) updateRates(wb, group);
  count(Vm.DIRTY_BALANCES, 1);
  mm.dirtyAtBalance.record(strictest.dirty);
  return throttle(rq, task, m, wb, now, strictest);
}

function isFree(control: DirtyControl): bool {
  return control.dirty <= freerunCeiling(control);
}

function isExceeded(control: DirtyControl): bool {
  return control.wbDirty > control.wbThresh && control.dirty > control.thresh;
}

/** The further the threshold, the later it looks again (dirty_poll_interval). */
function pollInterval(control: DirtyControl): u64 {
  return control.thresh > control.dirty ? (<u64>1) << (ilog2(control.thresh - control.dirty) >> 1) : 1;
}

/** Sleeps for the pages that were dirtied, less the time since the last sleep ended; a short sleep is put off. */
function throttle(rq: Rq, task: Task, m: TaskMm, wb: Wb, now: u64, control: DirtyControl): bool {
  const rate = (wb.dirtyRatelimit * control.posRatio) >> RATIO_SHIFT;
  const most = <i64>mostPause(wb, control.wbDirty);
  const least = leastPause(wb, most, rate, control);
  const pages = m.pagesDirtied;
  let since = now;
  let pause = most;
  if (rate != 0) {
    const period = (hz() * pages) / rate;
    pause = <i64>period;
    if (m.dirtyPausedWhen != 0) pause -= <i64>(now - m.dirtyPausedWhen);
    if (pause < least) {
      m.phase = Phase.WRITE;
      putOff(m, now, period, pause);
      return false;
    }
    if (pause > most) {
      since += <u64>min(pause - most, most);
      pause = most;
    }
  }
  count(Vm.DIRTY_PAUSES, 1);
  count(Vm.DIRTY_PAUSED_MS, (<u64>pause * 1000) / hz());
  m.dirtyPausedWhen = since + <u64>pause;
  m.nrDirtied = 0;
  m.nrDirtiedPause = control.nextPages;
  // With the limit reached it looks again, unless its device has next to nothing dirty.
  m.phase = rate != 0 || control.wbDirty <= STAT_ERROR ? Phase.WRITE : Phase.BALANCE;
  traceBlocked(task, Blocked.DIRTY);
  startTimer(rq, task.timer, timerWheelExpiry(<u64>pause), 0);
  task.state = State.SLEEPING;
  // io_schedule_timeout
  task.inIowait = true;
  rq.needResched = true;
  return true;
}

/** The pause is too short: it is made up for later; a task that was away for a second begins anew. */
function putOff(m: TaskMm, now: u64, period: u64, pause: i64): void {
  if (pause < -(<i64>hz())) {
    m.dirtyPausedWhen = now;
    m.nrDirtied = 0;
  } else if (period != 0) {
    m.dirtyPausedWhen += period;
    m.nrDirtied = 0;
  } else if (m.nrDirtiedPause <= m.pagesDirtied) {
    m.nrDirtiedPause += m.pagesDirtied;
  }
}

/** So long that the device does not run out of dirty pages (wb_max_pause). */
function mostPause(wb: Wb, wbDirty: u64): u64 {
  const pause = wbDirty / (1 + wb.avgWriteBandwidth / roundupPowOfTwo(1 + hz() / 8));
  return min(pause + 1, maxPause());
}

/** The shortest sleep worth it: half of about 10 ms, more for many tasks (wb_min_pause). */
function leastPause(wb: Wb, most: i64, rate: u64, control: DirtyControl): i64 {
  const second = roundupPowOfTwo(hz());
  const base = wb.dirtyRatelimit;
  const hi = <i64>ilog2(wb.avgWriteBandwidth);
  const lo = <i64>ilog2(base);
  let target = <i64>max(hz() / 100, 1);
  if (hi > lo) target += ((hi - lo) * <i64>(10 * hz())) / 1024;
  target = min(target, 1 + most / 2);
  let pages = (base * <u64>target) / second;
  if (pages < POLL_PAGES) {
    target = most;
    pages = (base * <u64>target) / second;
    if (pages > POLL_PAGES) {
      pages = POLL_PAGES;
      target = <i64>((hz() * POLL_PAGES) / base);
    }
  }
  if (<i64>((hz() * pages) / (rate + 1)) > most) {
    target = most;
    pages = (rate * <u64>target) / second;
  }
  control.nextPages = pages;
  return pages >= POLL_PAGES ? 1 + target / 2 : target;
}
