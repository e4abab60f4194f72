/**
 * A task: what Linux keeps in struct task_struct, as far as a simulated one needs it, and where its program stands.
 */
import { allocateBytes } from '../base/arena';
import { Histogram } from '../base/histogram';
import { Kernel } from '../machine/kernels';
import { HrTimer, TIMER_BYTES } from '../machine/timer';
import { DlEntity } from '../sched/dl_entity';
import { AVG_BYTES, SchedEntity, TaskGroup } from '../sched/entity';
import { hasBit } from '../sched/masks';
import { Vcpu } from '../virt/vcpu';
import { Hand } from './message';

export namespace State {
  export const RUNNING: u8 = 0;
  export const SLEEPING: u8 = 1;
  /** Woken for another CPU that has yet to put it on its queue. */
  export const WAKING: u8 = 2;
  export const DEAD: u8 = 3;
}

/** Scheduling policies within a class, as sched_setscheduler(2) numbers them; 7 is TencentOS's SCHED_BT. */
export namespace Policy {
  export const NORMAL: u8 = 0;
  export const FIFO: u8 = 1;
  export const RR: u8 = 2;
  export const BATCH: u8 = 3;
  export const IDLE: u8 = 5;
  export const DEADLINE: u8 = 6;
  export const BT: u8 = 7;
  /** Ours. */
  export const VMF: u8 = 8;
}

export namespace Mode {
  export const USER: u8 = 0;
  /** In the kernel: not preemptible unless the kernel is. */
  export const KERNEL: u8 = 1;
  export const IRQ_OFF: u8 = 2;
  /** A batch of memory operations (mm/batch.ts): as in user mode, and each of them is measured. */
  export const TOUCH: u8 = 3;
}

/** What all instances of a task declaration share: its name's place in the scenario, its program, what is observed of it. */
@unmanaged
export class Spec {
  index: u32;
  count: u32;
  /** Id of its first task; the others follow. */
  firstTask: u32;
  program: u32;
  /** What its tasks begin with. */
  policy: u8;
  nice: i8;
  prio: u8;
  /** Its tasks' cookie, 0: none of its own. */
  cookie: u32;
  /** Its tasks are fibers: the queue of those that are ready, +1; 0: they are the kernel's. */
  threads: u32;
  /** A pool for the fork step, and its free tasks. */
  pool: bool;
  free: Task;
  cpuNs: u64;
  waitNs: u64;
  voluntary: u64;
  involuntary: u64;
  wakeups: u64;
  migrations: u64;
  /** Time that siblings were forced to be idle because of its tasks' cookie. */
  forcedIdleNs: u64;
  wakeupLatency: Histogram;
  runSegment: Histogram;
  preemptedWait: Histogram;
  /** Whose tasks they are. */
  kernel: Kernel;
}

/**
 * Tasks lie side by side with what belongs to them. A wakeup, a switch and a sleep touch the first five of these cache lines:
 *
 *   ┌ 64 bytes ┬ 192 bytes: what happens to every task ┬ 64: what some do ┬ 64 bytes ┐
 *   │ SchedAvg │ SchedEntity …                    Task … in this order    │ HrTimer  │   TASK_BYTES
 *   └──────────┴───────────────────────────────────────┴──────────────────┴──────────┘
 */
@unmanaged
export class Task extends SchedEntity {
  /** CPU that it runs or last ran on. */
  cpu: u32;
  state: u8;
  policy: u8;
  /** Place of its class in the chain (sched/class.ts). */
  rank: u8;
  mode: u8;
  /** rt: 99 − rt_priority; vmf: its priority; 0 is first. */
  prio: u8;
  nice: i8;
  /** On a PrioArray, or a stopper with work. */
  queued: bool;
  /** It has slept or been created since it last ran: the next switch to it ends a wakeup latency. */
  woken: bool;
  /** It starts where it is, wherever its class would put it. */
  placed: bool;
  /** In a system call that slept: what is left of it is done at the next switch to it. */
  inSyscall: bool;
  /** Has moved to another CPU since it last ran: its next run refills caches. */
  migrated: bool;
  /** A CPU that it runs on is as good as idle for fair tasks. */
  yields: bool;
  nrCpusAllowed: u16;
  /** Where it ran before its previous CPU. */
  recentUsedCpu: u16;
  spec: Spec;
  /** Next instruction. */
  pc: u32;
  /** Neighbours on a PrioArray or in rq.cfsTasks. */
  runNext: Task;
  runPrev: Task;
  /** Address of its affinity mask, u64 words. */
  cpusAllowed: usize;
  /** Its cgroup; null at the root. */
  group: TaskGroup;
  /** Work left of the current run step. */
  remaining: u64;
  /** When it became runnable, and when it was last switched in. */
  runnableSince: u64;
  switchedIn: u64;
  /** State of its random stream. */
  stream: u64;
  timerSlackNs: u64;
  /** `busy` steps end at this time. */
  busyUntil: u64;
  /** The guest's CPU that it runs (KVM); null for others. */
  vcpu: Vcpu;
  /** Next in a wait queue or on a remote CPU's wake list, and its enqueue flags there. */
  waitNext: Task;
  wakeFlags: u16;
  /** RR: ticks left. */
  timeSlice: u16;
  /** Its timer slack was given, so it stays when the policy changes. */
  ownSlack: bool;
  /** What it counts as in pressure (sched/psi.ts Tsk); it works on or waits for memory; it sleeps until a device is done. */
  psiFlags: u8;
  inMemstall: bool;
  inIowait: bool;
  /** Address of its own timers (u64 next expiry each) and of its loop counters (u32 each). */
  timers: usize;
  loops: usize;
  /** Core scheduling: its cookie, 0: none; how many threads of its core ran a task when it was last picked. */
  cookie: u32;
  coreOccupied: u32;
  /** Whom it woke last, how often that changed, and the jiffy since which (wakee_flips). */
  lastWakee: Task;
  wakeeFlips: u32;
  wakeeDecayAt: u32;
  /** Its reservation; null unless it may come into the deadline class. */
  dl: DlEntity;
  id: u32;
  /** Its last stamp. */
  stamp: u64;
  /** The fiber that this thread has taken up; null: none. */
  fiber: Task;
  /** The messages that it holds; null unless its program has to do with messages that have an identity. */
  hand: Hand;
  /** Address of what it has to do with memory (mm/task_mm.ts); 0: nothing. */
  mm: usize;

  /** Ends its sleeps. */
  @inline get timer(): HrTimer {
    return changetype<HrTimer>(changetype<usize>(this) + TIMER_OFFSET);
  }

  /** Expiry of its last timer or sleep. */
  @inline get due(): u64 {
    return this.timer.soft;
  }

  /** Address of the random stream's state. */
  @inline get streamState(): usize {
    return changetype<usize>(this) + offsetof<Task>('stream');
  }

  /** Whether its affinity has this CPU. */
  mayRunOn(cpu: u32): bool {
    return hasBit(this.cpusAllowed, cpu);
  }
}

const TIMER_OFFSET: usize = (offsetof<Task>() + 63) & ~63;
/** What a task takes, with its load average before it and its timer behind it. */
const TASK_BYTES: usize = AVG_BYTES + TIMER_OFFSET + TIMER_BYTES;

let tasks: usize = 0;

/** Lays out `count` tasks of zeroed space. */
export function newTasks(count: u32): void {
  tasks = allocateBytes(<usize>count * TASK_BYTES) + AVG_BYTES;
}

export function taskAt(id: u32): Task {
  return changetype<Task>(tasks + <usize>id * TASK_BYTES);
}
