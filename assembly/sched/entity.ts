/**
 * What the fair class schedules: entities (tasks, or groups of them) on queues ordered by vruntime (kernel/sched/sched.h struct
 * sched_entity and struct cfs_rq). The BT class uses the same records for its own queue.
 *
 *   Rq ── cfs ──► CfsRq (root) ─── RbTree of SchedEntity, `curr` not in the tree
 *                                     │ task: a Task        (extends SchedEntity)
 *                                     └ group: myQ ──► CfsRq of that group on this CPU ─── …
 */
import { RbNode, RbTree } from '../base/rbtree';

@unmanaged
export class SchedEntity extends RbNode {
  weight: u64;
  invWeight: u32;
  /** On its queue: in the tree, or running. */
  onRq: bool;
  /** SCHED_IDLE policy. */
  idlePolicy: bool;
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
  depth: u32;

  @inline get vruntime(): u64 {
    return this.key;
  }

  @inline set vruntime(value: u64) {
    this.key = value;
  }

  /** Whether this is a group. */
  @inline get isGroup(): bool {
    return this.myQ != null;
  }
}

@unmanaged
export class CfsRq extends RbTree {
  curr: SchedEntity;
  /** Buddies: preferred, previously preempted, and to be passed over, unless that is unfair. */
  next: SchedEntity;
  last: SchedEntity;
  skip: SchedEntity;
  minVruntime: u64;
  /** Sum of the weights of all entities on it, and its inverse (0: to be computed). */
  weight: u64;
  invWeight: u32;
  nrRunning: u32;
  /** Tasks in the whole hierarchy below. */
  hNrRunning: u32;
  idleNrRunning: u32;
  idleHNrRunning: u32;
  cpu: u32;
  /** Whose per-CPU queue it is; null at the root. */
  group: TaskGroup;
}

/** A cgroup of the CPU controller: an entity and a queue on every CPU. */
@unmanaged
export class TaskGroup {
  parent: TaskGroup;
  /** cpu.weight in load units: what its entities share. */
  shares: u64;
  /** Sum over CPUs of the weights on its queues. */
  loadSum: u64;
  /** Address of SchedEntity[nrCpus]. */
  entities: usize;
  /** Address of CfsRq[nrCpus]. */
  queues: usize;
}
