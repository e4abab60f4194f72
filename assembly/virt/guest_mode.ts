/**
 * VM entry and exit (arch/x86/kvm/x86.c vcpu_enter_guest): whatever makes the host's CPU enter its kernel stops the guest's CPU that it
 * runs, at any instruction; on the way back the guest's CPU goes on with what it was in the middle of, later by as long as it was stopped.
 */
import { Event } from '../base/wheel';
import { programClockevent } from '../machine/hrtimer';
import { EventKind, machine, spend } from '../machine/machine';
import { Rq } from '../sched/rq';
import { accountSegment, armEnd, armSegment } from '../segment';
import { attendLater, hasInterrupt, hostOf, isIdle } from './halt';
import { accountStop, Vcpu } from './vcpu';
import { hasKicks, takeKicks } from './virtio';

/** The host's CPU enters its kernel at `time`: VM exit. */
export function exitGuest(rq: Rq, time: u64): void {
  const vcpu = rq.guest;
  const guest = vcpu.rq;
  rq.guest = changetype<Vcpu>(0);
  vcpu.exits++;
  vcpu.stoppedAt = time;
  vcpu.kernelUntil = guest.kernelUntil;
  guest.stopped = true;
  guest.kernelUntil = u64.MAX_VALUE;
  if (vcpu.event.pending) machine.wheel.remove(vcpu.event);
  if (guest.segmentEnd.pending) machine.wheel.remove(guest.segmentEnd);
  // One that is in its kernel at this instant has accounted already. What its kernel decided ahead is still to be done.
  if (!guest.touched && time > guest.segmentBegin) {
    accountSegment(guest, time);
    guest.segmentBegin = time;
  }
  spend(machine.vmExitNs);
  takeKicks(vcpu);
}

/** The host's CPU goes on with a vCPU thread: VM entry, unless the thread polls or is in guest mode already. */
export function enterGuest(rq: Rq, vcpu: Vcpu): void {
  if (vcpu.polling || rq.guest != null) return;
  // The entry has interrupts off.
  rq.segmentBegin += machine.vmEntryNs;
  rq.kernelUntil = rq.segmentBegin;
  const now = rq.segmentBegin;
  const guest = vcpu.rq;
  const thread = vcpu.thread;
  const stop = now - vcpu.stoppedAt;
  const switched = thread.switchedIn > vcpu.stoppedAt;
  accountStop(vcpu, now, switched ? thread.switchedIn - thread.runnableSince : 0);
  rq.guest = vcpu;
  guest.speed = rq.speed;
  guest.stopped = false;
  guest.segmentBegin = guest.segmentBegin > vcpu.stoppedAt ? guest.segmentBegin + stop : now;
  guest.kernelUntil = vcpu.kernelUntil > vcpu.stoppedAt ? vcpu.kernelUntil + stop : now;
  if (vcpu.interrupted && !guest.ipi.pending) machine.wheel.insert(guest.ipi, guest.kernelUntil);
  if (!isIdle(guest)) armEnd(guest);
  if (isIdle(guest) ? !hasInterrupt(vcpu, now) : hasKicks(vcpu)) attendLater(vcpu, rq.index, guest.kernelUntil);
  vcpu.interrupted = false;
  programClockevent(guest, guest.kernelUntil);
}

/** The guest's kernel has done what it had to at this instant: its CPU goes on, or halts. */
export function settleGuest(guest: Rq, vcpu: Vcpu): void {
  const head = guest.timers.leftmost;
  if (head != null && (!guest.clockevent.pending || guest.clockevent.time != head.key)) spend(machine.timerWriteNs);
  if (guest.stopped) {
    // Meanwhile the host has taken the CPU away: it goes on from here.
    guest.segmentBegin = machine.now;
    vcpu.kernelUntil = machine.now;
    return;
  }
  armSegment(guest);
  if (isIdle(guest) || hasKicks(vcpu)) attendLater(vcpu, vcpu.thread.cpu, guest.kernelUntil);
  else if (vcpu.event.pending) machine.wheel.remove(vcpu.event);
}

/** Something has happened for a guest's CPU that is stopped: it will see that when it is entered, and if it is halted, its thread must wake. */
export function hold(guest: Rq, event: Event): void {
  if (event.kind != EventKind.IPI) return;
  const vcpu = guest.vcpu;
  vcpu.interrupted = true;
  if (!vcpu.halted) return;
  // A poll sees it by itself; for a sleeping thread the sender's CPU has to leave its guest.
  attendLater(vcpu, vcpu.polling ? vcpu.thread.cpu : hostOf(event.index), event.time);
}
