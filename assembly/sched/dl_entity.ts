/**
 * What the deadline class schedules: entities with a reservation of so much runtime a period (include/linux/sched.h struct sched_dl_entity,
 * kernel/sched/sched.h struct dl_rq). A task of the class has one, and so has every CPU for its fair server.
 *
 *   Rq ── dl ──► DlRq: RbTree of DlEntity by absolute deadline, the running one included
 *                  ├ task:   a Task
 *                  └ server: its CPU's fair tasks
 */
import { RbNode, RbTree } from '../base/rbtree';
import { HrTimer } from '../machine/timer';
import { Task } from '../task/task';
import { Rq } from './rq';

/** `key` is the absolute deadline. */
@unmanaged
export class DlEntity extends RbNode {
  /** The reservation: runtime, relative deadline and period; and runtime / deadline in units of 2⁻²⁰. */
  dlRuntime: u64;
  dlDeadline: u64;
  dlPeriod: u64;
  dlDensity: u64;
  /** What is left of it in the present period; negative: an overrun that is paid back. */
  runtime: i64;
  /** Null: a server. */
  task: Task;
  /** The server's CPU. */
  serverRq: Rq;
  /** Replenishes it, or ends a server's deferral; and the CPU in whose timer queue it is. */
  timer: HrTimer;
  timerCpu: u32;
  /** In its queue's tree (on_dl_rq). */
  queued: bool;
  /** Off its queue until the timer. */
  throttled: bool;
  /** Has given up the rest of its runtime (sched_yield). */
  yielded: bool;
  /** Server: started; waits for the last moment at which its runtime fits before the deadline; that moment has come. */
  active: bool;
  deferArmed: bool;
  deferRunning: bool;

  @inline get deadline(): u64 {
    return this.key;
  }

  @inline set deadline(time: u64) {
    this.key = time;
  }

  @inline get isServer(): bool {
    return this.task == null;
  }

  /** Its deadline is its period's end (dl_is_implicit). */
  @inline get implicit(): bool {
    return this.dlDeadline == this.dlPeriod;
  }
}

@unmanaged
export class DlRq extends RbTree {
  /** Entities in the tree. */
  nrRunning: u32;

  /** The entity with the earliest deadline, or null. */
  @inline get first(): DlEntity {
    return changetype<DlEntity>(this.leftmost);
  }
}

/** Whether a time lies before another; time may wrap (dl_time_before). */
export function timeBefore(a: u64, b: u64): bool {
  return <i64>(a - b) < 0;
}
