/**
 * EEVDF on one CPU, slow and obvious: of those that have had no more than their share, the one whose deadline is earliest runs
 * (kernel/sched/fair.c of 6.12, with what 6.6 and 6.18 do otherwise). Averages are exact sums over all entities at every question; the
 * choice is made by looking at all of them. The simulated kernel is held against it.
 *
 * Groups have their full shares, as in cfs.ts. Bandwidth control, core scheduling and the fair server are absent. Of 6.6 ties between
 * deadlines in the tree are not what a tree sorted by vruntime would give: there, this is the first that came.
 */
import { Entity, firstBy, isEntity, type Policy, path, Queue, type Reference, siblings, taskLoad } from './entities.js';
import { floorDivide, max, min, scaleDown, sumLoad } from './fixed_point.js';

export type Variant = '6.6' | '6.12' | '6.18';

export interface EevdfTunables {
  readonly variant: Variant;
  /** base_slice_ns, scaled for the number of CPUs. */
  readonly baseSliceNs: bigint;
  readonly tickNs: bigint;
  readonly features: ReadonlySet<string>;
}

const FEATURES_66 = ['PLACE_LAG', 'PLACE_DEADLINE_INITIAL', 'RUN_TO_PARITY', 'WAKEUP_PREEMPTION'];
const FEATURES_612 = ['PLACE_REL_DEADLINE', 'PREEMPT_SHORT', 'PICK_BUDDY', 'DELAY_DEQUEUE', 'DELAY_ZERO'];

/** The defaults of a late stable kernel of each line on one CPU at 250 Hz. */
export function defaults(variant: Variant): EevdfTunables {
  const features = new Set(variant === '6.6' ? FEATURES_66 : [...FEATURES_66, ...FEATURES_612]);
  return { variant, baseSliceNs: 700_000n, tickNs: 4_000_000n, features };
}

/** What EEVDF keeps of an entity besides its vruntime. */
interface State {
  deadline: bigint;
  slice: bigint;
  /** The slice is the task's own (sched_setattr), or a group's that follows its tasks. */
  custom: boolean;
  /** Virtual time that it was behind the average when it left. */
  lag: bigint;
  /** It left without sleeping: `deadline` is relative to vruntime. */
  relative: boolean;
  /** It sleeps, but stays on the queue until its lag is used up. */
  delayed: boolean;
  /** What protects it from others after it was chosen: to 6.12 the deadline of then, from 6.18 on a virtual time. */
  protection: bigint | null;
}

/** `special`: a sleep that must not be delayed (stopped, traced, parked, dying). */
export type Going = 'sleep' | 'special' | 'move' | 'save';

export class EevdfReference implements Reference {
  readonly root = new Queue(null);
  readonly tunables: EevdfTunables;
  now = 0n;
  /** The fair task that runs; null: the CPU is idle or another class's. */
  curr: Entity | null = null;
  needResched = false;
  readonly #states = new Map<Entity, State>();

  constructor(tunables: EevdfTunables = defaults('6.12')) {
    this.tunables = tunables;
  }

  /** A group with `shares` (a weight in the kernel's resolution) below another, or the root. */
  group(name: string, shares: bigint, parent: Entity | null = null): Entity {
    return this.#add(new Entity(name, parent?.own ?? this.root, sumLoad(shares), 'normal', true), null);
  }

  /** A task that is on no queue yet; `sliceNs` is its own slice. */
  task(
    name: string,
    nice: number,
    policy: Policy = 'normal',
    group: Entity | null = null,
    sliceNs: bigint | null = null,
  ): Entity {
    const task = new Entity(name, group?.own ?? this.root, taskLoad(nice, policy), policy, false);
    task.nice = nice;
    return this.#add(task, sliceNs);
  }

  #add(entity: Entity, sliceNs: bigint | null): Entity {
    this.#states.set(entity, {
      deadline: 0n,
      slice: sliceNs ?? this.tunables.baseSliceNs,
      custom: sliceNs !== null,
      lag: 0n,
      relative: false,
      delayed: false,
      protection: null,
    });
    return entity;
  }

  /** Deadline, lag and what else EEVDF knows of an entity. */
  state(entity: Entity): State {
    const state = this.#states.get(entity);
    if (state === undefined) throw new Error(`${entity.name} belongs to another reference`);
    return state;
  }

  // --- Averages, exact.

  /** The weighted average of all virtual times, rounded down; an empty queue goes on where it was (avg_vruntime). */
  average(queue: Queue): bigint {
    const { members } = queue;
    if (members.length > 0) {
      const weighted = members.reduce((sum, se) => sum + weightOf(se) * se.vruntime, 0n);
      queue.base = floorDivide(weighted, totalWeight(members));
    }
    return queue.base;
  }

  /** It has had no more than its share: Σ w·(v − v_se) ≥ 0, without a division (entity_eligible). */
  eligible(se: Entity): boolean {
    return se.queue.members.reduce((sum, one) => sum + weightOf(one) * (one.vruntime - se.vruntime), 0n) >= 0n;
  }

  /** How far it is behind the average, within bounds (entity_lag). */
  lag(se: Entity): bigint {
    const limit = se.fair(max(2n * this.state(se).slice, this.tunables.tickNs));
    return max(-limit, min(limit, this.average(se.queue) - se.vruntime));
  }

  // --- A task comes and goes.

  /** enqueue_task_fair of a task that is on no queue; `isNew` at its first. */
  enqueue(now: bigint, task: Entity, isNew = false): void {
    this.now = now;
    let slice: bigint | null = null;
    let climbing = true;
    for (const se of path(task)) {
      const state = this.state(se);
      if (climbing && se.onQueue) {
        if (state.delayed) this.#requeueDelayed(se);
        climbing = false;
      }
      if (climbing) {
        if (slice !== null && this.#has612) Object.assign(state, { slice, custom: true });
        this.#enqueueEntity(se, isNew && se === task);
      } else {
        this.#updateGroup(se);
        if (slice !== null && this.#has612) state.slice = slice;
      }
      slice = this.#minSlice(se.queue);
    }
  }

  /** dequeue_task_fair; false: the task sleeps, but stays on the queue. */
  dequeue(now: bigint, task: Entity, how: Going): boolean {
    this.now = now;
    return this.#dequeueEntities(task, how, false);
  }

  /** dequeue_entities: from an entity upwards, as far as queues become empty. */
  #dequeueEntities(entity: Entity, how: Going, delayed: boolean): boolean {
    const asleep = how === 'sleep' || how === 'special';
    let slice: bigint | null = null;
    for (const se of path(entity)) {
      if (slice !== null) {
        if (this.#has612) this.state(se).slice = slice;
        slice = this.#minSlice(se.queue);
        continue;
      }
      // What lies above goes to sleep, and may be delayed, whatever the reason below.
      const bottom = se === entity;
      if (!this.#dequeueEntity(se, bottom ? how : 'sleep', bottom && delayed)) {
        if (bottom) return false;
        // As in the kernel, the delayed group itself gets the least slice of the queue that it is on.
        slice = this.#minSlice(se.queue);
        if (this.#has612) this.state(se).slice = slice;
        slice = this.#minSlice(se.queue);
        continue;
      }
      if (se.queue.nrRunning === 0) continue;
      slice = this.#minSlice(se.queue);
      if (asleep && se.parent !== null) this.#setNextBuddy(se.parent);
    }
    return true;
  }

  /** ttwu: the task is woken, whether it left its queue or still lingers there. Says whether it preempts. */
  wake(now: bigint, task: Entity): boolean {
    this.now = now;
    if (this.state(task).delayed) this.#requeueDelayed(task);
    else this.enqueue(now, task);
    return this.preempts(now, task);
  }

  start(now: bigint, child: Entity): boolean {
    this.enqueue(now, child, true);
    return this.preempts(now, child);
  }

  sleep(now: bigint): void {
    if (this.curr !== null) this.dequeue(now, this.curr, 'sleep');
  }

  /** set_user_nice; the task may run, wait or sleep, delayed or not. */
  setNice(now: bigint, task: Entity, nice: number): void {
    const old = task.nice;
    if (nice === old) return;
    const queued = task.onQueue;
    const running = this.curr === task;
    this.now = now;
    if (queued) this.dequeue(now, task, 'save');
    if (running) this.putPrev(now);
    task.nice = nice;
    if (!task.isIdle) {
      const state = this.state(task);
      const load = taskLoad(nice, task.policy);
      state.lag = (state.lag * task.load.weight) / load.weight;
      // 6.18 scales what is left of the deadline, too.
      if (this.tunables.variant === '6.18' && state.relative) {
        state.deadline = (state.deadline * task.load.weight) / load.weight;
      }
      task.load = load;
    }
    if (queued) this.enqueue(now, task);
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

  /** check_preempt_wakeup_fair: a task came; must the running one go? */
  preempts(now: bigint, wakee: Entity): boolean {
    this.now = now;
    const before = this.needResched;
    if (this.curr === null) this.needResched = true;
    else if (!before && this.curr !== wakee && this.#checkPreemptWakeup(this.curr, wakee)) this.needResched = true;
    return this.needResched && !before;
  }

  #checkPreemptWakeup(curr: Entity, wakee: Entity): boolean {
    const { variant, features } = this.tunables;
    if (!features.has('WAKEUP_PREEMPTION')) return false;
    const [se, pse] = siblings(curr, wakee);
    if (se.isIdle && !pse.isIdle) {
      if (this.#has612) this.#unprotect(se);
      return true;
    }
    if (se.isIdle !== pse.isIdle || wakee.policy !== 'normal') return false;
    this.#updateCurr(se.queue);
    const short = features.has('PREEMPT_SHORT') && this.state(pse).slice < this.state(se).slice;
    if (variant === '6.18') {
      if (this.#pickEevdf(se.queue, !short) === pse) {
        if (short) this.#unprotect(se);
        return true;
      }
      if (short) this.#shortenProtection(se);
      return false;
    }
    if (short && this.eligible(pse)) {
      const earlier = this.state(pse).deadline < this.state(se).deadline;
      // It stays unprotected even if somebody else is chosen in the end.
      if (earlier || !this.eligible(se)) this.#unprotect(se);
    }
    return this.#pickEevdf(se.queue, true) === pse;
  }

  /** pick_next_task_fair, after a fair task or none: the choice runs from now on. */
  pick(now: bigint): Entity | null {
    this.now = now;
    const next = this.#pickTask();
    const prev = this.curr;
    if (next === null && prev !== null) this.putPrev(now);
    if (next !== null && prev !== next) {
      const stays = path(prev).filter((se) => path(next).includes(se));
      for (const se of path(prev)) if (!stays.includes(se)) this.#putPrevEntity(se);
      for (const se of path(next)) if (!stays.includes(se)) this.#setNextEntity(se);
    }
    this.curr = next;
    // Last, for what is put back is charged, which may ask for it.
    this.needResched = false;
    return next;
  }

  /** pick_task_fair: a delayed entity whose turn has come leaves, and the choice begins again. */
  #pickTask(): Entity | null {
    let queue: Queue | null = this.root;
    let se: Entity | null = null;
    while (queue !== null) {
      if (queue.nrRunning === 0) return null;
      if (queue.curr?.onQueue) this.#updateCurr(queue);
      se = this.#pickNextEntity(queue);
      if (se !== null && this.state(se).delayed) {
        this.#dequeueEntities(se, 'sleep', true);
        queue = this.root;
        continue;
      }
      queue = se?.own ?? null;
    }
    return se;
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
    const before = this.needResched;
    for (const se of path(this.curr)) this.#updateCurr(se.queue);
    return this.needResched && !before;
  }

  /** yield_task_fair of late stable kernels: what is left of the slice is forfeited. `others`: tasks of other classes. */
  yield(now: bigint, others = 0): void {
    const { curr } = this;
    if (curr === null || this.root.hNrRunning + others === 1) return;
    this.now = now;
    this.#clearBuddies(curr);
    this.#updateCurr(curr.queue);
    if (!this.eligible(curr)) return;
    const state = this.state(curr);
    curr.vruntime = state.deadline;
    if (this.tunables.variant === '6.12') this.#updateDeadline(curr);
    else state.deadline += curr.fair(state.slice);
  }

  // --- One level.

  get #has612(): boolean {
    return this.tunables.variant !== '6.6';
  }

  /** update_curr */
  #updateCurr(queue: Queue): void {
    const { curr } = queue;
    if (curr === null || this.now <= curr.execStart) return;
    const delta = this.now - curr.execStart;
    curr.execStart = this.now;
    curr.sumExec += delta;
    curr.vruntime += curr.fair(delta);
    const { variant, features } = this.tunables;
    let over = this.#updateDeadline(curr);
    if (queue.nrRunning === 1) return;
    if (variant === '6.12' && features.has('PREEMPT_SHORT')) over ||= !this.#protected(curr) && !this.eligible(curr);
    if (variant === '6.18') over ||= !this.#protected(curr);
    if (!over) return;
    this.needResched = true;
    this.#clearBuddies(curr);
  }

  /** update_deadline: a slice is used up, the next one begins where it ended. */
  #updateDeadline(se: Entity): boolean {
    const state = this.state(se);
    if (se.vruntime < state.deadline) return false;
    if (!state.custom) state.slice = this.tunables.baseSliceNs;
    state.deadline = se.vruntime + se.fair(state.slice);
    this.average(se.queue);
    return true;
  }

  /** enqueue_entity */
  #enqueueEntity(se: Entity, isNew: boolean): void {
    const { queue } = se;
    const isCurr = queue.curr === se;
    if (isCurr) this.#place(se, isNew);
    this.#updateCurr(queue);
    this.#updateGroup(se);
    if (!isCurr) {
      this.#place(se, isNew);
      queue.waiting.push(se);
    }
    se.onQueue = true;
  }

  /** dequeue_entity; false: it is delayed. `delayed`: it was, and leaves now. */
  #dequeueEntity(se: Entity, how: Going, delayed: boolean): boolean {
    const { queue } = se;
    const { features } = this.tunables;
    const state = this.state(se);
    this.#updateCurr(queue);
    this.#clearBuddies(se);
    if (!delayed && how === 'sleep' && features.has('DELAY_DEQUEUE') && !this.eligible(se)) {
      state.delayed = true;
      return false;
    }
    state.lag = this.lag(se);
    if (features.has('PLACE_REL_DEADLINE') && (how === 'move' || how === 'save')) {
      state.deadline -= se.vruntime;
      state.relative = true;
    }
    if (queue.curr !== se) queue.remove(se);
    se.onQueue = false;
    if (delayed) {
      state.delayed = false;
      if (features.has('DELAY_ZERO')) state.lag = min(state.lag, 0n);
    }
    return true;
  }

  /** place_entity: its lag on coming is its lag on leaving, although its own weight moves the average. */
  #place(se: Entity, isNew: boolean): void {
    const { variant, baseSliceNs, features } = this.tunables;
    const state = this.state(se);
    const { members } = se.queue;
    if (!state.custom) state.slice = baseSliceNs;
    let virtualSlice = se.fair(state.slice);
    const average = this.average(se.queue);
    let lag = 0n;
    if (features.has('PLACE_LAG') && members.some((other) => other !== se)) {
      const weight = totalWeight(members);
      lag = (state.lag * (weight + weightOf(se))) / weight;
    }
    se.vruntime = average - lag;
    if (features.has('PLACE_REL_DEADLINE') && state.relative) {
      state.deadline += se.vruntime;
      state.relative = false;
      return;
    }
    // 6.6 halves at fork only, and then places a second time.
    if (features.has('PLACE_DEADLINE_INITIAL') && isNew && variant !== '6.6') virtualSlice /= 2n;
    state.deadline = se.vruntime + virtualSlice;
  }

  /** update_cfs_group: a group's weight follows its shares; from 6.12 on not while it is empty. */
  #updateGroup(se: Entity): void {
    if (se.own === null || se.load.weight === se.shares) return;
    if (se.own.nrRunning === 0 && this.#has612) return;
    this.#reweight(se, se.shares);
  }

  /** reweight_entity */
  #reweight(se: Entity, shares: bigint): void {
    const { queue } = se;
    const state = this.state(se);
    const old = se.load.weight;
    const anew = this.tunables.variant === '6.18';
    const running = queue.curr === se;
    if (!se.onQueue) {
      state.lag = (state.lag * old) / shares;
      se.load = sumLoad(shares);
      return;
    }
    this.#updateCurr(queue);
    const average = this.average(queue);
    const lag = (this.lag(se) * old) / shares;
    if (!running) queue.remove(se);
    se.load = sumLoad(shares);
    if (anew) {
      // As one that leaves and comes back without having slept; the running one counts on the queue that it comes to.
      state.lag = lag;
      state.deadline = ((state.deadline - se.vruntime) * old) / shares;
      state.relative = true;
      this.#place(se, false);
      // Its lag is kept where its protection was.
      if (running) this.#unprotect(se);
    } else {
      if (se.vruntime !== average) se.vruntime = average - lag;
      state.deadline = average + ((state.deadline - average) * old) / shares;
    }
    if (!running) queue.waiting.push(se);
  }

  /** requeue_delayed_entity: who was to leave, stays; with a lag of at most 0. */
  #requeueDelayed(se: Entity): void {
    const state = this.state(se);
    const { queue } = se;
    if (this.tunables.features.has('DELAY_ZERO')) {
      state.lag = this.lag(se);
      if (state.lag > 0n) {
        state.lag = 0n;
        if (queue.curr !== se) queue.remove(se);
        this.#place(se, false);
        if (queue.curr !== se) queue.waiting.push(se);
      }
    }
    state.delayed = false;
  }

  /** pick_next_entity: a buddy that is eligible goes first. */
  #pickNextEntity(queue: Queue): Entity | null {
    const { next } = queue;
    if (this.tunables.features.has('PICK_BUDDY') && next !== null && this.eligible(next)) return next;
    return this.#pickEevdf(queue, true);
  }

  /** pick_eevdf, by its definition: of all that are eligible, the earliest deadline, the first that came among equals. */
  #pickEevdf(queue: Queue, protect: boolean): Entity | null {
    if (queue.nrRunning === 1) return queue.members[0] ?? null;
    const byDeadline = (se: Entity) => this.state(se).deadline;
    const curr = queue.curr?.onQueue && this.eligible(queue.curr) ? queue.curr : null;
    if (protect && curr !== null && this.#protected(curr) && this.#runsToParity) return curr;
    const best = firstBy(
      queue.waiting.filter((se) => this.eligible(se)),
      byDeadline,
    );
    // Equal deadlines: 6.6 lets the running one go on, later kernels do not.
    const order = this.tunables.variant === '6.6' ? [curr, best] : [best, curr];
    return firstBy(order.filter(isEntity), byDeadline);
  }

  /** 6.18 without RUN_TO_PARITY protects, too, for one base slice. */
  get #runsToParity(): boolean {
    return this.tunables.variant === '6.18' || this.tunables.features.has('RUN_TO_PARITY');
  }

  /** set_next_entity */
  #setNextEntity(se: Entity): void {
    this.#clearBuddies(se);
    if (se.onQueue) {
      se.queue.remove(se);
      this.#protect(se);
    }
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

  // --- Protection of the running one.

  /** set_protect_slice */
  #protect(se: Entity): void {
    const state = this.state(se);
    state.protection = state.deadline;
    if (this.tunables.variant !== '6.18') return;
    const quantum = min(state.slice, this.#quantum(se));
    if (quantum !== state.slice) state.protection = min(state.protection, se.vruntime + se.fair(quantum));
  }

  /** update_protect_slice of 6.18 */
  #shortenProtection(se: Entity): void {
    const state = this.state(se);
    const until = se.vruntime + se.fair(this.#quantum(se));
    if (state.protection !== null) state.protection = min(state.protection, until);
  }

  /** For so long 6.18 protects: the shortest slice of all that could run; without RUN_TO_PARITY the unscaled base slice. */
  #quantum(se: Entity): bigint {
    return this.tunables.features.has('RUN_TO_PARITY') ? this.#minSlice(se.queue) : 700_000n;
  }

  #protected(se: Entity): boolean {
    const { deadline, protection } = this.state(se);
    if (protection === null) return false;
    return this.tunables.variant === '6.18' ? protection > se.vruntime : protection === deadline;
  }

  #unprotect(se: Entity): void {
    this.state(se).protection = null;
  }

  // --- Slices and buddies.

  /** cfs_rq_min_slice; 2⁶⁴ − 1 of an empty queue. */
  #minSlice(queue: Queue): bigint {
    return queue.members.map((se) => this.state(se).slice).reduce(min, 2n ** 64n - 1n);
  }

  /** clear_buddies */
  #clearBuddies(entity: Entity): void {
    for (const se of path(entity)) {
      if (se.queue.next !== se) return;
      se.queue.next = null;
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

/** Averages use weights without the extra resolution. */
function weightOf(se: Entity): bigint {
  return scaleDown(se.load.weight);
}

function totalWeight(members: readonly Entity[]): bigint {
  return members.reduce((sum, se) => sum + weightOf(se), 0n);
}
