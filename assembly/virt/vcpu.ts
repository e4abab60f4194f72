/**
 * A virtual CPU (KVM): a CPU of a guest's kernel, and a thread of the host's that runs it. Time passes for the guest's CPU only while the thread
 * is in guest mode; in between it is stopped, and what it was in the middle of is put off for as long.
 *
 *   host's Rq ── curr ──► Task (the thread) ── vcpu ──► Vcpu ── rq ──► guest's Rq ── curr ──► Task of the guest
 *       └── guest: the Vcpu that is in guest mode here ──┘  └── thread: back to the host's
 */
import { allocate } from '../base/arena';
import { Event, newEvent } from '../base/wheel';
import { EventKind } from '../machine/machine';
import { HrTimer, newHrTimer, TimerKind } from '../machine/timer';
import { SchedEntity } from '../sched/entity';
import { Rq, rqAt } from '../sched/rq';
import { State, Task } from '../task/task';
import { WaitQueue } from '../task/wait';

@unmanaged
export class Vcpu {
  /** The guest's CPU. */
  rq: Rq;
  thread: Task;
  /** Makes a host's CPU attend to it (virt/halt.ts). */
  event: Event;
  /** Stands in for the guest's clock event device while the guest's CPU is halted, and where it was started. */
  timer: HrTimer;
  timerCpu: u32;
  /** It has halted and nothing has come yet; the thread spins in the meantime before it sleeps. */
  halted: bool;
  polling: bool;
  /** Tasks of the host to wake at the next exit, and of the guest at its next interrupt (virt/virtio.ts). */
  kicks: WaitQueue;
  interrupts: WaitQueue;
  /** An interrupt waits for the next entry. */
  interrupted: bool;
  /** The guest's kernel leaves steal time out of what it charges tasks for (PARAVIRT_TIME_ACCOUNTING). */
  stealKnown: bool;
  haltedAt: u64;
  /** How long the thread polls before it sleeps. */
  pollNs: u64;
  /** Since when it is stopped, and until when the guest's kernel had interrupts off then. */
  stoppedAt: u64;
  kernelUntil: u64;
  /** Of the present stop: time in which the guest had nothing to do. */
  idled: u64;
  /** In all: time that it was halted for; that its thread was runnable and did not run; that the host's kernel took otherwise. */
  haltedNs: u64;
  stealNs: u64;
  hostNs: u64;
  exits: u64;
  halts: u64;
  /** Halts that polling ended. */
  polls: u64;
}

/** A guest's CPU and its thread, which has yet to enter it. */
export function newVcpu(thread: Task, rq: Rq): Vcpu {
  const vcpu = allocate<Vcpu>();
  vcpu.rq = rq;
  rq.vcpu = vcpu;
  rq.stopped = true;
  rq.kernelUntil = u64.MAX_VALUE;
  vcpu.thread = thread;
  vcpu.kicks = allocate<WaitQueue>();
  vcpu.interrupts = allocate<WaitQueue>();
  vcpu.event = newEvent(EventKind.VCPU, 0, 0);
  vcpu.timer = newHrTimer(TimerKind.VCPU, changetype<usize>(vcpu));
  return vcpu;
}

/**
 * Time until `now` is over for the stopped guest's CPU, and its thread was kept waiting for `stolen` of it. What the guest had to wait for is
 * nobody's CPU time; its kernel knows that only of steal time, and only with PARAVIRT_TIME_ACCOUNTING (update_rq_clock_task).
 */
export function accountStop(vcpu: Vcpu, now: u64, stolen: u64): void {
  const length = now - vcpu.stoppedAt;
  const curr = vcpu.rq.curr;
  curr.switchedIn += length - vcpu.idled;
  if (vcpu.stealKnown && stolen != 0) {
    for (let se = changetype<SchedEntity>(curr); se != null; se = se.parent_) se.execStart += stolen;
  }
  vcpu.haltedNs += vcpu.idled;
  vcpu.stealNs += stolen;
  vcpu.hostNs += length - vcpu.idled - stolen;
  vcpu.idled = 0;
}

/** At the end of the simulation: accounts for a stop that is not over. */
export function finishStop(vcpu: Vcpu, until: u64): void {
  if (!vcpu.rq.stopped || until <= vcpu.stoppedAt) return;
  const thread = vcpu.thread;
  const waits = thread.state == State.RUNNING && rqAt(thread.cpu).curr != thread;
  const begin = waits ? min(thread.runnableSince, until) : until;
  if (vcpu.halted) vcpu.idled += begin - min(vcpu.haltedAt, begin);
  accountStop(vcpu, until, until - begin);
  vcpu.stoppedAt = until;
}
