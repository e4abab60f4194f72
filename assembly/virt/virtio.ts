/**
 * Channels between a guest and threads of its host, as virtio's queues are. A guest's message to a waiting thread is an exit (the ioeventfd of
 * drivers/vhost, virt/kvm/eventfd.c), whose handler wakes the thread; a message to a waiting task of a guest is an interrupt of the CPU that
 * the task ran on last (irqfd), whose handler wakes the task.
 */
import { machine } from '../machine/machine';
import { rqAt, thisRq } from '../sched/rq';
import { addWaiter, takeWaiter, wake, wakeAll, WaitQueue } from '../task/wait';
import { Vcpu } from './vcpu';

/** The executing CPU has put a message into a channel. */
export function notify(channel: WaitQueue): void {
  const rq = thisRq();
  const task = takeWaiter(channel);
  if (task == null) return;
  const kernel = task.spec.kernel;
  if (kernel == machine.kernel) {
    wake(task, 0);
  } else if (rq.vcpu != null) {
    // On its way out of its kernel the guest's CPU exits.
    addWaiter(rq.vcpu.kicks, task);
  } else {
    const guest = rqAt(kernel.firstCpu + task.cpu);
    addWaiter(guest.vcpu.interrupts, task);
    if (guest.ipi.pending) return;
    guest.ipi.index = rq.index;
    machine.wheel.insert(guest.ipi, machine.now + machine.ipiNs);
  }
}

/** Whether the guest has to exit for messages that it has sent. */
export function hasKicks(vcpu: Vcpu): bool {
  return vcpu.kicks.head != null;
}

/** The host wakes those whom the guest has sent messages to. */
export function takeKicks(vcpu: Vcpu): void {
  if (hasKicks(vcpu)) wakeAll(vcpu.kicks);
}

/** The guest wakes those whom the host has sent messages to. */
export function takeInterrupts(vcpu: Vcpu): void {
  if (vcpu.interrupts.head != null) wakeAll(vcpu.interrupts);
}
