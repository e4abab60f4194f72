/**
 * What the fair class schedules: entities (tasks, or groups of them) on queues (kernel/sched/sched.h struct sched_entity and struct
 * cfs_rq). CFS orders a queue by vruntime, EEVDF by virtual deadline. The BT class uses the same records for queues of its own.
 *
 *   Rq ── cfs ──► CfsRq (root) ─── RbTree of SchedEntity, `curr` not in the tree
 *                                     │ task: a Task        (extends SchedEntity)
 *                                     └ group: myQ ──► CfsRq of that group on this CPU ─── …
 */
import { AugmentedNode, RbTree } from '../base/rbtree';
import { HrTimer } from '../machine/timer';
import { SchedAvg } from './avg';
import { PsiGroup } from './psi_group';
import { tunables } from './tunables';

/** `key` is the place in the queue: vruntime under CFS, the virtual deadline under EEVDF, where it holds while it runs, too. */
@unmanaged
export class SchedEntity extends AugmentedNode {
  weight: u64;
  invWeight: u32;
  /** On its queue: in the tree, or running. */
  onRq: bool;
  /** SCHED_IDLE policy, or a group with cpu.idle (se_is_idle). */
  idle: bool;
  /** EEVDF: asleep, but still on the queue to work its lag off (sched_delayed). */
  delayed: bool;
  /** EEVDF: `key` is relative to vruntime (rel_deadline). */
  relDeadline: bool;
  /** When its running time was last accounted. */
  execStart: u64;
  sumExec: u64;
  /** sumExec when it was last chosen. */
  prevSumExec: u64;
  /** The queue that it belongs on. */
  cfsRq: CfsRq;
  /** The group's own queue on this CPU; null for a task. */
  myQ: CfsRq;
  /** The entity of the group that it belongs to; null at the root. */
  parent_: SchedEntity;
  depth: u16;
  /** EEVDF: `slice` is its own, not the base slice. */
  customSlice: bool;
  /** EEVDF: what it asks for at a time. */
  slice: u32;

  /** Its load average lies right before it. */
  @inline get avg(): SchedAvg {
    return changetype<SchedAvg>(changetype<usize>(this) - AVG_BYTES);
  }

  @inline get vruntime(): u64 {
    return this.value;
  }

  @inline set vruntime(time: u64) {
    this.value = time;
  }

  /** EEVDF: lag when it left its queue, while it waits; what protects its slice, while it runs (sched/eevdf.ts). CFS has none. */
  @inline get vlag(): i64 {
    return <i64>this.prevSumExec;
  }

  @inline set vlag(lag: i64) {
    this.prevSumExec = <u64>lag;
  }

  /** Virtual deadline. */
  @inline get deadline(): u64 {
    return this.key;
  }

  @inline set deadline(time: u64) {
    this.key = time;
  }

  /** Whether this is a group. */
  @inline get isGroup(): bool {
    return this.myQ != null;
  }
}

/** What the load average before an entity takes, and a group's entity together with it. */
export const AVG_BYTES: usize = (offsetof<SchedAvg>() + 63) & ~63;
export const GROUP_ENTITY_BYTES: usize = AVG_BYTES + ((offsetof<SchedEntity>() + 63) & ~63);

@unmanaged
export class CfsRq extends RbTree {
  curr: SchedEntity;
  /** Buddies: preferred, previously preempted, and to be passed over, unless that is unfair. */
  next: SchedEntity;
  last: SchedEntity;
  skip: SchedEntity;
  minVruntime: u64;
  /** EEVDF: sums over the tree, relative to minVruntime: Σ weight × (vruntime − minVruntime), and Σ weight. */
  avgVruntime: i64;
  avgLoad: u64;
  /** Sum of the weights of all entities on it, and its inverse (0: to be computed). */
  weight: u64;
  invWeight: u32;
  nrRunning: u32;
  /** Tasks in the whole hierarchy below, and those of them that are idle at some level. */
  hNrRunning: u32;
  idleNrRunning: u32;
  idleHNrRunning: u32;
  /** EEVDF: entities with a slice of their own. */
  nrCustomSlices: u32;
  cpu: u32;
  /** Whose per-CPU queue it is; null at the root. */
  group: TaskGroup;
  /** The group's entity for this queue; null at the root. */
  entity: SchedEntity;
  avg: SchedAvg;
  /** Its part of the group's load average (tg_load_avg_contrib). */
  loadAvgContrib: u64;
  /** BT: its part of the CPU's weight, as last noted (h_load). */
  hLoad: u64;
  /** Load sum that has come or gone and that its entity has yet to be told of. */
  propagate: bool;
  propRunnableSum: i64;
  /** What tasks that woke elsewhere or died take along, until its next update: how many, and the sums of their averages. */
  nrRemoved: u32;
  removedLoad: u64;
  removedUtil: u64;
  removedRunnable: u64;
  /** On its CPU's list of queues whose averages have not decayed (sched/blocked.ts). */
  isLeaf: bool;
  nextLeaf: CfsRq;
  /** Bandwidth: what is left here of the quota, negative: debt. */
  runtimeRemaining: i64;
  /** The period in which that was taken. */
  runtimePeriod: u64;
  throttled: bool;
  /** How many levels at or above it are throttled. */
  throttleCount: u32;
  /** Tasks that throttling has taken off it (throttled_limbo_list), the last one first. */
  limbo: SchedEntity;
  /** Its PELT clock stands still while it is throttled and nothing is on it: since when, and for how long before that. */
  peltStopped: bool;
  throttledClockPelt: u64;
  throttledTimePelt: u64;
  /** Next in the group's list of throttled queues. */
  throttledNext: CfsRq;
  /** Core scheduling: minVruntime when forced idle began, which is how far virtual times of two CPUs are compared from; and which one. */
  minVruntimeForced: u64;
  forcedIdleSeq: u32;

  /** Throttled as a whole: its entity has left the queue above. */
  @inline get isOff(): bool {
    return this.throttled && !tunables.throttlesTasks;
  }

  /** It or one above it is throttled as a whole: nothing of it runs. */
  @inline get isFrozen(): bool {
    return this.throttleCount != 0 && !tunables.throttlesTasks;
  }

  /** cpu.idle (cfs_rq_is_idle). */
  @inline get idle(): bool {
    return this.group != null && this.group.idle;
  }

  /** Scheduled by EEVDF: its tree is ordered by deadline and knows the least vruntime below each node. */
  @inline get eevdf(): bool {
    return this.augmented;
  }
}

/** A cgroup of the CPU controller: an entity and a queue on every CPU. */
@unmanaged
export class TaskGroup {
  parent: TaskGroup;
  /** cpu.weight in load units: what its entities share. */
  shares: u64;
  idle: bool;
  /** Of the BT class: `shares` come from cpu.bt_shares. */
  isBt: bool;
  /** Sum of its queues' load averages, as far as they have told. */
  loadAvg: u64;
  /** Address of its entities, GROUP_ENTITY_BYTES each. */
  entities: usize;
  /** Address of CfsRq[nrCpus]. */
  queues: usize;
  /** Null: no quota. */
  bandwidth: Bandwidth;
  /** Its twin in the BT class, with weights from cpu.bt_shares. */
  bt: TaskGroup;
  /** Its pressure; null: not observed. */
  psi: PsiGroup;
}

/** cpu.max (struct cfs_bandwidth). */
@unmanaged
export class Bandwidth {
  quotaNs: u64;
  periodNs: u64;
  burstNs: u64;
  /** Its periods begin so long after multiples of the period since boot. */
  offsetNs: u64;
  /** Left of this period for any CPU to take. */
  runtimeNs: u64;
  /** Nobody has taken anything since the last refill. */
  idle: bool;
  period: HrTimer;
  slack: HrTimer;
  throttledHead: CfsRq;
  throttledTail: CfsRq;
  nrPeriods: u64;
  nrThrottled: u64;
}
