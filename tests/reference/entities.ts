/**
 * What both references schedule: tasks and groups on one CPU's hierarchy of queues, in plain arrays (kernel/sched/sched.h struct
 * sched_entity, struct cfs_rq). Nothing is counted or summed up in advance: every sum is formed where it is asked for.
 */
import type { CgroupSpec, TaskSpec } from '../../src/scenario/scenario.js';
import { calcDeltaFair, IDLE_LOAD, type Load, niceLoad, sumLoad } from './fixed_point.js';

/** Where every queue begins (init_cfs_rq); tasks begin at 0. */
const FIRST_VRUNTIME = -(1n << 20n);

export type Policy = 'normal' | 'batch' | 'idle';

export class Entity {
  readonly name: string;
  /** The queue that it belongs on. */
  readonly queue: Queue;
  /** A group's own queue; null: a task. */
  readonly own: Queue | null;
  policy: Policy;
  nice = 0;
  load: Load;
  /** A group's cpu.weight in the kernel's resolution, which its weight follows. */
  shares: bigint;
  onQueue = false;
  vruntime = 0n;
  execStart = 0n;
  sumExec = 0n;
  /** sumExec when it was last chosen. */
  prevSumExec = 0n;

  constructor(name: string, queue: Queue, load: Load, policy: Policy, own: boolean) {
    this.name = name;
    this.queue = queue;
    this.load = load;
    this.shares = load.weight;
    this.policy = policy;
    this.own = own ? new Queue(this) : null;
  }

  /** The group that it is in; null: the root. */
  get parent(): Entity | null {
    return this.queue.owner;
  }

  get isIdle(): boolean {
    return this.policy === 'idle';
  }

  /** `ns` of its running time in virtual time. */
  fair(ns: bigint): bigint {
    return calcDeltaFair(ns, this.load);
  }
}

export class Queue {
  readonly owner: Entity | null;
  /** Those that wait, in the order in which they came: the running one is not among them. */
  readonly waiting: Entity[] = [];
  curr: Entity | null = null;
  next: Entity | null = null;
  last: Entity | null = null;
  skip: Entity | null = null;
  /** CFS: where newcomers are placed. EEVDF: the last average of virtual times, where an empty queue goes on. */
  base = FIRST_VRUNTIME;

  constructor(owner: Entity | null) {
    this.owner = owner;
  }

  /** Everything on it, the running one included. */
  get members(): Entity[] {
    return this.curr?.onQueue ? [...this.waiting, this.curr] : this.waiting;
  }

  get nrRunning(): number {
    return this.members.length;
  }

  /** Tasks on it and on the queues below. */
  get hNrRunning(): number {
    return this.members.reduce((sum, { own }) => sum + (own === null ? 1 : own.hNrRunning), 0);
  }

  get load(): Load {
    return sumLoad(this.members.reduce((sum, { load }) => sum + load.weight, 0n));
  }

  remove(entity: Entity): void {
    const index = this.waiting.indexOf(entity);
    if (index < 0) throw new Error(`${entity.name} does not wait on its queue`);
    this.waiting.splice(index, 1);
  }
}

/** The first of the least by `key`: equals in the order in which they came. */
export function firstBy(entities: readonly Entity[], key: (entity: Entity) => bigint): Entity | null {
  let first: Entity | null = null;
  for (const entity of entities) if (first === null || key(entity) < key(first)) first = entity;
  return first;
}

/** An entity and the groups that it is in, from the bottom. */
export function path(entity: Entity | null): Entity[] {
  return entity === null ? [] : [entity, ...path(entity.parent)];
}

/** The two entities at which two paths meet in one queue (find_matching_se). */
export function siblings(a: Entity, b: Entity): [Entity, Entity] {
  for (const one of path(a)) {
    const other = path(b).find(({ queue }) => queue === one.queue);
    if (other !== undefined) return [one, other];
  }
  throw new Error('two tasks of one CPU always meet at the root');
}

/** The weight of a task's settings: SCHED_IDLE has one of its own. */
export function taskLoad(nice: number, policy: Policy): Load {
  return policy === 'idle' ? IDLE_LOAD : niceLoad(nice);
}

export function isEntity(se: Entity | null): se is Entity {
  return se !== null;
}

/** What both references can be asked, operation by operation, with the time at which it happens. */
export interface Reference {
  readonly root: Queue;
  /** The fair task that runs; null: the CPU is idle or another class's. */
  readonly curr: Entity | null;
  needResched: boolean;
  group(name: string, shares: bigint, parent?: Entity | null): Entity;
  /** `sliceNs`: a slice of its own, which only EEVDF knows. */
  task(name: string, nice: number, policy?: Policy, group?: Entity | null, sliceNs?: bigint | null): Entity;
  /** A sleeping task wakes up; does it preempt? */
  wake(now: bigint, task: Entity): boolean;
  /** The running task's child starts; does it preempt? */
  start(now: bigint, child: Entity): boolean;
  /** The running task goes to sleep; a pick follows. */
  sleep(now: bigint): void;
  tick(now: bigint): boolean;
  /** The running task gives way; a pick follows. */
  yield(now: bigint): void;
  setNice(now: bigint, task: Entity, nice: number): void;
  /** cpu.weight of a group is written, in the kernel's resolution. */
  setShares(now: bigint, group: Entity, shares: bigint): void;
  pick(now: bigint): Entity | null;
}

/** The simulation's tasks have slept since long before it begins: where they come in, only placement decides. */
const LONG_AGO = FIRST_VRUNTIME - (1n << 50n);

/** cpu.weight in the kernel's resolution. */
export const shareOf = (weight: number): bigint => BigInt(Math.round((weight * 1024) / 100)) << 10n;

/** A scenario's groups; parents come before their children. */
export function groupsOf(reference: Reference, cgroups: readonly CgroupSpec[]): Map<string, Entity> {
  const groups = new Map<string, Entity>();
  for (const { name, parent, weight } of cgroups) {
    groups.set(name, reference.group(name, shareOf(weight), groups.get(parent ?? '') ?? null));
  }
  return groups;
}

/** A task of a scenario's declaration. */
export function taskOf(
  reference: Reference,
  name: string,
  { sched, cgroup, sliceNs, start }: TaskSpec,
  groups: ReadonlyMap<string, Entity>,
): Entity {
  const policies: Record<string, Policy> = { fair: 'normal', batch: 'batch', idle: 'idle' };
  const slice = sliceNs === null ? null : BigInt(sliceNs);
  const task = reference.task(name, sched.nice, policies[sched.class], groups.get(cgroup ?? '') ?? null, slice);
  if (start === 'run') task.vruntime = LONG_AGO;
  return task;
}
