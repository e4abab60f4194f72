/** What RUE's threads have in common: work, reclaim that others may interrupt, sleep. */
import { cancelTimer } from '../../machine/hrtimer';
import { psiMemstallEnter, psiMemstallLeave } from '../../sched/psi';
import { Rq, rqOf } from '../../sched/rq';
import { tryToWakeUp } from '../../sched/wake';
import { Mode, State, Task } from '../../task/task';
import { stepReclaim } from '../reclaim';
import { ScanControl } from '../scan_control';

/** Has the thread work for so long. */
export function work(task: Task, ns: u64): void {
  task.mode = Mode.USER;
  task.remaining = ns;
}

/** Sleeps until it is woken. */
export function park(rq: Rq, task: Task): void {
  task.state = State.SLEEPING;
  rq.needResched = true;
}

/** Wakes a thread that sleeps, for a time or until it is woken. */
export function unpark(task: Task): void {
  if (task.state != State.SLEEPING) return;
  if (task.timer.started) cancelTimer(rqOf(task.cpu), task.timer);
  tryToWakeUp(task, 0);
}

/** A thread's reclaim. */
@unmanaged
export class Reclaimer {
  sc: ScanControl;
  over: bool;

  /** Goes on with it. True: it has cost time; false: it is over. */
  step(rq: Rq, task: Task): bool {
    if (!task.inMemstall) psiMemstallEnter(task);
    if (!this.over) this.over = !stepReclaim(this.sc, rq);
    work(task, this.sc.costNs);
    this.sc.costNs = 0;
    if (task.remaining != 0) return true;
    psiMemstallLeave(task);
    return false;
  }
}
