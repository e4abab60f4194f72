/**
 * CFS of Linux 6.1 on one CPU, slow and obvious: the rules of kernel/sched/fair.c without trees, counters and caches. The simulated
 * kernel is held against it, so it is written from the kernel and not from the simulator.
 *
 * A group's entity always has its full shares. That is exact here: calc_group_shares divides the group's load on this CPU by its load
 * on all CPUs, which on one CPU are the same number, whatever PELT says. (An emptied group may keep any weight: it is reweighted on
 * its way back.) Bandwidth control and cpu.idle groups are absent, as is the exception for those who slept 104 days.
 */
import { Entity, firstBy, isEntity, type Policy, path, Queue, type Reference, siblings, taskLoad } from './entities.js';
import { calcDelta, max, sumLoad } from './fixed_point.js';

/** /sys/kernel/debug/sched of 6.1, scaled for the number of CPUs. */
export interface CfsTunables {
  readonly latencyNs: bigint;
  readonly minGranularityNs: bigint;
  readonly wakeupGranularityNs: bigint;
  readonly idleMinGranularityNs: bigint;
  /** Up to so many tasks share one latency period. */
  readonly nrLatency: number;
  readonly features: ReadonlySet<string>;
}

/** The defaults of 6.1 on one CPU, where the scaling factor is 1. */
export const LINUX_61: CfsTunables = {
  latencyNs: 6_000_000n,
  minGranularityNs: 750_000n,
  wakeupGranularityNs: 1_000_000n,
  idleMinGranularityNs: 750_000n,
  nrLatency: 8,
  features: new Set([
    'GENTLE_FAIR_SLEEPERS',
    'START_DEBIT',
    'LAST_BUDDY',
    'WAKEUP_PREEMPTION',
    'ALT_PERIOD',
    'BASE_SLICE',
  ]),
};

/** How a task comes: woken here, woken elsewhere, or anything else (new, moved while runnable, put back after a change). */
export type Coming = 'wake' | 'wake-migrated' | 'other';
/** How a task goes: to sleep, to another CPU, or to be changed and put back. */
export type Going = 'sleep' | 'move' | 'save';

export class CfsReference implements Reference {
  readonly root = new Queue(null);
  readonly tunables: CfsTunables;
  now = 0n;
  /** The fair task that runs; null: the CPU is idle or another class's. */
  curr: Entity | null = null;
  needResched = false;

  constructor(tunables: CfsTunables = LINUX_61) {
    this.tunables = tunables;
  }

  /** A group with `shares` (a weight in the kernel's resolution) below another, or the root. */
  group(name: string, shares: bigint, parent: Entity | null = null): Entity {
    return new Entity(name, parent?.own ?? this.root, sumLoad(shares), 'normal', true);
  }

  /** A task that is on no queue yet. */
  task(name: string, nice: number, policy: Policy = 'normal', group: Entity | null = null): Entity {
    const task = new Entity(name, group?.own ?? this.root, taskLoad(nice, policy), policy, false);
    task.nice = nice;
    return task;
  }

  // --- A task comes and goes.

  /** enqueue_task_fair */
  enqueue(now: bigint, task: Entity, how: Coming): void {
    this.now = now;
    let coming = how;
    for (const se of path(task)) {
      if (se.onQueue) {
        this.#updateGroup(se);
        continue;
      }
      this.#enqueueEntity(se, coming);
      coming = 'wake';
    }
  }

  /** dequeue_task_fair */
  dequeue(now: bigint, task: Entity, how: Going): void {
    this.now = now;
    let sleep = how === 'sleep';
    let emptied = true;
    for (const se of path(task)) {
      if (!emptied) {
        this.#updateGroup(se);
        continue;
      }
      this.#dequeueEntity(se, sleep, how === 'save');
      if (se.queue.nrRunning === 0) {
        sleep = true;
        continue;
      }
      emptied = false;
      // The group still has something to run: it should go on.
      if (how === 'sleep' && se.parent !== null) this.#setNextBuddy(se.parent);
    }
  }

  /** task_fork_fair: the running task's child is placed behind it, and behind one slice. */
  fork(now: bigint, child: Entity): void {
    this.now = now;
    const { queue } = child;
    if (queue.curr !== null) {
      this.#updateCurr(queue);
      child.vruntime = queue.curr.vruntime;
    }
    this.#place(child, true);
    child.vruntime -= queue.base;
  }

  start(now: bigint, child: Entity): boolean {
    this.fork(now, child);
    this.enqueue(now, child, 'other');
    return this.preempts(now, child);
  }

  wake(now: bigint, task: Entity): boolean {
    this.enqueue(now, task, 'wake');
    return this.preempts(now, task);
  }

  sleep(now: bigint): void {
    if (this.curr !== null) this.dequeue(now, this.curr, 'sleep');
  }

  /** set_user_nice; the task may run, wait or sleep. */
  setNice(now: bigint, task: Entity, nice: number): void {
    const old = task.nice;
    if (nice === old) return;
    const queued = task.onQueue;
    const running = this.curr === task;
    this.now = now;
    if (queued) this.dequeue(now, task, 'save');
    if (running) this.putPrev(now);
    task.nice = nice;
    task.load = taskLoad(nice, task.policy);
    if (queued) this.enqueue(now, task, 'other');
    if (running) this.setNext(now, task);
    if (!queued || this.root.nrRunning === 1) return;
    // prio_changed_fair
    if (!running) this.preempts(now, task);
    else if (nice > old) this.needResched = true;
  }

  /** sched_group_set_shares */
  setShares(now: bigint, group: Entity, shares: bigint): void {
    this.now = now;
    group.shares = shares;
    for (const se of path(group)) this.#updateGroup(se);
  }

  // --- Who runs.

  /** check_preempt_wakeup: a task came; must the running one go? */
  preempts(now: bigint, wakee: Entity): boolean {
    this.now = now;
    const before = this.needResched;
    if (this.curr === null) this.needResched = true;
    else if (!before && this.curr !== wakee) this.#checkPreemptWakeup(this.curr, wakee);
    return this.needResched && !before;
  }

  #checkPreemptWakeup(curr: Entity, wakee: Entity): void {
    const { features, nrLatency } = this.tunables;
    const many = curr.queue.nrRunning >= nrLatency;
    if (curr.isIdle && !wakee.isIdle) {
      this.needResched = true;
      return;
    }
    if (wakee.policy !== 'normal' || !features.has('WAKEUP_PREEMPTION')) return;
    const [se, pse] = siblings(curr, wakee);
    this.#updateCurr(se.queue);
    if (this.#wakeupPreempt(se, pse) !== 1) return;
    this.#setNextBuddy(pse);
    this.needResched = true;
    // Only where the two meet as tasks: a preempted group has no last buddy.
    if (!se.onQueue || !features.has('LAST_BUDDY') || !many || se.own !== null) return;
    for (const level of path(se)) {
      if (!level.onQueue || level.isIdle) return;
      level.queue.last = level;
    }
  }

  /** pick_next_task_fair, after a fair task or none: the choice runs from now on. */
  pick(now: bigint): Entity | null {
    this.now = now;
    const prev = this.curr;
    this.needResched = false;
    if (this.root.nrRunning === 0) {
      if (prev !== null) this.putPrev(now);
      return null;
    }
    let queue: Queue | null = this.root;
    let next: Entity | null = null;
    while (queue !== null) {
      const running: Entity | null = queue.curr?.onQueue ? queue.curr : null;
      if (running !== null) this.#updateCurr(queue);
      next = this.#pickNextEntity(queue, running);
      if (prev === null) this.#setNextEntity(next);
      queue = next.own;
    }
    if (prev !== null && prev !== next) {
      // Groups that both are in keep running.
      const stays = path(prev).filter((se) => path(next).includes(se));
      for (const se of path(prev)) if (!stays.includes(se)) this.#putPrevEntity(se);
      for (const se of path(next)) if (!stays.includes(se)) this.#setNextEntity(se);
    }
    this.curr = next;
    return next;
  }

  /** put_prev_task_fair: a stronger class takes the CPU, or the running task is about to change. */
  putPrev(now: bigint): void {
    this.now = now;
    for (const se of path(this.curr)) this.#putPrevEntity(se);
    this.curr = null;
  }

  /** set_next_task_fair: this task runs, without a choice. */
  setNext(now: bigint, task: Entity): void {
    this.now = now;
    for (const se of path(task)) this.#setNextEntity(se);
    this.curr = task;
  }

  /** task_tick_fair; says whether the running task must go. */
  tick(now: bigint): boolean {
    this.now = now;
    let expired = false;
    for (const se of path(this.curr)) {
      this.#updateCurr(se.queue);
      this.#updateGroup(se);
      if (se.queue.nrRunning > 1 && this.#sliceExpired(se)) expired = true;
    }
    if (expired) this.needResched = true;
    return expired;
  }

  /** yield_task_fair; `others`: runnable tasks of other classes on this CPU. */
  yield(now: bigint, others = 0): void {
    const { curr } = this;
    if (curr === null || this.root.hNrRunning + others === 1) return;
    this.now = now;
    this.#clearBuddies(curr);
    if (curr.policy !== 'batch') this.#updateCurr(curr.queue);
    for (const se of path(curr)) se.queue.skip = se;
  }

  // --- One level.

  /** update_curr */
  #updateCurr(queue: Queue): void {
    const { curr } = queue;
    if (curr === null || this.now <= curr.execStart) return;
    const delta = this.now - curr.execStart;
    curr.execStart = this.now;
    curr.sumExec += delta;
    curr.vruntime += curr.fair(delta);
    this.#updateMinVruntime(queue);
  }

  /** update_min_vruntime: the least of all, but never backwards. */
  #updateMinVruntime(queue: Queue): void {
    const least = firstBy(queue.members, (se) => se.vruntime);
    if (least !== null) queue.base = max(queue.base, least.vruntime);
  }

  /** update_cfs_group: the weight stays, but 6.1 commits the running time of a group that runs. */
  #updateGroup(se: Entity): void {
    if (se.own === null) return;
    if (se.onQueue && se.queue.curr === se) this.#updateCurr(se.queue);
    se.load = sumLoad(se.shares);
  }

  /** enqueue_entity */
  #enqueueEntity(se: Entity, how: Coming): void {
    const { queue } = se;
    const isCurr = queue.curr === se;
    if (how !== 'wake' && isCurr) se.vruntime += queue.base;
    this.#updateCurr(queue);
    if (how !== 'wake' && !isCurr) se.vruntime += queue.base;
    if (how !== 'other') this.#place(se, false);
    if (how === 'wake-migrated') se.execStart = 0n;
    if (!isCurr) queue.waiting.push(se);
    se.onQueue = true;
  }

  /** dequeue_entity */
  #dequeueEntity(se: Entity, sleep: boolean, save: boolean): void {
    const { queue } = se;
    this.#updateCurr(queue);
    this.#clearBuddies(se);
    if (queue.curr !== se) queue.remove(se);
    se.onQueue = false;
    if (!sleep) se.vruntime -= queue.base;
    if (!save) this.#updateMinVruntime(queue);
  }

  /** place_entity */
  #place(se: Entity, initial: boolean): void {
    const { latencyNs, minGranularityNs, features } = this.tunables;
    let vruntime = se.queue.base;
    if (initial) {
      if (features.has('START_DEBIT')) vruntime += se.fair(this.slice(se));
    } else {
      const credit = se.isIdle ? minGranularityNs : latencyNs;
      vruntime -= features.has('GENTLE_FAIR_SLEEPERS') ? credit / 2n : credit;
    }
    se.vruntime = max(se.vruntime, vruntime);
  }

  /** sched_slice: the entity's part of a period, over all levels. */
  slice(entity: Entity): bigint {
    const { latencyNs, minGranularityNs, idleMinGranularityNs, nrLatency, features } = this.tunables;
    const { queue } = entity;
    const nr = (features.has('ALT_PERIOD') ? this.root.hNrRunning : queue.nrRunning) + (entity.onQueue ? 0 : 1);
    let slice = nr > nrLatency ? BigInt(nr) * minGranularityNs : latencyNs;
    for (const se of path(entity)) {
      const total = se.queue.load.weight + (se.onQueue ? 0n : se.load.weight);
      slice = calcDelta(slice, se.load.weight, sumLoad(total));
    }
    if (!features.has('BASE_SLICE')) return slice;
    const others = queue.members.length === 0 || queue.members.some(({ isIdle }) => !isIdle);
    return max(slice, entity.isIdle && others ? idleMinGranularityNs : minGranularityNs);
  }

  /** check_preempt_tick */
  #sliceExpired(curr: Entity): boolean {
    const ideal = this.slice(curr);
    const ran = curr.sumExec - curr.prevSumExec;
    if (ran > ideal) {
      this.#clearBuddies(curr);
      return true;
    }
    if (ran < this.tunables.minGranularityNs) return false;
    const left = firstBy(curr.queue.waiting, (se) => se.vruntime);
    return left !== null && curr.vruntime - left.vruntime > ideal;
  }

  /** wakeup_preempt_entity: 1 yes, 0 not by enough, −1 no. */
  #wakeupPreempt(curr: Entity, se: Entity): -1 | 0 | 1 {
    const lead = curr.vruntime - se.vruntime;
    if (lead <= 0n) return -1;
    return lead > se.fair(this.tunables.wakeupGranularityNs) ? 1 : 0;
  }

  /** pick_next_entity */
  #pickNextEntity(queue: Queue, curr: Entity | null): Entity {
    const byVruntime = (se: Entity) => se.vruntime;
    const first = firstBy(queue.waiting, byVruntime);
    // Among equals the tree goes before the running one.
    const left = firstBy([first, curr].filter(isEntity), byVruntime);
    if (left === null) throw new Error('a queue to pick from is not empty');
    const good = (se: Entity | null): se is Entity => se !== null && this.#wakeupPreempt(se, left) < 1;
    if (good(queue.next)) return queue.next;
    if (good(queue.last)) return queue.last;
    if (queue.skip !== left) return left;
    const rest = queue.waiting.filter((se) => se !== left);
    const second = firstBy([firstBy(rest, byVruntime), left === curr ? null : curr].filter(isEntity), byVruntime);
    return good(second) ? second : left;
  }

  /** set_next_entity */
  #setNextEntity(se: Entity): void {
    this.#clearBuddies(se);
    if (se.onQueue) se.queue.remove(se);
    se.execStart = this.now;
    se.queue.curr = se;
    se.prevSumExec = se.sumExec;
  }

  /** put_prev_entity */
  #putPrevEntity(se: Entity): void {
    if (se.onQueue) {
      this.#updateCurr(se.queue);
      se.queue.waiting.push(se);
    }
    se.queue.curr = null;
  }

  /** clear_buddies: a buddy is forgotten on every level on which it is one. */
  #clearBuddies(entity: Entity): void {
    for (const which of ['last', 'next', 'skip'] as const) {
      for (const se of path(entity)) {
        if (se.queue[which] !== se) break;
        se.queue[which] = null;
      }
    }
  }

  /** set_next_buddy; SCHED_IDLE never is one. */
  #setNextBuddy(entity: Entity): void {
    for (const se of path(entity)) {
      if (!se.onQueue || se.isIdle) return;
      se.queue.next = se;
    }
  }
}
