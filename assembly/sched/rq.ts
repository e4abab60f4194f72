/**
 * The runqueue of a CPU (kernel/sched/sched.h struct rq): the scheduler's half of the CPU record.
 */
import { at } from '../base/arena';
import { Cpu } from '../machine/cpu';
import { HrTimer } from '../machine/timer';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { LoadHistory } from './cpu_load';
import { DlEntity, DlRq } from './dl_entity';
import { CfsRq } from './entity';
import { PriorityRq } from './prio_array';

/** The real-time class's queue and its bandwidth (struct rt_rq). */
@unmanaged
export class RtRq extends PriorityRq {
  /** Time used in this period. */
  time: u64;
}

/** VM First's queue; ours. */
@unmanaged
export class VmfRq extends PriorityRq {
  /** Time that it ran while lower classes waited. */
  starvedNs: u64;
  /** Ends the lower classes' grant. */
  grant: HrTimer;
}

/** The BT class's queue: a CfsRq of its own with bandwidth (TencentOS kernel/sched/batch.c struct bt_rq). */
@unmanaged
export class BtRq extends CfsRq {
  /** Time used; what exceeds a period's budget is carried over. */
  time: u64;
  /** Budget a period; the period or more: unlimited. */
  runtime: u64;
  throttled: bool;
  /** Starvation guard of the 6.6 line: when it last ran or was empty, and the time it may run above fair until. */
  starvedSince: u64;
  boosted: bool;
  /** When its queue last became non-empty, or was throttled; 0: it is empty (bt_blocked_clock). */
  blockedSince: u64;
}

/** What the threads of a core have in common (struct rq's core-wide fields): core scheduling. */
@unmanaged
export class Core {
  /** Counts arrivals, departures and picks (core_task_seq), and its value at the last pick (core_pick_seq). */
  taskSeq: u32;
  pickSeq: u32;
  /** The cookie that its threads run. */
  cookie: u32;
  /** Threads that run a task, and those that are forced to be idle; since when that has not been charged. */
  occupied: u32;
  forcedIdle: u32;
  forcedSince: u64;
  /** Counts the threads that came to be forced idle (core_forceidle_seq). */
  forcedIdleSeq: u32;
}

@unmanaged
export class Rq extends Cpu {
  curr: Task;
  idle: Task;
  stop: Task;
  /** Runnable tasks of all classes, the running one included. */
  nrRunning: u32;
  needResched: bool;
  /** Only at the return to user mode, or from the next tick on (TIF_NEED_RESCHED_LAZY). */
  needReschedLazy: bool;
  /** The running task has called sched_yield. */
  yielded: bool;
  /** A balance is due when the interrupt ends. */
  balanceDue: bool;
  /** Tasks on the wake list. */
  ttwuPending: u32;
  /** Clock of the last update_rq_clock. */
  clock: u64;
  cfs: CfsRq;
  /** All fair tasks on it, most recently picked first (rq->cfs_tasks): a circular list, or null. */
  cfsTasks: Task;
  btTasks: Task;
  dl: DlRq;
  /** What fair tasks get however busy the stronger classes are. */
  fairServer: DlEntity;
  rt: RtRq;
  vmf: VmfRq;
  bt: BtRq;
  /** Wake list: tasks woken by other CPUs, in order. */
  wakeHead: Task;
  wakeTail: Task;
  /** Work for the stopper: push this task to that CPU. */
  pushTask: Task;
  pushCpu: u32;
  nextBalance: u64;
  /** Groups' queues whose averages have not decayed (leaf_cfs_rq_list). */
  firstLeaf: CfsRq;
  lastLeaf: CfsRq;
  nextBalanceBt: u64;
  /** What it weighed at its ticks (cpu_load, cpu_bt_load). */
  fairHistory: LoadHistory;
  btHistory: LoadHistory;
  /** The jiffy in which its BT queues' parts of its weight were last noted (h_bt_load_throttle). */
  hLoadBtAt: u64;
  /** How long it is idle until a wakeup ends that: a moving average, weight 1/8 (avg_idle). */
  avgIdle: u64;
  /** Since when it is idle; 0: it is not, or no wakeup ended it. */
  idleStamp: u64;
  /** SIS_PROP: what searching its cache for an idle CPU takes, the same kind of average (sd_llc avg_scan_cost). */
  avgScanCost: u64;
  idleNs: u64;
  switches: u64;
  migrationsIn: u64;
  core: Core;
  /** What a sibling has picked for this thread; the pick that it last ran; what that had run before (core_pick, core_sched_seq). */
  corePick: Task;
  pickedSeq: u32;
  pickedExec: u64;
  /** It is idle, or about to be, although tasks wait here; since when that has not been counted. */
  forced: bool;
  forcedSince: u64;
  forcedIdleNs: u64;
  irqNs: u64;
  ticks: u64;
}

/** The runqueue of a CPU of any kernel, by its number among all. */
export function rqAt(index: u32): Rq {
  return at<Rq>(machine.allRqs, index);
}

/** The runqueue of a CPU of the kernel at work. */
export function rqOf(cpu: u32): Rq {
  return at<Rq>(machine.rqs, cpu);
}

/** The runqueue of the executing CPU. */
export function thisRq(): Rq {
  return rqOf(machine.thisCpu);
}

/** Takes the time for accounting (update_rq_clock); it never goes back. */
export function updateRqClock(rq: Rq): void {
  if (machine.now > rq.clock) rq.clock = machine.now;
}

/** Nothing runs or waits there, and nobody is on the way (available_idle_cpu). */
export function idleCpu(rq: Rq): bool {
  return rq.curr == rq.idle && rq.nrRunning == 0 && rq.ttwuPending == 0;
}

/** Whether two CPUs share a last-level cache. */
export function shareCache(a: u32, b: u32): bool {
  return a / machine.cpusPerLlc == b / machine.cpusPerLlc;
}
