/**
 * The runqueue of a CPU (kernel/sched/sched.h struct rq): the scheduler's half of the CPU record.
 */
import { at } from '../base/arena';
import { Cpu } from '../machine/cpu';
import { HrTimer } from '../machine/timer';
import { machine } from '../machine/machine';
import { Task } from '../task/task';
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

@unmanaged
export class Rq extends Cpu {
  curr: Task;
  idle: Task;
  stop: Task;
  /** Runnable tasks of all classes, the running one included. */
  nrRunning: u32;
  needResched: bool;
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
  rt: RtRq;
  /** The fair server: its zero-laxity timer, the end of its period, what fair tasks have had of that, and whether they go first now. */
  fairServer: HrTimer;
  fairDeadline: u64;
  fairServed: u64;
  fairBoosted: bool;
  vmf: VmfRq;
  bt: BtRq;
  /** Wake list: tasks woken by other CPUs, in order. */
  wakeHead: Task;
  wakeTail: Task;
  /** Work for the stopper: push this task to that CPU. */
  pushTask: Task;
  pushCpu: u32;
  nextBalance: u64;
  idleNs: u64;
  switches: u64;
  migrationsIn: u64;
}

/** The runqueue of a CPU. */
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
