/**
 * HLT in a guest (virt/kvm/kvm_main.c kvm_vcpu_halt of 6.1): the thread polls for a while whether something has come, as that saves a
 * switch to another thread and back, and then sleeps. How long it polls follows what polling was good for (grow_halt_poll_ns,
 * shrink_halt_poll_ns).
 */
import { cancelTimer, programClockevent, startTimer } from '../machine/hrtimer';
import { useKernel } from '../machine/kernels';
import { machine } from '../machine/machine';
import { Rq, rqAt } from '../sched/rq';
import { tunables } from '../sched/tunables';
import { tryToWakeUp } from '../sched/wake';
import { State, Task } from '../task/task';
import { Vcpu } from './vcpu';
import { takeKicks } from './virtio';

/** Work without end, longer than any simulation: the thread stays in guest mode until something else happens. */
const FOREVER: u64 = 1 << 53;
/** halt_poll_ns_grow_start and halt_poll_ns_grow. */
const GROW_START_NS: u64 = 10_000;
const GROW: u64 = 2;

export function isIdle(guest: Rq): bool {
  return guest.curr == guest.idle && guest.sectionRemaining == 0;
}

/** Whether an interrupt waits for the stopped guest's CPU at `now`. */
export function hasInterrupt(vcpu: Vcpu, now: u64): bool {
  const head = vcpu.rq.timers.leftmost;
  return vcpu.interrupted || (head != null && head.key <= now);
}

/** KVM_RUN: the thread goes into its guest, or halts with it. */
export function runVcpu(rq: Rq, thread: Task): void {
  const vcpu = thread.vcpu;
  const guest = vcpu.rq;
  // What the guest's kernel decided ahead is still to be done.
  if (!isIdle(guest) || hasInterrupt(vcpu, machine.now) || vcpu.kernelUntil > vcpu.stoppedAt) {
    if (vcpu.halted) endHalt(vcpu);
    thread.remaining = FOREVER;
    return;
  }
  if (!vcpu.halted) {
    beginHalt(vcpu);
    if (vcpu.pollNs != 0 && rq.nrRunning == 1) {
      vcpu.polling = true;
      thread.remaining = vcpu.pollNs;
      return;
    }
  }
  vcpu.polling = false;
  thread.state = State.SLEEPING;
  rq.needResched = true;
}

function beginHalt(vcpu: Vcpu): void {
  vcpu.halts++;
  vcpu.halted = true;
  vcpu.haltedAt = machine.now;
  vcpu.pollNs = min(vcpu.pollNs, tunables.haltPollNs);
  startHaltTimer(vcpu, machine.now);
}

/** Something has come. */
function endHalt(vcpu: Vcpu): void {
  const thread = vcpu.thread;
  if (vcpu.timer.started) cancelTimer(rqAt(vcpu.timerCpu), vcpu.timer);
  if (vcpu.polling) vcpu.polls++;
  vcpu.idled += (vcpu.polling ? machine.now : thread.runnableSince) - vcpu.haltedAt;
  adaptPoll(vcpu, machine.now - vcpu.haltedAt);
  vcpu.polling = false;
  vcpu.halted = false;
}

/** Polls grow while halts are short enough for them, and shrink when they were in vain. */
function adaptPoll(vcpu: Vcpu, haltNs: u64): void {
  const most = tunables.haltPollNs;
  if (haltNs <= vcpu.pollNs) return;
  if (vcpu.pollNs != 0 && haltNs > most) {
    const shrunk = tunables.haltPollShrink == 0 ? 0 : vcpu.pollNs / tunables.haltPollShrink;
    vcpu.pollNs = shrunk < GROW_START_NS ? 0 : shrunk;
  } else if (vcpu.pollNs < most && haltNs < most) {
    vcpu.pollNs = min(max(vcpu.pollNs * GROW, GROW_START_NS), most);
  }
}

/**
 * The next clock event of a halted guest's CPU becomes a timer of the host's, on the CPU that the thread is on
 * (kvm_lapic_switch_to_sw_timer).
 */
export function startHaltTimer(vcpu: Vcpu, now: u64): void {
  const head = vcpu.rq.timers.leftmost;
  if (!vcpu.halted || head == null) return;
  if (vcpu.timer.started) cancelTimer(rqAt(vcpu.timerCpu), vcpu.timer);
  const rq = rqAt(vcpu.thread.cpu);
  useKernel(rq.kernel);
  machine.now = now;
  vcpu.timerCpu = rq.index;
  startTimer(rq, vcpu.timer, max(head.key, now), 0);
  if (!rq.touched && rq.timers.leftmost == vcpu.timer) programClockevent(rq, max(now, rq.kernelUntil));
}

/** Another task shall run: a poll ends, and if nothing has come the thread sleeps. */
export function stopPolling(thread: Task): void {
  const vcpu = thread.vcpu;
  if (!vcpu.polling) return;
  if (hasInterrupt(vcpu, machine.now)) {
    endHalt(vcpu);
    thread.remaining = FOREVER;
    return;
  }
  vcpu.polling = false;
  thread.remaining = 0;
  thread.state = State.SLEEPING;
}

/** The interrupt of a halted guest's CPU has come, on the executing CPU of the host: its thread wakes, or sees it if it polls. */
export function kick(vcpu: Vcpu): void {
  const thread = vcpu.thread;
  if (!vcpu.polling) tryToWakeUp(thread, 0);
  else if (thread.cpu == machine.thisCpu) thread.remaining = 0;
  else attendLater(vcpu, thread.cpu, machine.now);
}

/** A CPU of the host will attend to a guest's CPU. */
export function attendLater(vcpu: Vcpu, cpu: u32, time: u64): void {
  vcpu.event.cpu = <u16>cpu;
  vcpu.event.index = vcpu.rq.index;
  machine.wheel.move(vcpu.event, time);
}

/** It does: its guest's CPU has halted, or what that waits for has come. */
export function attend(rq: Rq, vcpu: Vcpu): void {
  takeKicks(vcpu);
  if (rq.curr == vcpu.thread) vcpu.thread.remaining = 0;
  else kick(vcpu);
}

/** The host's CPU that a CPU is, or runs on. */
export function hostOf(index: u32): u32 {
  const rq = rqAt(index);
  return rq.vcpu == null ? index : rq.vcpu.thread.cpu;
}
